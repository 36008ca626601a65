"""What the tests of the PostgreSQL source share: it is driven directly, its dump kept in memory."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo

from local.postgres import Postgres
from shared.backups.model import differences
from shared.backups.postgres.contents import contents
from shared.backups.source import Contents, Dump, Source
from shared.tasks.context import JobContext
from tests.context import job_of

_PIECE = 64 * 1024


def pieces(data: bytes) -> Iterator[bytes]:
    """As a download brings them."""
    return (data[at : at + _PIECE] for at in range(0, len(data), _PIECE))


def dumped(source: Source, job: JobContext | None = None) -> tuple[bytes, Dump]:
    """A whole dump, and what was said of it."""
    with source.dump(job or job_of()) as dump:
        return b"".join(dump.chunks), dump


def proved(source: Source, job: JobContext | None = None) -> Dump:
    """A dump that was restored, and what was restored is what was dumped."""
    data, dump = dumped(source, job)
    assert differences(dump.contents, source.prove(pieces(data), job or job_of())) == ""
    return dump


def held(url: str) -> Contents:
    """What the database holds now."""
    with psycopg.connect(url) as connection:
        return contents(connection, job_of())


def changed(url: str, **changes: object) -> str:
    """A connection string that differs in those parameters."""
    return make_conninfo(url, **{name: str(value) for name, value in changes.items()})


def execute(url: str, *statements: str) -> None:
    """Each on its own."""
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def column(url: str, query: str, *given: object) -> list[str]:
    """The first column of the answer, as texts."""
    with psycopg.connect(url, autocommit=True) as connection:
        return [str(row[0]) for row in connection.execute(query.encode(), given or None)]


def made(postgres: Postgres, *statements: str, name: str = "") -> str:
    """The URL of a new database in which those were executed."""
    name = name or f"d{uuid.uuid4().hex[:10]}"
    execute(postgres.url("postgres"), f'CREATE DATABASE "{name}"')
    execute(postgres.url(name), *statements)
    return postgres.url(name)


def databases_like(postgres: Postgres, prefix: str) -> list[str]:
    """The names of the databases that begin so."""
    query = "SELECT datname FROM pg_database WHERE starts_with(datname, %s) ORDER BY 1"
    return column(postgres.url("postgres"), query, prefix)


def programs(folder: Path, real: Path, name: str, script: str) -> Path:
    """A folder of client programs, one of which does what the script says."""
    folder.mkdir()
    for item in ("pg_dump", "pg_restore"):
        (folder / item).symlink_to(real / item)
    (folder / name).unlink()
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)
    return folder
