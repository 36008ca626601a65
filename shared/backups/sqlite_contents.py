"""What a SQLite file holds, and the scratch space in which copies of one are made."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from shared.backups.source import Contents
from shared.errors import Damaged, Unavailable
from shared.tasks.context import JobContext

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_CHUNK = 1024 * 1024
_FOLDER = "belfry-backup-"
_INSTRUCTIONS = 100_000
_DIGITS = 12


def proved(path: Path, job: JobContext) -> Contents:
    """What a copy holds, after SQLite's own check of it. Raises `Damaged`, `sqlite3.Error`."""
    with closing(sqlite3.connect(path)) as connection:
        connection.set_progress_handler(job.stop.is_set, _INSTRUCTIONS)
        try:
            check(connection)
            return contents(connection)
        except sqlite3.OperationalError:
            job.check()
            raise


def check(connection: sqlite3.Connection) -> None:
    """Raises `Damaged` if SQLite's own check finds anything."""
    said = [row[0] for row in connection.execute("PRAGMA integrity_check(3)")]
    if said != ["ok"]:
        raise Damaged("integrity_check says " + "; ".join(said).replace("\n", " "))


def contents(connection: sqlite3.Connection) -> Contents:
    """The rows of each table, and every object's definition, virtual tables' too: their rows are
    those of the tables behind them."""
    tables = [
        row[0]
        for row in connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' "
            "AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' "
            "AND sql NOT LIKE 'CREATE VIRTUAL%' ORDER BY name"
        )
    ]
    defined = connection.execute(
        "SELECT type || ' ' || name, CAST(sql AS BLOB) FROM sqlite_master "
        "WHERE sql IS NOT NULL ORDER BY 1"
    )
    return Contents(
        tables={name: count(connection, name) for name in tables},
        schema={name: hashlib.sha256(sql).hexdigest()[:_DIGITS] for name, sql in defined},
    )


def count(connection: sqlite3.Connection, table: str) -> int:
    """The rows of a table."""
    quoted = table.replace('"', '""')
    return int(connection.execute(f'SELECT count(*) FROM "{quoted}"').fetchone()[0])  # noqa: S608


def code(error: sqlite3.Error) -> int:
    """SQLite's primary result code."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def read(path: Path, job: JobContext) -> Iterator[bytes]:
    """A file's bytes."""
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            job.check()
            yield chunk


def write(path: Path, chunks: Iterator[bytes], job: JobContext) -> None:
    """A new file of these bytes."""
    with path.open("wb") as file:
        for chunk in chunks:
            job.check()
            file.write(chunk)


@contextmanager
def scratch_folder(where: Path) -> Iterator[Path]:
    """A folder in `where` that goes away, and with it those of processes that were killed.

    Raises `Unavailable`, naming `where`, if that is full or cannot be written.
    """
    try:
        _remove_left_over(where)
        folder = Path(tempfile.mkdtemp(prefix=f"{_FOLDER}{os.getpid()}-", dir=where))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    except sqlite3.OperationalError as error:
        if code(error) == sqlite3.SQLITE_FULL:
            raise full(where) from error
        raise
    except OSError as error:
        if error.errno in FULL:
            raise full(where) from error
        if error.errno is None or isinstance(error, ConnectionError | TimeoutError):
            raise  # it is no disk's, but of who uses the folder
        reason = f"{error.strerror or error} ({error.filename or where})"
        raise Unavailable(f"folder {where}", reason) from error


def full(where: Path) -> Unavailable:
    """That there is no room there."""
    return Unavailable(f"folder {where}", "is full; a copy of the database needs it")


def _remove_left_over(where: Path) -> None:
    """Remove the folders of processes that are no more."""
    for folder in where.glob(f"{_FOLDER}*-*"):
        with suppress(ValueError, PermissionError):
            try:
                os.kill(int(folder.name.removeprefix(_FOLDER).split("-")[0]), 0)
            except ProcessLookupError:
                shutil.rmtree(folder, ignore_errors=True)
