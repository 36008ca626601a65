"""Blocks and compression lose no byte; what is stored decompresses to what was given."""

from __future__ import annotations

import hashlib
import os
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from azure.core.exceptions import ResourceExistsError
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.backups.stream import BLOCK, Stored, ahead, blocks, decompressed, read_back, upload
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


def wait_until(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.001)


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


class Calls:
    """Calls that note how many of them are under way, and wait until they are let go."""

    def __init__(self, *, let_go: bool = True) -> None:
        self.free = threading.Event()
        self.begun = 0
        self.ended = 0
        self.most = 0
        self._lock = threading.Lock()
        if let_go:
            self.free.set()

    def call(self, number: int, seconds: float = 0) -> int:
        with self._lock:
            self.begun += 1
            self.most = max(self.most, self.begun - self.ended)
        assert self.free.wait(10)
        time.sleep(seconds)
        with self._lock:
            self.ended += 1
        return number

    def made(self, count: int, seconds: Callable[[int], float] = lambda _: 0) -> Any:
        return (partial(self.call, n, seconds(n)) for n in range(count))


def no_worker_is_left() -> bool:
    return not any(thread.name.startswith("belfry-blocks") for thread in threading.enumerate())


@pytest.mark.parametrize("most", [1, 2, 3])
@pytest.mark.parametrize("count", [0, 1, 2, 3, 20])
def test_results_come_in_the_order_of_their_calls(count: int, most: int) -> None:
    calls = Calls()
    later_is_faster = calls.made(count, lambda n: 0.002 if n % 2 == 0 else 0)
    assert list(ahead(later_is_faster, most)) == list(range(count))
    assert calls.most <= most
    assert no_worker_is_left()


def test_two_are_under_way_while_the_next_is_made_and_while_one_is_used() -> None:
    calls = Calls(let_go=False)
    both_run_when_the_third_is_made = threading.Event()

    def made() -> Iterator[Callable[[], int]]:
        for number, call in enumerate(calls.made(6)):
            if number == 2:
                wait_until(lambda: calls.begun == 2)
                both_run_when_the_third_is_made.set()
                calls.free.set()
            yield call

    results = ahead(made())
    assert next(results) == 0
    assert both_run_when_the_third_is_made.is_set()
    wait_until(lambda: calls.begun == 3)  # the third began before its consumer came back
    assert list(results) == [1, 2, 3, 4, 5]
    assert calls.most == 2


def test_no_more_is_made_than_can_be_under_way() -> None:
    made = 0

    def counted() -> Iterator[Callable[[], None]]:
        nonlocal made
        for _ in range(50):
            made += 1
            yield lambda: None

    for used, _ in enumerate(ahead(counted()), 1):
        assert made <= used + 2


def test_an_error_of_a_call_reaches_the_caller_when_the_others_have_ended() -> None:
    calls = Calls()

    def fails() -> int:
        raise Unavailable("blob storage", "gone")

    rest = [partial(calls.call, 2, 0.05), partial(calls.call, 3)]
    several: list[Callable[[], int]] = [partial(calls.call, 0), fails, *rest]
    results = ahead(iter(several))
    assert next(results) == 0
    with pytest.raises(Unavailable, match="gone"):
        next(results)
    assert calls.begun == calls.ended <= 2
    assert no_worker_is_left()


def test_an_error_in_making_a_call_reaches_the_caller_when_the_others_have_ended() -> None:
    calls = Calls()

    def breaks_off() -> Iterator[Callable[[], int]]:
        yield partial(calls.call, 0, 0.05)
        raise Cancelled("stop")

    with pytest.raises(Cancelled):
        list(ahead(breaks_off()))
    assert (calls.begun, calls.ended) == (1, 1)
    assert no_worker_is_left()


def test_closed_early_it_begins_nothing_more() -> None:
    calls = Calls()
    results = ahead(calls.made(50, lambda _: 0.01))
    assert next(results) == 0
    results.close()
    assert calls.begun == calls.ended <= 3
    assert no_worker_is_left()


def test_a_restore_that_ends_early_leaves_no_read_behind() -> None:
    blob: Any = Blob()
    stored = put(blob, [os.urandom(BLOCK) for _ in range(6)])
    chunks = decompressed(blob, "1", stored, go_on)
    next(chunks)
    chunks.close()
    assert no_worker_is_left()


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
