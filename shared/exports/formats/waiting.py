"""A part of a file that waits on the disk for what stands before it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

PIECE = 1024 * 1024


class Waiting:
    """The part. Its file is removed at the end."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("w+b")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()
        self._path.unlink(missing_ok=True)

    def write(self, text: str) -> None:
        """Add to it."""
        self._file.write(text.encode())

    def read(self) -> Iterator[bytes]:
        """All of it, from its beginning."""
        self._file.seek(0)
        yield from read(self._file.read)


def read(some: Callable[[int], bytes]) -> Iterator[bytes]:
    """What a file has from here on."""
    while piece := some(PIECE):
        yield piece
