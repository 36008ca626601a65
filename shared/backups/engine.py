"""The interface of a kind of database that can be backed up. Each kind is a folder here, with a
module `engine`, which `engines` finds. The app imports it when it starts, so at its top it imports
nothing that only backups of that kind need."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from shared.backups.source import Source
from shared.settings import Secret, Settings
from shared.storage.connect import Connection


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """The database, or the part of one, that a source is wanted for."""

    name: str
    """What plans call the source."""
    url: Secret
    setting: str
    """The setting that holds the URL."""
    database: str | None = None
    """Which database of a server; default: the one in its URL."""
    schemas: tuple[str, ...] = ()
    exclude_schemas: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    """Rules that the data breaks, and that a proof may leave out."""


class Engine(Protocol):
    """A kind of database."""

    name: str
    """What manifests call it."""
    schemes: tuple[str, ...]
    """What the URLs of its databases start with. Settings refuse any other URL."""

    @property
    def databases(self) -> Callable[[Asked], list[str]] | None:
        """Lists the databases of a server that can be backed up; raises `Unavailable`, `Refused`.
        None if it is no server: then a plan can name no parts of it."""

    def source(self, asked: Asked, settings: Settings, connection: Connection) -> Source:
        """A source of what was asked for. Raises `Misconfigured`."""

    def target_problem(self, name: str) -> str | None:
        """Why a restore cannot go to `name`, in words for whoever gave it; None if it can. Looks at
        the name alone: the restore itself finds out whether something is there."""
