"""PostgreSQL as a kind of database (`Engine`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.backups.postgres.names import target_problem as target_problem

if TYPE_CHECKING:
    from shared.backups.engine import Asked
    from shared.backups.source import Source
    from shared.settings import Settings
    from shared.storage.connect import Connection

name = "postgresql"
schemes: tuple[str, ...] = ("postgresql://", "postgres://")


def source(asked: Asked, settings: Settings, connection: Connection) -> Source:
    """The database asked for, or some of its schemas; proved on POSTGRES_SCRATCH_URL's server."""
    del connection
    from shared.backups.postgres.source import PostgresSource

    return PostgresSource(
        asked.url,
        name=asked.name,
        setting=asked.setting,
        database=asked.database,
        schemas=asked.schemas,
        exclude_schemas=asked.exclude_schemas,
        scratch_url=settings.postgres_scratch_url or None,
        folder=settings.postgres_bin,
        without=asked.without,
    )


def databases(asked: Asked) -> list[str]:
    """The databases that the URL's user may connect to, without the server's and Belfry's own."""
    from shared.backups.postgres.source import databases

    return databases(asked.url, asked.setting)
