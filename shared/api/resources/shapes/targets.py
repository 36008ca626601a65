"""What the API takes and returns for targets."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import Field

from shared.api.fields import Name, ProjectId
from shared.api.lists import Paged
from shared.api.resources.shapes.resource import Description, ResourceOut, Said, SecretText
from shared.resources.model import Resource
from shared.resources.targets import TargetKind
from shared.resources.wanted import Wanted, has_secret_url
from shared.settings import Secret

End = Annotated[str, Field(max_length=64)]
_ENDS = ("source_id", "destination_id")


class _Target(Said):
    PLAIN: ClassVar[tuple[str, ...]] = (
        "name",
        "description",
        "kind",
        "url",
        "host",
        "port",
        "record",
        "container",
        "table",
        "source_id",
        "destination_id",
    )
    SECRET = ("authorization",)


class NewTarget(_Target):
    """A target to be made. Which fields it needs depends on its kind: http takes `url` and
    `authorization`; tcp `host` and `port`; tls `host` and `port`; dns `host` and `record`; sql,
    container and table `url`, which is a secret then; pair `source_id` and `destination_id`."""

    name: Name
    description: Description | None = None
    project_id: ProjectId | None = None
    kind: TargetKind
    url: str | None = Field(default=None, max_length=4000)
    """Of http: where it answers. Of sql: `postgresql://user:password@host/database`. Of container
    and table: its URL with a SAS, or a connection string. A secret, except of http."""
    authorization: SecretText | None = None
    """Of http: the header of that name, such as `Bearer abc`. Null removes it."""
    host: str | None = Field(default=None, max_length=255)
    port: int | None = Field(default=None, ge=1, le=65535, strict=True)
    """Of tcp, and of tls (default: 443)."""
    record: str | None = Field(default=None, max_length=10)
    """Of dns: A (default), AAAA, CNAME, MX, TXT, NS or SRV."""
    container: str | None = Field(default=None, max_length=63)
    """If a connection string is given."""
    table: str | None = Field(default=None, max_length=63)
    """If a connection string is given; of sql: the table that a sync copies."""
    source_id: End | None = None
    """Of a pair: the target that is copied from."""
    destination_id: End | None = None
    """Of a pair: the target that is copied to."""

    def wanted(self) -> Wanted:
        return _with_url(super().wanted(), self.kind)


class TargetChange(_Target):
    """What is to change; what is left out stays. Null removes `authorization`, and changes nothing
    else. The kind stays."""

    PLAIN = tuple(name for name in _Target.PLAIN if name != "kind")

    name: Name | None = None
    description: Description | None = None
    url: str | None = Field(default=None, max_length=4000)
    authorization: SecretText | None = None
    host: str | None = Field(default=None, max_length=255)
    port: int | None = Field(default=None, ge=1, le=65535, strict=True)
    record: str | None = Field(default=None, max_length=10)
    container: str | None = Field(default=None, max_length=63)
    table: str | None = Field(default=None, max_length=63)
    source_id: End | None = None
    destination_id: End | None = None

    def onto(self, one: Resource[Any]) -> Wanted:
        made = super().onto(one)
        fields = dict(made.fields) | {"kind": one.what.kind}
        given = Wanted(fields=fields, secrets=made.secrets)
        return _with_url(given, one.what.kind) if self.url is not None else given


def _with_url(wanted: Wanted, kind: TargetKind) -> Wanted:
    """The URL as a secret, if it is one for that kind."""
    if not has_secret_url(kind) or "url" not in wanted.fields:
        return wanted
    fields = dict(wanted.fields)
    return Wanted(fields=fields, secrets={**wanted.secrets, "url": Secret(fields.pop("url"))})


class TargetOut(ResourceOut):
    """A target."""

    kind: TargetKind
    url: str | None
    """Of http; other URLs are secrets."""
    host: str | None
    port: int | None
    record: str | None
    container: str | None
    table: str | None
    source_id: str | None
    destination_id: str | None

    @classmethod
    def _fields(cls, one: Resource[Any]) -> dict[str, Any]:
        found = super()._fields(one)
        plain = ("url", "host", "port", "record", "container", "table", *_ENDS)
        return found | {name: found[name] or None for name in plain}


class TargetList(Paged):
    targets: list[TargetOut]
