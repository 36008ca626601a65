"""A target: what `health_check` looks at, and what `sync` copies from and to. Pure."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from pydantic import Field

from shared.resources.model import Described

TLS_PORT = 443
"""Of a target of kind tls that has none."""


class TargetKind(StrEnum):
    """What a target is."""

    HTTP = "http"
    TCP = "tcp"
    TLS = "tls"
    DNS = "dns"
    SQL = "sql"
    """A PostgreSQL database: its URL is the secret `url`."""
    CONTAINER = "container"
    """A blob container: its URL with a SAS, or a connection string with `container`, is the secret
    `url`."""
    TABLE = "table"
    """A table in Table Storage; the same with `table`."""
    PAIR = "pair"
    """What a sync copies from one target to another: the ids in `source_id` and
    `destination_id`."""


class Target(Described):
    """A target. Which fields it needs depends on its kind."""

    SECRETS: ClassVar[tuple[str, ...]] = ("url", "authorization")
    """`url`: of sql, container and table. `authorization`: the header of that name, of http."""

    kind: TargetKind
    url: str = Field(default="", max_length=2000)
    """Of http; no secret in it."""
    host: str = Field(default="", max_length=255)
    """Of tcp, tls and dns."""
    port: int | None = Field(default=None, ge=1, le=65535)
    """Of tcp, and of tls (default `TLS_PORT`)."""
    record: str = Field(default="", max_length=10)
    """Of dns: A, AAAA, CNAME, MX, TXT, NS or SRV."""
    container: str = Field(default="", max_length=63)
    table: str = Field(default="", max_length=63)
    source_id: str = Field(default="", max_length=64)
    destination_id: str = Field(default="", max_length=64)
