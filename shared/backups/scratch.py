"""The scratch space in which copies of a database are made.

A folder belongs to a process as long as that holds the lock on a file in it. The kernel releases
the lock when the process dies, whichever host it ran on; a process id could be reused by then.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from shared.errors import Unavailable

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FOLDER = "belfry-backup-"
_LOCK = "in-use"
_NEW = "new"
"""The name of the lock's file until it is locked."""
_YOUNG = 600
"""Age in seconds up to which a folder without a lock is left alone: its process may be about to
lock it."""


@contextmanager
def scratch_folder(where: Path) -> Iterator[Path]:
    """A temporary folder in `where`. Folders that killed processes left there are removed as well.

    If the disk does not support locks, other processes' folders cannot be judged, so they stay.
    Raises `Unavailable`, naming `where`, if that is full or cannot be written.
    """
    try:
        folder = Path(tempfile.mkdtemp(prefix=_FOLDER, dir=where))
        lock = None
        try:
            lock = os.open(folder / _NEW, os.O_RDWR | os.O_CREAT, 0o600)
            knows_locks = _taken(lock)
            (folder / _NEW).rename(folder / _LOCK)  # under this name it is always locked
            if knows_locks:
                _remove_all_left(folder)
            yield folder
        finally:
            if lock is not None:
                os.close(lock)  # first, since some disks cannot remove open files
            shutil.rmtree(folder, ignore_errors=True)
    except sqlite3.OperationalError as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL:
            raise full(where) from error
        raise
    except OSError as error:
        if error.errno in _FULL:
            raise full(where) from error
        if error.errno is None or isinstance(error, ConnectionError | TimeoutError):
            raise  # not the disk's error, but that of the code in the block
        reason = f"{error.strerror or error} ({error.filename or where})"
        raise Unavailable(f"folder {where}", reason) from error


def full(where: Path) -> Unavailable:
    """The error for a full disk."""
    return Unavailable(f"folder {where}", "is full; a copy of the database needs it")


def _taken(lock: int) -> bool:
    """Try to take the lock; False if another has it or the disk does not support locks."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def remove_left(where: Path) -> None:
    """Remove the folders in `where` of processes that were killed, without writing there. One that
    has no lock yet stays: its age could only be told by comparison with a new folder on that disk.
    Raises `OSError`.
    """
    for folder in where.glob(f"{_FOLDER}*"):
        _remove_unless_held(folder, age=0)


def _remove_all_left(own: Path) -> None:
    """Remove the folders beside `own` that nobody holds. Their age is taken by the disk's clock,
    which may be another host's."""
    now = own.stat().st_mtime
    for folder in own.parent.glob(f"{_FOLDER}*"):
        with suppress(FileNotFoundError):
            age = now - folder.stat().st_mtime
            if folder != own:
                _remove_unless_held(folder, age)


def _remove_unless_held(folder: Path, age: float) -> None:
    with suppress(FileNotFoundError, PermissionError, NotADirectoryError):
        if not _is_held(folder, age):
            shutil.rmtree(folder, ignore_errors=True)


def _is_held(folder: Path, age: float) -> bool:
    """Whether a process has the folder, or may be about to lock it. A folder without a lock that
    holds any other file is not Belfry's, whatever its name."""
    try:
        lock = os.open(folder / _LOCK, os.O_RDWR)
    except FileNotFoundError:
        return age < _YOUNG or any(item.name != _NEW for item in folder.iterdir())
    try:
        return not _taken(lock)
    finally:
        os.close(lock)
