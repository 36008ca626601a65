"""A SQLite file as a source: SQLite's online backup into a temporary file, and from there.

Writers go on meanwhile. A database in WAL mode is read in one transaction; one in another mode
is copied in steps, and in a single step once writers have made the copy start over three times.
"""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from shared.backups.source import Dump
from shared.errors import Damaged, Misconfigured, Refused, Unavailable
from shared.tasks.context import JobContext

_PAGES = 2_000
_RESTARTS = 3
_CHUNK = 1024 * 1024
_FOLDER = "belfry-backup-"
_INSTRUCTIONS = 100_000


class _StartedOver(Exception):
    """Writers changed the source too often for a copy in steps."""


class SqliteSource:
    """The SQLite database at `path`; `busy_seconds` is how long to wait for its lock."""

    name = "database"
    engine = "sqlite"
    suffix = "sqlite.zst"

    def __init__(self, path: Path, *, temp: Path | None = None, busy_seconds: float = 10) -> None:
        self._path = path
        self._temp = temp or Path(tempfile.gettempdir())
        self._busy_seconds = busy_seconds

    @property
    def database(self) -> str:
        return self._path.stem

    @contextmanager
    def dump(self, job: JobContext) -> Iterator[Dump]:
        if not self._path.is_file():
            raise Misconfigured(f"DATABASE_PATH is {self._path}, and there is no such file")
        with self._folder() as folder:
            copy = folder / "copy.sqlite"
            with self._named():
                self._copy(copy, job)
                tables = _proved_counts(copy, job)
            version = sqlite3.sqlite_version
            yield Dump(
                chunks=_read(copy, job),
                tables=tables,
                engine_version=version,
                dump_version=f"online backup, SQLite {version}",
            )

    def restore(self, chunks: Iterator[bytes], job: JobContext) -> Mapping[str, int]:
        with self._folder() as folder:
            copy = folder / "restored.sqlite"
            with copy.open("wb") as file:
                for chunk in chunks:
                    job.check()
                    file.write(chunk)
            try:
                return _proved_counts(copy, job)
            except sqlite3.DatabaseError as error:
                if _code(error) == sqlite3.SQLITE_FULL:
                    raise self._full() from error
                raise Damaged(f"the restored copy cannot be read: {error}") from error

    def _copy(self, copy: Path, job: JobContext) -> None:
        uri = self._path.resolve().as_uri() + "?mode=ro"
        with (
            closing(sqlite3.connect(uri, uri=True, timeout=self._busy_seconds)) as source,
            closing(sqlite3.connect(copy)) as target,
        ):
            source.isolation_level = None
            target.execute("PRAGMA synchronous = OFF")  # a lost copy is made again
            if source.execute("PRAGMA journal_mode").fetchone()[0] == "wal":
                source.execute("BEGIN")
            source.execute("SELECT count(*) FROM sqlite_master").fetchone()
            try:
                source.backup(target, pages=_PAGES, progress=_Progress(job), sleep=0.05)
            except _StartedOver:
                job.log("the database changes faster than it can be copied in steps; locking it")
                source.backup(target, pages=-1)

    @contextmanager
    def _folder(self) -> Iterator[Path]:
        """A folder that goes away, and with it those of processes that were killed."""
        try:
            _remove_left_over(self._temp)
            folder = Path(tempfile.mkdtemp(prefix=f"{_FOLDER}{os.getpid()}-", dir=self._temp))
            try:
                yield folder
            finally:
                shutil.rmtree(folder, ignore_errors=True)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise self._full() from error
            reason = f"{error.strerror or error} ({error.filename or self._temp})"
            raise Unavailable(f"temp folder {self._temp}", reason) from error

    @contextmanager
    def _named(self) -> Iterator[None]:
        """SQLite's errors on the source become Belfry's."""
        try:
            yield
        except Damaged as error:
            raise Refused("database", f"{self._path} is damaged: {error}") from error
        except sqlite3.DatabaseError as error:
            code = _code(error)
            if code == sqlite3.SQLITE_FULL:
                raise self._full() from error
            if code == sqlite3.SQLITE_NOTADB:
                text = f"DATABASE_PATH is {self._path}, which is not a SQLite database"
                raise Misconfigured(text) from error
            if code == sqlite3.SQLITE_CORRUPT:
                raise Refused("database", f"{self._path} is damaged: {error}") from error
            if code in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH):
                raise Refused("database", f"{self._path} cannot be opened: {error}") from error
            raise Unavailable("database", f"{self._path}: {error}") from error

    def _full(self) -> Unavailable:
        return Unavailable(f"temp folder {self._temp}", "is full; a copy of the database needs it")


class _Progress:
    """Looks at the job between two steps, and counts how often the copy started over."""

    def __init__(self, job: JobContext) -> None:
        self._job = job
        self._remaining: int | None = None
        self._restarts = 0

    def __call__(self, status: int, remaining: int, total: int) -> None:
        del total
        self._job.check()
        if status in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise Unavailable("database", "is locked by another program")
        if self._remaining is not None and remaining >= self._remaining > 0:
            self._restarts += 1
        self._remaining = remaining
        if self._restarts >= _RESTARTS:
            raise _StartedOver


def _proved_counts(path: Path, job: JobContext) -> dict[str, int]:
    """The rows of each table, after SQLite's own check. Raises `Damaged`."""
    with closing(sqlite3.connect(path)) as connection:
        connection.set_progress_handler(job.stop.is_set, _INSTRUCTIONS)
        try:
            said = [row[0] for row in connection.execute("PRAGMA integrity_check(3)")]
            if said != ["ok"]:
                raise Damaged("integrity_check says " + "; ".join(said).replace("\n", " "))
            names = [
                row[0]
                for row in connection.execute(
                    "SELECT name FROM sqlite_master WHERE type = 'table' "
                    "AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' "
                    "AND sql NOT LIKE 'CREATE VIRTUAL%' ORDER BY name"
                )
            ]
            return {name: _count(connection, name) for name in names}
        except sqlite3.OperationalError:
            job.check()
            raise


def _count(connection: sqlite3.Connection, table: str) -> int:
    quoted = table.replace('"', '""')
    return int(connection.execute(f'SELECT count(*) FROM "{quoted}"').fetchone()[0])  # noqa: S608


def _read(path: Path, job: JobContext) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            job.check()
            yield chunk


def _code(error: sqlite3.Error) -> int:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _remove_left_over(temp: Path) -> None:
    """Remove the folders of processes that are no more."""
    for folder in temp.glob(f"{_FOLDER}*-*"):
        with suppress(ValueError, PermissionError):
            try:
                os.kill(int(folder.name.removeprefix(_FOLDER).split("-")[0]), 0)
            except ProcessLookupError:
                shutil.rmtree(folder, ignore_errors=True)
