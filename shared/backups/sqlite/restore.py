"""Puts a restored copy in its place: as a new file, or into an existing one.

An existing file is filled by SQLite's own backup, in one transaction: programs that have it open go
on working, and after a crash in the middle, whoever opens it next rolls back. One file never
replaces another, whose write-ahead log would then fit neither.

What will be replaced is first kept as a copy, while writers wait. If a writer gets in between the
keeping and the replacing, the copy is outdated, so both begin again. The copy is removed only while
it is certain that nothing has been replaced yet.
"""

from __future__ import annotations

import errno
import logging
import os
import secrets
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from shared.backups.scratch import full
from shared.backups.source import Target
from shared.backups.sqlite.check import code, look_over
from shared.backups.sqlite.names import SQLITES_OWN, target_problem
from shared.errors import BelfryError, Conflict, Damaged, Invalid, Refused, Unavailable
from shared.tasks.context import JobContext

_STEP = 1024 * 1024
"""Bytes of a step. The cache must hold the first step, so that nothing is written to the file
yet."""
_CACHE = 8 * 1024
"""KiB."""
_TRIES = 10
_LOCKED = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS)


class _Overtaken(Exception):
    """A writer got in between the keeping and the replacing."""


def name_of(target: Target, source: Path, now: datetime) -> str:
    """The name of the file that a restore goes into. Raises `Invalid`."""
    name = target.name
    if name is None:
        if target.replace is not None:
            raise Invalid("replace", "it is the target's name once more; give the target as well")
        return _named(source, "restored", now)
    if (wrong := target_problem(name)) is not None:
        raise Invalid("target", wrong)
    return name


def check(file: Path, source: Path, target: Target, busy_seconds: float) -> None:
    """Raises `Conflict` if something is there that the restore may not replace. A link to another
    folder is refused, unless it is `source`, which the setting names."""
    if file.is_symlink() and not file.exists():
        raise Conflict(f"{file} is a link to nowhere; remove it")
    if file != source and file.resolve().parent != file.parent.resolve():
        raise Conflict(f"{file} is a link out of {file.parent}; name another target")
    if not file.exists():
        _check_beside(file)
        if target.replace is not None:
            raise Conflict(
                f"there is no {file} to be replaced (a name is that of a file, with its ending, as "
                f"{source.name}); for a new one leave out `replace`"
            )
        return
    if not file.is_file():
        raise Conflict(f"{file} is no file; name another target")
    with _explained(file), closing(_open(file, "ro", busy_seconds)) as connection:
        objects = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if objects and target.replace != file.name:
        raise Conflict(
            f"{file} is not empty; to replace what is in it, give its name, {file.name}, once more "
            "as `replace`"
        )


def place(copy: Path, file: Path, like: Path) -> None:
    """Turn the copy into `file`, which must not exist yet, with the permissions of the file `like`.

    `copy` must lie on the same disk. Raises `Conflict` if somebody was faster, or if SQLite's files
    of an earlier `file` still lie beside it.
    """
    if like.is_file():
        shutil.copymode(like, copy)
    with copy.open("rb") as content:
        os.fsync(content.fileno())
    _check_beside(file)
    try:
        os.link(copy, file)
    except FileExistsError:
        raise Conflict(f"{file} came to be meanwhile; name another target") from None
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        if file.exists():
            raise Conflict(f"{file} came to be meanwhile; name another target") from None
        copy.rename(file)
    _sync(file.parent)


def _check_beside(file: Path) -> None:
    """Raises `Conflict` if `file` is gone, but files that SQLite had beside it are still there:
    SQLite would write their content into the restored file when that is opened."""
    for ending in SQLITES_OWN:
        beside = file.with_name(file.name + ending)
        if os.path.lexists(beside) and not file.exists():  # this order: it may just be created
            raise Conflict(
                f"{beside} belongs to the {file.name} that was there, and SQLite would write it "
                f"into the restored one; move it away, once no program has that open any more"
            )


def replace(
    copy: Path, file: Path, scratch: Path, busy_seconds: float, job: JobContext
) -> str | None:
    """Bring the copy's content into `file`; return the name under which its former content is kept,
    if it had any."""
    for _ in range(_TRIES):
        with suppress(_Overtaken), _explained(file):
            return _replaced(copy, file, scratch, busy_seconds, job)
    raise Unavailable("restore target", f"{file} is being written all the time; stop its writers")


def _replaced(
    copy: Path, file: Path, scratch: Path, busy_seconds: float, job: JobContext
) -> str | None:
    kept: Path | None = None
    with (
        closing(_open(file, "rw", busy_seconds)) as target,
        closing(_open(file, "ro", busy_seconds)) as watch,
        closing(sqlite3.connect(copy)) as source,
    ):
        had_wal = _is_wal(source)
        source.execute("PRAGMA journal_mode = DELETE")  # the target keeps its own mode
        _make_two_pages(source, file)
        target.execute("BEGIN IMMEDIATE")  # no writer from here on
        is_wal = _is_wal(target)
        if watch.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            kept = _keep(watch, file, scratch, job)
        before, version = _state(watch, file, is_wal), _version(watch)
        target.execute("ROLLBACK")  # a writer may get in just here
        try:
            _fill(source, target, file, job, lambda: _state(watch, file, is_wal) != before)
            if kept is None and had_wal:
                target.execute("PRAGMA journal_mode = WAL")
        except BaseException as error:
            if kept is not None:
                _let_go(kept, error, lambda: _is_still(watch, version), job)
            raise
    job.progress(1, 1)
    return None if kept is None else kept.name


