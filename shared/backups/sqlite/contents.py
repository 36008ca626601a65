"""What a SQLite file holds."""

from __future__ import annotations

import hashlib
import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from shared.backups.source import Contents
from shared.backups.sqlite.check import count, in_bytes, look_over, shown, tables
from shared.errors import Damaged
from shared.tasks.context import JobContext

_CHUNK = 1024 * 1024
_INSTRUCTIONS = 100_000
_DIGITS = 12


def proved(path: Path, job: JobContext) -> Contents:
    """Check a copy with SQLite's own check; return what it holds. Raises `Damaged`,
    `sqlite3.Error`."""
    with closing(sqlite3.connect(path)) as connection:
        connection.set_progress_handler(job.stop.is_set, _INSTRUCTIONS)
        try:
            look_over(connection, job.log)
            return contents(connection, job)
        except sqlite3.OperationalError:
            job.check()
            raise


def check(connection: sqlite3.Connection) -> None:
    """Raises `Damaged` if SQLite's own check finds anything, even rows that break a constraint."""
    said = [row[0] for row in connection.execute("PRAGMA integrity_check(3)")]
    if said != ["ok"]:
        raise Damaged("integrity_check says " + "; ".join(said).replace("\n", " "))


def contents(connection: sqlite3.Connection, job: JobContext) -> Contents:
    """The number of rows of each table, and every object's definition. Of virtual tables only the
    definition: their rows are in the tables behind them."""
    counted = {shown(name): count(connection, name) for name in tables(connection)}
    uncounted = [name for name, rows in counted.items() if rows is None]
    if uncounted:
        text = "rows not counted: the name is not UTF-8"
        job.log(text, level=logging.WARNING, tables=", ".join(uncounted))
    defined = in_bytes(
        connection,
        "SELECT type || ' ' || name, CAST(sql AS BLOB) FROM sqlite_master "
        "WHERE sql IS NOT NULL ORDER BY 1",
    )
    return Contents(
        tables={name: rows for name, rows in counted.items() if rows is not None},
        schema={
            name.decode(errors="backslashreplace"): hashlib.sha256(sql).hexdigest()[:_DIGITS]
            for name, sql in defined
        },
    )


def read(path: Path, job: JobContext) -> Iterator[bytes]:
    """A file's bytes."""
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            job.check()
            yield chunk


def write(path: Path, chunks: Iterator[bytes], job: JobContext) -> None:
    """Write a new file with these bytes."""
    with path.open("wb") as file:
        for chunk in chunks:
            job.check()
            file.write(chunk)
