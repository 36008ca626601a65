"""The scratch space in which copies of a database are made.

A folder is its process's for as long as that holds the lock of a file in it. The kernel lets go of
the lock when the process dies, on whichever host it ran; a process id would be another's by then.
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

from shared.backups.sqlite.check import code
from shared.errors import Unavailable

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FOLDER = "belfry-backup-"
_LOCK = "in-use"
_NEW = "new"
"""The lock's file, until it is held."""
_YOUNG = 600
"""Seconds in which a folder without a lock is left alone: its process may be about to take it."""


@contextmanager
def scratch_folder(where: Path) -> Iterator[Path]:
    """A folder in `where` that goes away, and with it those of processes that were killed.

    Where the disk knows no locks nothing is known of the others', so they stay. Raises
    `Unavailable`, naming `where`, if that is full or cannot be written.
    """
    try:
        folder = Path(tempfile.mkdtemp(prefix=_FOLDER, dir=where))
        lock = None
        try:
            lock = os.open(folder / _NEW, os.O_RDWR | os.O_CREAT, 0o600)
            knows_locks = _taken(lock)
            (folder / _NEW).rename(folder / _LOCK)  # it is never there without being held
            if knows_locks:
                _remove_all_left(folder)
            yield folder
        finally:
            if lock is not None:
                os.close(lock)  # first: some disks do not remove what is open
            shutil.rmtree(folder, ignore_errors=True)
    except sqlite3.OperationalError as error:
        if code(error) == sqlite3.SQLITE_FULL:
            raise full(where) from error
        raise
    except OSError as error:
        if error.errno in _FULL:
            raise full(where) from error
        if error.errno is None or isinstance(error, ConnectionError | TimeoutError):
            raise  # it is no disk's, but of who uses the folder
        reason = f"{error.strerror or error} ({error.filename or where})"
        raise Unavailable(f"folder {where}", reason) from error


def full(where: Path) -> Unavailable:
    """That there is no room there."""
    return Unavailable(f"folder {where}", "is full; a copy of the database needs it")


def _taken(lock: int) -> bool:
    """Whether the lock is ours now: nobody has it, and the disk knows locks."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def remove_left(where: Path) -> None:
    """Remove the folders in `where` of processes that were killed, without writing there. One that
    has no lock yet stays: how old it is, only a folder of one's own would tell. Raises `OSError`.
    """
    for folder in where.glob(f"{_FOLDER}*"):
        _remove_unless_held(folder, age=0)


def _remove_all_left(own: Path) -> None:
    """Remove the folders beside `own` that nobody holds. The disk's clock says how old one is:
    it may be another host's."""
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
    """Whether a process has it, or may be about to lock it. A folder without a lock that holds
    anything is somebody else's, whatever its name."""
    try:
        lock = os.open(folder / _LOCK, os.O_RDWR)
    except FileNotFoundError:
        return age < _YOUNG or any(item.name != _NEW for item in folder.iterdir())
    try:
        return not _taken(lock)
    finally:
        os.close(lock)
