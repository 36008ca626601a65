"""Reads files of the archive: an index, and then the frames that are needed.

A file never changes, so what was read of it stays right. A few indexes and frames are kept.
"""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Generic, TypeVar

from shared.archive import frames
from shared.archive.frames import Frame
from shared.archive.lines import key_of
from shared.archive.parts import Part
from shared.errors import Damaged
from shared.storage.blobs import stream
from shared.storage.blobs.container import Container

T = TypeVar("T")

Spans = Sequence[tuple[str, str]]
"""Ranges of row keys: from the first, up to but without the second. In order, none within
another."""
EVERYTHING: Spans = (("", "\uffff"),)
_INDEXES = 64
_FRAMES = 32
_AT_ONCE = 4 * 1024 * 1024
"""Bytes of frames that one request reads."""


class Files:
    """The files. `container` opens a container by its name. Methods raise `Damaged` if a file is
    gone or cannot be read, and `Unavailable` or `Refused` if storage fails."""

    def __init__(self, container: Callable[[str], Container]) -> None:
        self._container = container
        self._indexes = _Latest[list[Frame]](_INDEXES)
        self._frames = _Latest[list[bytes]](_FRAMES)

    def lines(self, part: Part, spans: Spans = EVERYTHING) -> Iterator[tuple[str, bytes]]:
        """(row key, line) of each job in one of the ranges, in the order of their keys."""
        lowers = [lower for lower, _ in spans]
        few = spans is not EVERYTHING
        for run in _runs(frames.touched(self.index(part), spans)):
            for lines in self._read(part, run, keep=few):
                for line in lines:
                    key = _key(part, line)
                    at = bisect_right(lowers, key) - 1
                    if at >= 0 and key < spans[at][1]:
                        yield key, line

    def index(self, part: Part) -> list[Frame]:
        """The file's frames."""

        def read() -> list[Frame]:
            data = self._bytes(part, part.index_at, part.size - part.index_at)
            with _named(part):
                return frames.index_of(data)

        return self._indexes.get((part.container, part.place.blob), read)

    def _read(self, part: Part, run: list[Frame], *, keep: bool) -> Iterator[list[bytes]]:
        if keep and len(run) == 1:
            name = (part.container, part.place.blob, run[0].offset)
            yield self._frames.get(name, lambda: next(self._unpacked(part, run)))
        else:
            yield from self._unpacked(part, run)

    def _unpacked(self, part: Part, run: list[Frame]) -> Iterator[list[bytes]]:
        begin = run[0].offset
        data = memoryview(self._bytes(part, begin, sum(frame.size for frame in run)))
        for frame in run:
            own = data[frame.offset - begin : frame.offset - begin + frame.size]
            with _named(part):
                lines = frames.lines_of(bytes(own))
            yield lines

    def _bytes(self, part: Part, offset: int, length: int) -> bytes:
        return stream.some(self._container(part.container).blob(part.place.blob), offset, length)


def _runs(wanted: Iterable[Frame]) -> Iterator[list[Frame]]:
    """Frames that follow one another, as far as one request reads them."""
    run: list[Frame] = []
    size = 0
    for frame in wanted:
        follows = run and run[-1].offset + run[-1].size == frame.offset
        if run and (not follows or size + frame.size > _AT_ONCE):
            yield run
            run, size = [], 0
        run.append(frame)
        size += frame.size
    if run:
        yield run


def _key(part: Part, line: bytes) -> str:
    try:
        return key_of(line)
    except (ValueError, KeyError, TypeError) as error:
        raise Damaged(f"{part.place.blob}: a line cannot be read: {error}") from error


@contextmanager
def _named(part: Part) -> Iterator[None]:
    """Name the file in what is raised."""
    try:
        yield
    except Damaged as error:
        raise Damaged(f"{part.place.blob}: {error}") from error


class _Latest(Generic[T]):
    """What was read last, by name. Several threads may use it at once."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: OrderedDict[object, T] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, name: object, read: Callable[[], T]) -> T:
        with self._lock:
            if name in self._known:
                self._known.move_to_end(name)
                return self._known[name]
        found = read()
        with self._lock:
            self._known[name] = found
            while len(self._known) > self._most:
                self._known.popitem(last=False)
        return found
