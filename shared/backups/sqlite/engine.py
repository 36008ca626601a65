"""SQLite as a kind of database (`Engine`)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from shared.backups.sqlite.names import target_problem as target_problem

if TYPE_CHECKING:
    from shared.backups.engine import Asked
    from shared.backups.source import Source
    from shared.settings import Settings
    from shared.storage.connect import Connection

name = "sqlite"
schemes: tuple[str, ...] = ("sqlite:///",)
databases = None


def source(asked: Asked, settings: Settings, connection: Connection) -> Source:
    """The file that the URL names."""
    del settings, connection
    from shared.backups.sqlite.source import SqliteSource

    path = Path(asked.url.reveal().removeprefix(schemes[0]))
    return SqliteSource(path, name=asked.name, setting=asked.setting)
