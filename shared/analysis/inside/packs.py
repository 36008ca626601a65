"""The objects in a pack of git's, read one after another in bounded memory.

A pack may be made to harm: small bytes that become endless ones, deltas on deltas on deltas. So the
size that an object claims is held before anything is inflated, all of it together is counted, and
no file on disk stands for an object that nobody asked for.
https://git-scm.com/docs/gitformat-pack
"""

from __future__ import annotations

import hashlib
import mmap
import struct
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from shared.analysis.limits import Limits

COMMIT, TREE, BLOB, TAG = 1, 2, 3, 4
_BY_OFFSET, _BY_ID = 6, 7
_NAMES = {COMMIT: b"commit", TREE: b"tree", BLOB: b"blob", TAG: b"tag"}
_READ = 64 * 1024
_HELD = 16 * 1024 * 1024
"""Bytes of the largest object that others may be deltas of."""


class Broken(Exception):
    """The pack is none, or is larger than it may be; the message says which."""


@dataclass(frozen=True, slots=True)
class _Entry:
    kind: int
    size: int
    """Of what is packed there: for a delta, the delta's."""
    base: int | bytes
    """Where the base is, or its id; 0 for none."""
    data: int
    """Where its bytes begin."""


@dataclass(slots=True)
class Pack:
    """A pack whose entries were counted and measured, but whose deltas were not applied."""

    at: mmap.mmap
    limits: Limits
    entries: dict[int, _Entry] = field(default_factory=dict)
    """By their places."""
    on_place: defaultdict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    on_id: defaultdict[bytes, list[int]] = field(default_factory=lambda: defaultdict(list))
    """The deltas on each entry."""
    inflated: int = 0

    def measure(self) -> None:
        """Read the head of each entry. Raises `Broken`."""
        if len(self.at) < 32 or self.at[:4] != b"PACK":
            raise Broken("what the server sent is no pack")
        version, count = struct.unpack(">LL", self.at[4:12])
        if version not in (2, 3):
            raise Broken(f"the pack has version {version}, which is unknown")
        if count > self.limits.objects:
            raise Broken(f"{count} objects; {self.limits.objects} may be")
        place = 12
        for _ in range(count):
            entry = self._head(place)
            self.entries[place] = entry
            if isinstance(entry.base, bytes):
                self.on_id[entry.base].append(place)
            elif entry.base:
                self.on_place[entry.base].append(place)
            place = self._inflate(entry, lambda _: None)

    def objects(self, kinds: tuple[int, ...]) -> Iterator[tuple[bytes, int, bytes | int]]:
        """(id, kind, content) of each object of these kinds; the size in place of the content if it
        is larger than `_HELD`. Objects that are deltas of one that is missing, or so large, are
        left out. Raises `Broken`."""
        for place, entry in self.entries.items():
            if entry.kind not in kinds:
                continue
            if entry.size > _HELD:
                yield self._large(entry), entry.kind, entry.size
                continue
            content = self._content(entry)
            yield from self._family(place, entry.kind, content)

    def _family(self, place: int, kind: int, content: bytes) -> Iterator[tuple[bytes, int, bytes]]:
        """An object, and all that are deltas of it, depth first: only one chain is in memory."""
        name = _id(kind, content)
        yield name, kind, content
        chain = [(content, iter(self._deltas(place, name)))]
        while chain:
            base, left = chain[-1]
            below = next(left, None)
            if below is None:
                chain.pop()
                continue
            if len(chain) > self.limits.chain:
                raise Broken(f"more than {self.limits.chain} deltas on each other")
            made = self._applied(base, self.entries[below])
            if made is None:
                continue
            name = _id(kind, made)
            yield name, kind, made
            chain.append((made, iter(self._deltas(below, name))))

    def _deltas(self, place: int, name: bytes) -> list[int]:
        """Those on an entry. Each is taken once: two objects of one id have the same ones."""
        return self.on_place.pop(place, []) + self.on_id.pop(name, [])

    def _applied(self, base: bytes, entry: _Entry) -> bytes | None:
        from dulwich.errors import ApplyDeltaError
        from dulwich.pack import apply_delta

        if entry.size > _HELD:
            return None
        delta = self._content(entry)
        size = _target(delta)
        self._count(size)
        if size > _HELD:
            return None
        try:
            return b"".join(apply_delta(base, delta))
        except (ApplyDeltaError, ValueError, IndexError, AssertionError) as error:
            raise Broken(f"a delta does not fit ({type(error).__name__})") from None

    def _content(self, entry: _Entry) -> bytes:
        pieces: list[bytes] = []
        self._inflate(entry, pieces.append)
        return b"".join(pieces)

    def _large(self, entry: _Entry) -> bytes:
        digest = hashlib.sha1(b"%s %d\0" % (_NAMES[entry.kind], entry.size), usedforsecurity=False)
        self._inflate(entry, digest.update)
        return digest.digest()

    def _inflate(self, entry: _Entry, use: Callable[[bytes], object]) -> int:
        """Inflate an entry piece by piece; where the next one begins."""
        stream, place, left = zlib.decompressobj(), entry.data, entry.size
        rest = b""
        try:
            while not stream.eof:
                if not rest:
                    rest = self.at[place : place + _READ]
                    place += len(rest)
                    if not rest:
                        raise Broken("the pack ends too early")
                piece = stream.decompress(rest, _READ)
                rest = stream.unconsumed_tail
                left -= len(piece)
                if left < 0:
                    raise Broken("an object is larger than it says")
                self._count(len(piece))
                use(piece)
        except zlib.error as error:
            raise Broken(f"an object cannot be read ({error})") from None
        if left:
            raise Broken("an object is smaller than it says")
        return place - len(stream.unused_data)

    def _count(self, size: int) -> None:
        self.inflated += size
        if self.inflated > self.limits.inflated:
            raise Broken(f"more than {self.limits.inflated} bytes when it is inflated")

    def _head(self, place: int) -> _Entry:
        try:
            first = self.at[place]
            kind, size, shift = first >> 4 & 7, first & 15, 4
            at = place + 1
            more = first & 0x80
            while more:
                byte = self.at[at]
                size |= (byte & 0x7F) << shift
                shift, at, more = shift + 7, at + 1, byte & 0x80
                if shift > 60:
                    raise Broken("an object is larger than anything may be")
            base: int | bytes = 0
            if kind == _BY_ID:
                base = self.at[at : at + 20]
                at += 20
            elif kind == _BY_OFFSET:
                byte = self.at[at]
                back, at = byte & 0x7F, at + 1
                while byte & 0x80:
                    byte = self.at[at]
                    back, at = (back + 1) << 7 | byte & 0x7F, at + 1
                    if back > place:
                        raise Broken("a delta's base is outside of the pack")
                base = place - back
                if base not in self.entries:
                    raise Broken("a delta's base is no object")
            elif kind not in _NAMES:
                raise Broken(f"an object of the unknown kind {kind}")
        except IndexError:
            raise Broken("the pack ends too early") from None
        return _Entry(kind, size, base, at)


def _target(delta: bytes) -> int:
    """The size of what a delta makes."""
    size = shift = at = 0
    for _ in range(2):  # that of its base comes first
        size = shift = 0
        while True:
            if at >= len(delta) or shift > 60:
                raise Broken("a delta says no size")
            byte = delta[at]
            at += 1
            size |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                break
    return size


def _id(kind: int, content: bytes) -> bytes:
    head = b"%s %d\0" % (_NAMES[kind], len(content))
    return hashlib.sha1(head + content, usedforsecurity=False).digest()
