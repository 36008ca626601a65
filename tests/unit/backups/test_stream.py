"""Blocks and compression lose no byte; what is stored decompresses to what was given."""

from __future__ import annotations

import hashlib
import os
import tracemalloc
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from azure.core.exceptions import ResourceExistsError
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.backups.stream import BLOCK, Stored, blocks, decompressed, read_back, upload
from shared.errors import Cancelled, Damaged, Unavailable


class Blob:
    """As much of a blob client as a stream uses."""

    container_name = "backups"
    blob_name = "a/b"

    def __init__(self) -> None:
        self.staged: dict[str, bytes] = {}
        self.content: bytes | None = None
        self.metadata: dict[str, str] = {}

    def stage_block(self, name: str, data: bytes, *, length: int) -> None:
        assert len(data) == length
        self.staged[name] = data

    def commit_block_list(self, names: list[Any], *, metadata: dict[str, str], **_: Any) -> None:
        if self.content is not None:
            raise ResourceExistsError("there")
        self.content = b"".join(self.staged[item.id] for item in names)
        self.metadata = metadata

    def get_blob_properties(self) -> Any:
        size = len(self.content or b"")
        return SimpleNamespace(metadata=self.metadata, size=size, etag="1")

    def download_blob(self, offset: int, length: int, **_: Any) -> Any:
        piece = (self.content or b"")[offset : offset + length]
        return SimpleNamespace(readall=lambda: piece)


def go_on() -> None:
    """A job that nobody stops."""


def put(blob: Blob, chunks: list[bytes], check: Callable[[], None] = go_on) -> Any:
    client: Any = blob
    return upload(client, iter(chunks), {"id": "1"}, check)


@settings(deadline=None)
@given(st.lists(st.binary(max_size=50)), st.integers(min_value=1, max_value=40))
def test_blocks_are_the_same_bytes_in_pieces_of_one_size(pieces: list[bytes], size: int) -> None:
    made = list(blocks(iter(pieces), size))
    assert b"".join(made) == b"".join(pieces)
    assert all(len(block) == size for block in made[:-1])
    assert all(0 < len(block) <= size for block in made)


@settings(deadline=None)  # the first call imports
@given(st.lists(st.binary(max_size=2000)))
def test_what_is_stored_comes_back(chunks: list[bytes]) -> None:
    blob: Any = Blob()
    stored = put(blob, chunks)
    assert stored.bytes == len(blob.content)
    assert stored.uncompressed_bytes == sum(map(len, chunks))
    assert stored.sha256 == hashlib.sha256(blob.content).hexdigest()
    assert read_back(blob, stored, go_on) == "1"
    assert b"".join(decompressed(blob, "1", stored, go_on)) == b"".join(chunks)


@settings(deadline=None)
@given(st.binary(min_size=1), st.data())
def test_one_changed_bit_is_damage(content: bytes, data: st.DataObject) -> None:
    blob: Any = Blob()
    stored = put(blob, [content])
    at = data.draw(st.integers(min_value=0, max_value=len(blob.content) - 1))
    changed = bytearray(blob.content)
    changed[at] ^= 1 << data.draw(st.integers(min_value=0, max_value=7))
    blob.content = bytes(changed)
    with pytest.raises(Damaged, match="SHA-256"):
        read_back(blob, stored, go_on)


def test_a_shorter_blob_is_damage() -> None:
    blob: Any = Blob()
    stored = put(blob, [b"content"])
    blob.content = blob.content[:-1]
    with pytest.raises(Damaged, match=f"{stored.bytes} bytes were sent, {stored.bytes - 1} came"):
        read_back(blob, stored, go_on)


def test_what_does_not_decompress_is_damage() -> None:
    blob: Any = Blob()
    blob.content = b"not zstd at all"
    with pytest.raises(Damaged, match="does not decompress"):
        list(decompressed(blob, "1", Stored(bytes=15, uncompressed_bytes=0, sha256=""), go_on))


def test_a_dump_that_breaks_off_commits_nothing() -> None:
    def breaks() -> Iterator[bytes]:
        yield b"x" * 100
        raise Unavailable("postgres", "gone")

    blob: Any = Blob()
    with pytest.raises(Unavailable, match="gone"):
        upload(blob, breaks(), {}, go_on)
    assert blob.content is None


def test_a_job_that_is_stopped_commits_nothing() -> None:
    def stop() -> None:
        raise Cancelled("stop")

    blob = Blob()
    with pytest.raises(Cancelled):
        put(blob, [b"x"], stop)
    assert blob.content is None


def test_another_backups_blob_is_not_replaced() -> None:
    blob = Blob()
    blob.content, blob.metadata = b"other", {"id": "2"}
    with pytest.raises(Unavailable, match="another backup"):
        put(blob, [b"x"])
    assert blob.content == b"other"


def test_our_own_blob_whose_answer_was_lost_is_good() -> None:
    blob = Blob()
    blob.content, blob.metadata = b"ours", {"id": "1"}
    put(blob, [b"x"])


class Forgetful(Blob):
    """Keeps the size only."""

    size = 0

    def stage_block(self, name: str, data: bytes, *, length: int) -> None:
        assert len(data) == length
        self.size += length
        self.staged[name] = b""


def peak(run: Callable[[], object]) -> int:
    """The most bytes of Python's memory that were in use at once."""
    tracemalloc.start()
    try:
        run()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_an_upload_holds_a_few_blocks_whatever_the_size() -> None:
    blob: Any = Forgetful()
    noise = (os.urandom(1024 * 1024) for _ in range(96))
    assert peak(lambda: upload(blob, noise, {}, go_on)) < 5 * BLOCK
    assert blob.size >= 96 * 1024 * 1024


def test_reading_holds_a_few_blocks_however_much_a_blob_grows() -> None:
    blob: Any = Blob()
    zeros = bytes(1024 * 1024)
    stored = put(blob, [zeros] * 200)
    assert stored.bytes < 100_000
    longest = 0

    def run() -> None:
        nonlocal longest
        longest = max(len(chunk) for chunk in decompressed(blob, "1", stored, go_on))

    assert peak(run) < 5 * BLOCK
    assert longest <= len(zeros)