def _fill(
    source: sqlite3.Connection,
    target: sqlite3.Connection,
    file: Path,
    job: JobContext,
    overtaken: Callable[[], bool],
) -> None:
    """Copy everything in one transaction, rolled back if `overtaken()` is true once that has its
    lock. After the commit nothing is raised, except from outside, such as an interrupt."""
    is_first = True

    def progress(status: int, remaining: int, total: int) -> None:
        nonlocal is_first
        if status not in (sqlite3.SQLITE_OK, *_LOCKED):
            return  # all is committed and cannot be stopped now, or SQLite's own error follows
        job.check()
        if status in _LOCKED:
            raise Unavailable("restore target", f"{file} is locked by another program")
        if is_first and overtaken():
            raise _Overtaken
        is_first = False
        job.progress(total - remaining, total)

    size = source.execute("PRAGMA page_size").fetchone()[0]
    pages = source.execute("PRAGMA page_count").fetchone()[0]
    step = max(1, min(_STEP // size, pages - 1))  # the first step must not be the last as well
    source.backup(target, pages=step, progress=progress)


def _make_two_pages(copy: sqlite3.Connection, file: Path) -> None:
    """Make sure that the copy has two pages, so that filling `file` takes two steps: after the
    first we check whether a writer got in, the last one commits. Raises `Conflict`."""
    count = "PRAGMA page_count"
    if copy.execute(count).fetchone()[0] > 1:
        return
    name = f"belfry_{secrets.token_hex(8)}"
    copy.execute(f"CREATE TABLE {name} (x)")
    copy.execute(f"DROP TABLE {name}")  # this leaves a free page
    if copy.execute(count).fetchone()[0] < 2:
        raise Conflict(
            f"the backup has no tables, and its auto_vacuum leaves it no free page, so that it "
            f"cannot replace {file} safely; name a target that is not there yet"
        )


def _let_go(
    kept: Path, error: BaseException, as_it_was: Callable[[], bool], job: JobContext
) -> None:
    """Remove what was kept, unless it may be the only copy by now. Belfry's own errors are raised
    before the commit; other errors may come after it."""
    if isinstance(error, _Overtaken | BelfryError) or as_it_was():
        kept.unlink()
        return
    text = "what was there may have been replaced, and is kept"
    job.log(text, level=logging.WARNING, kept_as=kept.name)


def _is_wal(connection: sqlite3.Connection) -> bool:
    return bool(connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal")


def _keep(watch: sqlite3.Connection, file: Path, scratch: Path, job: JobContext) -> Path:
    """Keep a copy of what is in `file` beside it. Even damaged content is kept, as it is."""
    copy = scratch / "before.sqlite"
    copy.unlink(missing_ok=True)
    with closing(sqlite3.connect(copy)) as target:
        watch.backup(target, pages=_STEP // 512, progress=lambda *_: job.check())
        try:
            look_over(target, job.log)
        except (Damaged, sqlite3.DatabaseError) as error:
            job.log("what was there before is damaged", error=str(error))
    kept = file.with_name(_named(file, "before", job.clock.now()))
    place(copy, kept, file)
    return kept


def _state(watch: sqlite3.Connection, file: Path, is_wal: bool) -> object:
    """A value that changes whenever a writer commits. Without a WAL, SQLite cannot read the file
    while the replacing holds its lock, so the file's time and size must do. Opening the file to
    look inside would be worse: closing it again ends every lock that this process has on it.

    https://www.sqlite.org/howtocorrupt.html#_posix_advisory_locks_canceled_by_a_separate_thread_doing_close_
    """
    if is_wal:
        return _version(watch)
    found = file.stat()
    return found.st_mtime_ns, found.st_size


def _version(watch: sqlite3.Connection) -> int:
    """A number that changes once somebody else has committed."""
    return int(watch.execute("PRAGMA data_version").fetchone()[0])


def _is_still(watch: sqlite3.Connection, version: int) -> bool:
    """Whether nobody has committed since `version`; also False if the file cannot be read."""
    try:
        return _version(watch) == version
    except sqlite3.DatabaseError:
        return False


def _open(file: Path, mode: str, busy_seconds: float) -> sqlite3.Connection:
    uri = f"{file.resolve().as_uri()}?mode={mode}"
    made = sqlite3.connect(uri, uri=True, timeout=busy_seconds, isolation_level=None)
    made.execute(f"PRAGMA cache_size = -{_CACHE}")
    return made


@contextmanager
def _explained(file: Path) -> Iterator[None]:
    """Turn SQLite's errors on the target into Belfry's."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        what = code(error)
        if what == sqlite3.SQLITE_FULL:
            raise full(file.parent) from error
        if what in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
            text = f"{file} cannot be read ({error}); move it away, or name another target"
            raise Conflict(text) from error
        if what == sqlite3.SQLITE_READONLY and os.access(file, os.W_OK):
            text = f"{file} has a write-ahead log and pages of another size; name another target"
            raise Conflict(text) from error
        if what in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
            raise Refused("restore target", f"{file} cannot be written: {error}") from error
        raise Unavailable("restore target", f"{file}: {error}") from error


def _named(file: Path, what: str, now: datetime) -> str:
    """A name for a file beside `file`, unique even among restores in the same second."""
    at = f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    return f"{file.stem}-{what}-{at}-{secrets.token_hex(2)}{file.suffix}"


def _sync(folder: Path) -> None:
    """Sync the folder's new entry to disk, where folders can be synced."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
