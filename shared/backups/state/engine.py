"""Belfry's own tables as a kind of database (`Engine`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.backups.state.names import target_problem as target_problem

if TYPE_CHECKING:
    from shared.backups.engine import Asked
    from shared.backups.source import Source
    from shared.settings import Settings
    from shared.storage.connect import Connection

name = "belfry"
schemes: tuple[str, ...] = ()
databases = None


def source(asked: Asked, settings: Settings, connection: Connection) -> Source:
    """The tables of BELFRY_PREFIX."""
    del asked
    from shared.backups.state.source import StateSource

    return StateSource(connection, settings.prefix, settings.schedule_shards)
