"""A SQLite file as a source: SQLite's online backup copies it to a temporary file, which is dumped.

Writers go on meanwhile. A database in WAL mode is read in one transaction; one in another mode
is copied in steps, or in a single step once writers have made the copy start over three times.
"""

from __future__ import annotations

import logging
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from shared.backups.scratch import full, remove_left, scratch_folder
from shared.backups.source import Contents, Dump, Restored, Target
from shared.backups.sqlite import restore as sqlite_restore
from shared.backups.sqlite.check import code
from shared.backups.sqlite.contents import proved, read, write
from shared.errors import Damaged, Misconfigured, Refused, Unavailable
from shared.tasks.context import JobContext
from shared.text import clean

_PAGES = 2_000
_RESTARTS = 3
_FASTER = (
    "the database changes faster than it can be copied in steps, so it is copied at once, and its "
    "writers wait; with PRAGMA journal_mode = WAL they need not"
)


class _StartedOver(Exception):
    """Writers changed the source too often for a copy in steps."""


class SqliteSource:
    """The SQLite database at `path`. `setting`: the setting that names the path; `busy_seconds`:
    how long to wait for the database's lock."""

    engine = "sqlite"
    suffix = "sqlite"
    scope = ""

    def __init__(
        self,
        path: Path,
        *,
        name: str = "database",
        setting: str = "DATABASE_PATH",
        temp: Path | None = None,
        busy_seconds: float = 10,
    ) -> None:
        self.name = name
        self._path = path
        self._setting = setting
        self._temp = temp or Path(tempfile.gettempdir())
        self._busy_seconds = busy_seconds

    @property
    def database(self) -> str:
        return clean(self._path.stem)

    @contextmanager
    def dump(self, job: JobContext) -> Iterator[Dump]:
        if not self._path.is_file():
            raise Misconfigured(f"{self._setting} is {self._path}, and there is no such file")
        self._tidy(job)
        with scratch_folder(self._temp) as folder:
            copy = folder / "copy.sqlite"
            with self._named():
                self._copy(copy, job)
                contents = proved(copy, job)
            version = sqlite3.sqlite_version
            yield Dump(
                chunks=read(copy, job),
                contents=contents,
                engine_version=version,
                dump_version=f"online backup, SQLite {version}",
            )

    def prove(self, chunks: Iterator[bytes], job: JobContext) -> Contents:
        with scratch_folder(self._temp) as folder:
            return _proved(folder / "restored.sqlite", chunks, job)

    def restore(self, chunks: Iterator[bytes], target: Target, job: JobContext) -> Restored:
        """Restore to a file beside the source's. What was in a target that is replaced is kept as
        `{stem}-before-{time}-{mark}{suffix}`; programs that have the target open go on working."""
        folder = self._path.parent
        if not folder.is_dir():
            raise Misconfigured(f"{self._setting} is {self._path}, and there is no such folder")
        name = sqlite_restore.name_of(target, self._path, job.clock.now())
        file = folder / name
        with scratch_folder(folder) as scratch:
            sqlite_restore.check(file, self._path, target, self._busy_seconds)
            copy = scratch / "restored.sqlite"
            contents = _proved(copy, chunks, job)
            sqlite_restore.check(file, self._path, target, self._busy_seconds)  # time has passed
            if not file.exists():
                sqlite_restore.place(copy, file, self._path)
                return Restored(contents=contents, name=name)
            kept = sqlite_restore.replace(copy, file, scratch, self._busy_seconds, job)
        return Restored(contents=contents, name=name, kept_as=kept)

    def _tidy(self, job: JobContext) -> None:
        """Remove what killed restores left beside the source. If that fails it is only logged: the
        backup does not depend on it."""
        try:
            remove_left(self._path.parent)
        except OSError as error:
            text = "what a killed restore left cannot be removed"
            job.log(text, level=logging.WARNING, error=str(error))

    def _copy(self, copy: Path, job: JobContext) -> None:
        try:
            self._copied(copy, job, "ro")
        except sqlite3.OperationalError as error:
            if code(error) != sqlite3.SQLITE_READONLY:
                raise
            # a writer was killed: its transaction must be rolled back before the file can be read
            copy.unlink(missing_ok=True)
            self._copied(copy, job, "rw")

    def _copied(self, copy: Path, job: JobContext, mode: str) -> None:
        uri = f"{self._path.resolve().as_uri()}?mode={mode}"
        with (
            closing(sqlite3.connect(uri, uri=True, timeout=self._busy_seconds)) as source,
            closing(sqlite3.connect(copy)) as target,
        ):
            source.isolation_level = None
            target.execute("PRAGMA synchronous = OFF")  # a lost copy can be made again
            if source.execute("PRAGMA journal_mode").fetchone()[0] == "wal":
                source.execute("BEGIN")
            source.execute("SELECT count(*) FROM sqlite_master").fetchone()
            watched = _Progress(job, self.name)
            try:
                source.backup(target, pages=_PAGES, progress=watched, sleep=0.05)
            except _StartedOver:
                job.log(_FASTER, level=logging.WARNING)
                source.backup(target, pages=-1, progress=_Progress(job, self.name))

    @contextmanager
    def _named(self) -> Iterator[None]:
        """Turn SQLite's errors on the source into Belfry's."""
        try:
            yield
        except Damaged as error:
            raise Refused(self.name, f"{self._path} is damaged: {error}") from error
        except sqlite3.DatabaseError as error:
            what = code(error)
            if what == sqlite3.SQLITE_FULL:
                raise full(self._temp) from error
            if what == sqlite3.SQLITE_NOTADB:
                text = f"{self._setting} is {self._path}, which is not a SQLite database"
                raise Misconfigured(text) from error
            if what == sqlite3.SQLITE_CORRUPT:
                raise Refused(self.name, f"{self._path} is damaged: {error}") from error
            if what in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH):
                raise Refused(self.name, f"{self._path} cannot be opened: {error}") from error
            if what == sqlite3.SQLITE_ERROR:
                raise Refused(self.name, f"{self._path} cannot be read: {error}") from error
            raise Unavailable(self.name, f"{self._path}: {error}") from error


class _Progress:
    """Checks the job between two steps, and counts how often the copy started over."""

    def __init__(self, job: JobContext, source: str) -> None:
        self._job = job
        self._source = source
        self._remaining: int | None = None
        self._restarts = 0

    def __call__(self, status: int, remaining: int, total: int) -> None:
        del total
        self._job.check()
        if status in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise Unavailable(self._source, "it is locked by another program")
        if self._remaining is not None and remaining >= self._remaining > 0:
            self._restarts += 1
        self._remaining = remaining
        if self._restarts >= _RESTARTS:
            raise _StartedOver


def _proved(copy: Path, chunks: Iterator[bytes], job: JobContext) -> Contents:
    """Write the restored copy, check it, and return what it holds. Raises `Damaged`."""
    write(copy, chunks, job)
    try:
        return proved(copy, job)
    except sqlite3.DatabaseError as error:
        if code(error) == sqlite3.SQLITE_FULL:
            raise full(copy.parent.parent) from error
        raise Damaged(f"the restored copy cannot be read: {error}") from error
