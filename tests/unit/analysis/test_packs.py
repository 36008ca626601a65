"""Packs that were made to harm: each is refused, in bounded time and memory, or read as it is."""

from __future__ import annotations

import hashlib
import mmap
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path

import pytest

from shared.analysis.inside.packs import BLOB, Broken, Pack
from shared.analysis.limits import MIB, Limits

LIMITS = Limits(inflated=64 * MIB, objects=1000, chain=20)


def head(kind: int, size: int) -> bytes:
    made = [(kind << 4) | (size & 15)]
    size >>= 4
    while size:
        made[-1] |= 0x80
        made.append(size & 0x7F)
        size >>= 7
    return bytes(made)


def whole(data: bytes, *, kind: int = BLOB, size: int | None = None) -> bytes:
    return head(kind, len(data) if size is None else size) + zlib.compress(data)


def number(value: int) -> bytes:
    made = []
    while True:
        made.append(value & 0x7F | (0x80 if value > 0x7F else 0))
        value >>= 7
        if not value:
            return bytes(made)


def delta(base: bytes, content: bytes, *, target: int | None = None, source: int = 0) -> bytes:
    """A delta on the object with that id, which inserts everything."""
    said = number(source) + number(len(content) if target is None else target)
    for start in range(0, len(content), 127):
        piece = content[start : start + 127]
        said += bytes([len(piece)]) + piece
    return head(7, len(said)) + base + zlib.compress(said)


def name(content: bytes) -> bytes:
    head = b"blob %d\0" % len(content)
    return hashlib.sha1(head + content, usedforsecurity=False).digest()


def read(
    folder: Path, entries: Sequence[bytes], count: int | None = None
) -> dict[bytes, bytes | int]:
    """The blobs of a pack of these entries."""
    number = len(entries) if count is None else count
    file = folder / "pack"
    file.write_bytes(b"PACK" + struct.pack(">LL", 2, number) + b"".join(entries) + b"\0" * 20)
    with file.open("rb") as stream:
        at = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
    pack = Pack(at, LIMITS)
    pack.measure()
    return {one: content for one, _, content in pack.objects((BLOB,))}


def test_blobs_and_deltas_on_them_in_any_order(tmp_path: Path) -> None:
    first, second, third = b"one" * 50, b"two" * 100, b"three"
    made = read(
        tmp_path,
        [
            delta(name(second), third, source=len(second)),
            whole(first),
            delta(name(first), second, source=len(first)),
        ],
    )
    assert made == {name(one): one for one in (first, second, third)}


def test_a_blob_that_is_too_large_is_named_and_not_held(tmp_path: Path) -> None:
    large = b"\0" * (17 * MIB)
    assert read(tmp_path, [whole(large)]) == {name(large): len(large)}


def chain(length: int) -> list[bytes]:
    made = [whole(b"0")]
    for one in range(length):
        before, now = str(one).encode(), str(one + 1).encode()
        made.append(delta(name(before), now, source=len(before)))
    return made


HARM = {
    "no objects": ([], "unknown kind", 1),
    "more objects than there are": ([whole(b"a")], "too early|cannot be read|unknown", 2),
    "more objects than there may be": ([], "1000 may be", 4_000_000),
    "a bomb": ([whole(b"\0" * (65 * MIB))], "more than .* inflated", None),
    "many bombs": ([whole(b"\0" * MIB)] * 70, "more than .* inflated", None),
    "larger than it says": ([whole(b"\0" * MIB, size=10)], "larger than it says", None),
    "smaller than it says": ([whole(b"a", size=10)], "smaller than it says", None),
    "an endless size": ([b"\xbf" + b"\xff" * 30], "larger than anything", None),
    "an unknown kind": ([head(5, 1) + zlib.compress(b"a")], "unknown kind", None),
    "garbage": ([head(3, 5) + b"garbage" * 9], "cannot be read", None),
    "a base before the pack": ([head(6, 1) + b"\x7f" + zlib.compress(b"a")], "base", None),
    "a long chain": (chain(30), "deltas on each other", None),
    "a delta that does not fit": (
        [whole(b"a"), delta(name(b"a"), b"bcd", source=99)],
        "does not fit",
        None,
    ),
    "deltas that make much of little": (
        [whole(b"a"), *[delta(name(b"a"), b"x", target=15 * MIB, source=1)] * 9],
        "does not fit|more than",
        None,
    ),
}


@pytest.mark.parametrize("what", HARM)
def test_a_pack_that_was_made_to_harm(tmp_path: Path, what: str) -> None:
    entries, said, count = HARM[what]
    with pytest.raises(Broken, match=said):
        read(tmp_path, entries, count)


def test_deltas_of_what_is_not_there_or_of_each_other_are_left_out(tmp_path: Path) -> None:
    circle = [delta(name(b"b"), b"a", source=1), delta(name(b"a"), b"b", source=1)]
    assert read(tmp_path, [*circle, delta(b"?" * 20, b"x"), whole(b"c")]) == {name(b"c"): b"c"}


def test_a_delta_whose_result_is_too_large_is_left_out(tmp_path: Path) -> None:
    one = delta(name(b"a"), b"x", target=17 * MIB, source=1)
    assert read(tmp_path, [whole(b"a"), one]) == {name(b"a"): b"a"}
