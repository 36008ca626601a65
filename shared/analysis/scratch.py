"""Folders for what is fetched and unpacked. Each is removed in the end; what a killed process left
is removed by a later one."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path

_PREFIX = "belfry-analysis-"
_OLD = timedelta(hours=6)
"""Longer than any analysis may take."""


class Scratch:
    """One job's folder."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.home = root / "home"
        self.src = root / "src"
        self.pack = root / "pack"
        for folder in (self.home, self.src, root / "tmp", root / "out"):
            folder.mkdir(mode=0o700)

    def new(self, name: str) -> Path:
        """A place for a file."""
        return self._root / "out" / name

    def environment(self) -> Mapping[str, str]:
        """All that a program there finds in its environment."""
        return {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "HOME": str(self.home),
            "TMPDIR": str(self._root / "tmp"),
            "RAYON_NUM_THREADS": "1",  # of ruff
        }


@contextmanager
def scratch(now: datetime) -> Iterator[Scratch]:
    """A folder that is there as long as the body runs. Old ones are removed first."""
    sweep(now)
    root = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-"))
    try:
        yield Scratch(root)
    finally:
        _remove(root)


def sweep(now: datetime) -> int:
    """Remove the folders of processes that ended, and those too old to be in use; how many."""
    gone = 0
    for one in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with suppress(OSError):  # another process may be removing it
            age = now.timestamp() - one.stat().st_mtime
            if not _runs(one.name) or age > _OLD.total_seconds():
                _remove(one)
                gone += 1
    return gone


def _runs(name: str) -> bool:
    number = name.removeprefix(_PREFIX).partition("-")[0]
    return number.isdecimal() and Path(f"/proc/{number}").exists()


def _remove(root: Path) -> None:
    shutil.rmtree(root, ignore_errors=True)
