"""A kind of database that can be backed up: what `sources` asks of it, before anything is loaded
that only its own backups need. Each kind is a folder here, with a module `engine` in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from shared.backups.source import Source
from shared.settings import Secret, Settings
from shared.storage.connect import Connection


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """Which database, or which part of one, a source is to be of."""

    name: str
    """What plans call the source."""
    url: Secret
    setting: str
    """The setting that says where it is."""
    database: str | None = None
    """Of a server; default: the one in its URL."""
    schemas: tuple[str, ...] = ()
    exclude_schemas: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    """Rules that its data breaks, which a proof may leave out."""


class Engine(Protocol):
    """A kind of database."""

    name: str
    """What manifests call it."""
    kind: str
    """For a person: what a source of it is."""
    schemes: tuple[str, ...]
    """How the URLs of its databases begin."""
    has_parts: bool
    """Whether it is a server with several databases, of which schemas and rules can be named."""

    def source(self, asked: Asked, settings: Settings, connection: Connection) -> Source:
        """A source of that. Raises `Misconfigured`."""

    def databases(self, asked: Asked) -> list[str]:
        """The databases of a server that can be backed up. Raises `Unavailable`, `Refused`."""

    def target_problem(self, name: str) -> str | None:
        """Why a restore cannot go to `name`, in words for whoever gave it; None if it can. Nobody
        is asked: whether something is there, the restore sees."""
