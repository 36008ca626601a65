"""What a customer may ask of a `health_check`: what is reached, and what is expected of it. Pure.

What is reached is a target (or a plain URL); what is expected of it is the schedule's, so that two
schedules may look at one target with different eyes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, field_validator, model_validator

from shared.errors import Invalid
from shared.probes import json_paths
from shared.probes.model import Thresholds
from shared.resources.targets import TargetKind
from shared.tasks.customers import CustomerParams, ResourceId
from shared.tasks.model import Flag

_STATUS = re.compile(r"[1-5]\d\d(?:-[1-5]\d\d)?", re.ASCII)
_HEADER = re.compile(r"[A-Za-z0-9-]{1,60}", re.ASCII)
_RECORD = Literal["A", "AAAA", "CNAME", "MX", "TXT", "NS", "SRV"]


def _is_status(text: str) -> str:
    if not _STATUS.fullmatch(text) or text[:3] > text[-3:]:
        raise ValueError("give a status such as 200, or a range such as 200-299")
    return text


_Statuses = Annotated[str, AfterValidator(_is_status)]
_Text = Annotated[str, Field(max_length=200)]

OF_KIND: Mapping[TargetKind, frozenset[str]] = {
    TargetKind.HTTP: frozenset(
        {
            *("method", "statuses", "redirects", "contains", "lacks"),
            *("header", "header_contains", "json_path", "json_value"),
        }
    ),
    TargetKind.TCP: frozenset({"contains"}),
    TargetKind.TLS: frozenset({"days_left"}),
    TargetKind.DNS: frozenset({"record_values"}),
    TargetKind.SQL: frozenset({"query", "query_value"}),
}
"""The kinds of targets that can be checked, and which expectations each has besides the common
ones."""


class HealthCheck(CustomerParams):
    """What to look at, and what is expected of it. Without a target and a URL, Belfry itself."""

    RESOURCES: ClassVar[tuple[str, ...]] = ("target_id",)

    target_id: ResourceId | None = None
    """A target of the same project, of kind http, tcp, tls, dns or sql."""
    url: str = Field(default="", max_length=2000)
    """In place of a target: what to ask for by HTTP, without a secret in it."""
    timeout_seconds: int = Field(default=10, ge=1, le=30)
    """From the beginning to the last byte."""
    slow_after_ms: int | None = Field(default=None, ge=1, le=30_000)
    """What takes longer is `degraded`."""
    failures_before_down: int = Field(default=1, ge=1, le=20)
    """How many bad results in a row it takes until the target is down; as many slow ones, until it
    is degraded."""
    successes_before_up: int = Field(default=1, ge=1, le=20)
    """How many good results in a row it takes until it is up again."""
    fail_when_down: Flag = True
    """Whether a run fails while its target is down, so that the schedule's success rate is the
    target's. It is not tried again: the next run looks again."""

    method: Literal["GET", "HEAD"] = "GET"
    """Of http."""
    statuses: list[_Statuses] = Field(default=["200-299"], min_length=1, max_length=20)
    """Of http: the statuses that are right, each `200` or `200-299`."""
    redirects: int = Field(default=0, ge=0, le=5)
    """Of http: how many are followed. None is, if the target has a header `Authorization`."""
    contains: _Text = ""
    """Of http and tcp: a text that must be in the answer's first 256 KiB, or in what the server
    says first (1,024 bytes)."""
    lacks: _Text = ""
    """Of http: a text that must not be in it."""
    header: str = Field(default="", max_length=60)
    """Of http: the name of a header that must be there."""
    header_contains: _Text = ""
    """Of http: a text that must be in that header."""
    json_path: str = Field(default="", max_length=json_paths.LONGEST)
    """Of http: a path (RFC 9535) at which the answer, as JSON, must have a value."""
    json_value: str | None = Field(default=None, max_length=200)
    """Of http: what the first value there must be: a text as it is, all else as JSON."""

    days_left: int = Field(default=14, ge=0, le=365)
    """Of tls: for how many days the certificate must still be good."""
    record_values: list[Annotated[str, Field(max_length=255)]] = Field(
        default_factory=list, max_length=20
    )
    """Of dns: what must be among the answers, in the form of a zone file, such as `10 mx.a.com.`"""
    query: str = Field(default="SELECT 1", min_length=1, max_length=1000)
    """Of sql: one query that reads; its first row is read, and of that the first value."""
    query_value: str | None = Field(default=None, max_length=200)
    """Of sql: what that value must be, as text."""

    @field_validator("header")
    @classmethod
    def _is_header(cls, name: str) -> str:
        if name and not _HEADER.fullmatch(name):
            raise ValueError("give the name of a header, such as Content-Type")
        return name

    @field_validator("json_path")
    @classmethod
    def _is_path(cls, path: str) -> str:
        if path:
            json_paths.hold(path)
        return path

    @field_validator("query")
    @classmethod
    def _is_one_query(cls, text: str) -> str:
        if ";" in text.rstrip("; \n"):
            raise ValueError("give one query without ;")
        return text.rstrip("; \n")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.target_id is not None and self.url:
            raise ValueError("give target_id or url, not both")
        if self.header_contains and not self.header:
            raise ValueError("header_contains needs header")
        if self.json_value is not None and not self.json_path:
            raise ValueError("json_value needs json_path")
        if self.method == "HEAD" and (self.contains or self.lacks or self.json_path):
            raise ValueError(
                "HEAD has no body: leave out contains, lacks and json_path, or use GET"
            )
        return self

    @property
    def thresholds(self) -> Thresholds:
        return Thresholds(down=self.failures_before_down, up=self.successes_before_up)

    def hold(self, kind: TargetKind | None) -> None:
        """Raise `Invalid` for an expectation that such a target does not have. None: Belfry."""
        if kind is not None and kind not in OF_KIND:
            known = ", ".join(OF_KIND)
            raise Invalid("target_id", f"it is of kind {kind}; give one of {known}")
        its = OF_KIND[kind] if kind is not None else frozenset()
        others = frozenset().union(*OF_KIND.values()) - its
        for name in sorted(others & self.model_fields_set):
            what = f"a target of kind {kind}" if kind is not None else "Belfry itself"
            raise Invalid(name, f"{what} does not have it; leave it out")
