"""The bytes of a file: lines in zstd frames of their own, and an index of the frames at the end.

Each frame holds about 256 KiB of lines, and a checksum of them (RFC 8878, 3.1.1). The index is in a
skippable frame (3.1.2), which `zstd -d` passes over: the file is JSON lines to every other tool.
Lines are sorted by their row keys, so one job is read with the index and one frame.
"""

from __future__ import annotations

import json
import struct
from bisect import bisect_right
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from shared.archive.lines import key_of
from shared.errors import Damaged

_FRAME = 256 * 1024
"""Bytes of lines in a frame, at least; a frame ends with a line."""
_LARGEST = 64 * 1024 * 1024
"""More than any frame has: a row has 1 MiB at most."""
_LEVEL = 9
_SKIPPABLE = 0x184D2A5E
_HEAD = struct.Struct("<II")


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame: the key of its first line, and where its bytes are."""

    first: str
    offset: int
    size: int
    lines: int


@dataclass(slots=True)
class Packed:
    """The bytes of a file, made from its lines; iterated once. `see` is called with each line."""

    lines: Iterator[bytes]
    see: Callable[[bytes], None]
    frames: list[Frame] = field(default_factory=list)
    index_at: int = 0

    def __iter__(self) -> Generator[bytes, None, None]:
        import zstandard

        pack = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True).compress
        for some in _together(self.lines, self.see):
            frame = pack(b"".join(some))
            self.frames.append(Frame(key_of(some[0]), self.index_at, len(frame), len(some)))
            self.index_at += len(frame)
            yield frame
        said = [[one.first, one.offset, one.size, one.lines] for one in self.frames]
        index = pack(json.dumps(said, separators=(",", ":")).encode())
        yield _HEAD.pack(_SKIPPABLE, len(index)) + index


def _together(lines: Iterator[bytes], see: Callable[[bytes], None]) -> Iterator[list[bytes]]:
    some: list[bytes] = []
    size = 0
    for line in lines:
        see(line)
        some.append(line)
        size += len(line)
        if size >= _FRAME:
            yield some
            some, size = [], 0
    if some:
        yield some


def index_of(data: bytes) -> list[Frame]:
    """The index in the bytes that follow the last frame. Raises `Damaged`."""
    try:
        magic, size = _HEAD.unpack_from(data)
        if magic != _SKIPPABLE or len(data) != _HEAD.size + size:
            raise ValueError("that is no index")
        said: list[Any] = json.loads(_unpacked(data[_HEAD.size :]))
        return [Frame(str(first), int(at), int(length), int(n)) for first, at, length, n in said]
    except (ValueError, TypeError, struct.error, Damaged) as error:
        raise Damaged(f"its index cannot be read: {error}") from error


def lines_of(frame: bytes) -> list[bytes]:
    """The lines of a frame. Raises `Damaged`."""
    return _unpacked(frame).splitlines(keepends=True)


def _unpacked(data: bytes) -> bytes:
    import zstandard

    try:
        whole: bytes = zstandard.ZstdDecompressor().decompress(data, max_output_size=_LARGEST)
    except zstandard.ZstdError as error:
        raise Damaged(f"a frame cannot be read: {error}") from error
    return whole


def touched(frames: list[Frame], spans: Iterable[tuple[str, str]]) -> list[Frame]:
    """The frames that may have lines with keys in one of the spans (from, to; without `to`)."""
    firsts = [frame.first for frame in frames]
    wanted: set[int] = set()
    for lower, upper in spans:
        begin = max(bisect_right(firsts, lower) - 1, 0)
        end = begin
        while end < len(frames) and firsts[end] < upper:
            end += 1
        wanted.update(range(begin, end))
    return [frames[number] for number in sorted(wanted)]
