"""Blocks lose no byte, a few are under way at once, and each waits while storage is away."""

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
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.errors import Cancelled, Refused, Unavailable
from shared.storage.blobs import stream, upload
from shared.storage.blobs.blocks import Patience, ahead, blocks
from shared.storage.blobs.stream import BLOCK, pieces
from shared.storage.blobs.upload import stage
from tests.clocks import HastyClock


def wait_until(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def go_on() -> None:
    """A job that nobody stops."""


@settings(deadline=None)
@given(
    st.lists(st.binary(max_size=50)),
    st.lists(st.integers(min_value=1, max_value=40), min_size=1),
)
def test_blocks_are_the_same_bytes_in_the_sizes_that_are_asked_for(
    given: list[bytes], sizes: list[int]
) -> None:
    def size(number: int) -> int:
        return sizes[min(number, len(sizes) - 1)]

    made = list(blocks(iter(given), size))
    assert b"".join(made) == b"".join(given)
    assert all(len(block) == size(number) for number, block in enumerate(made[:-1]))
    assert all(0 < len(block) <= size(number) for number, block in enumerate(made))


def test_blocks_come_as_soon_as_they_are_whole() -> None:
    asked = 0

    def counted() -> Iterator[bytes]:
        nonlocal asked
        for _ in range(6):
            asked += 1
            yield b"12"

    made = blocks(counted(), lambda _: 4)
    assert (next(made), asked) == (b"1212", 2)
    assert (next(made), asked) == (b"1212", 4)


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


def gone() -> int:
    raise Unavailable("blob storage", "gone")


def test_patience_tries_again_until_it_is_there() -> None:
    answers: Iterator[Callable[[], int]] = iter([gone, gone, gone, lambda: 7])
    assert Patience(go_on, 10, HastyClock()).call(lambda: next(answers)()) == 7


def test_patience_ends_and_says_what_was_wrong() -> None:
    clock, tried = HastyClock(), list[float]()

    def attempt() -> int:
        tried.append(clock.monotonic())
        return gone()

    with pytest.raises(Unavailable, match="gone"):
        Patience(go_on, 20, clock).call(attempt)
    assert tried == [0, 0.5, 1.5, 3.5, 7.5, 15.5, 20]
    tried.clear()
    with pytest.raises(Unavailable, match="gone"):
        Patience(go_on, 0, clock).call(attempt)
    assert len(tried) == 1


def test_what_would_be_refused_again_is_not_tried_again() -> None:
    tried = []

    def attempt() -> None:
        tried.append(1)
        raise Refused("blob storage", "no permission")

    with pytest.raises(Refused):
        Patience(go_on, 100).call(attempt)
    assert len(tried) == 1


def test_a_stopped_job_waits_no_longer() -> None:
    stop = threading.Event()

    def check() -> None:
        if stop.is_set():
            raise Cancelled("stop")

    threading.Timer(0.05, stop.set).start()
    with pytest.raises(Cancelled):
        Patience(check, 20).call(gone)


def test_when_nobody_wants_it_any_more_it_waits_no_longer() -> None:
    patient = Patience(go_on, 20)
    threading.Timer(0.05, patient.end).start()
    with pytest.raises(Unavailable):
        patient.call(gone)


def test_a_dump_that_breaks_off_does_not_wait_for_a_block_that_does() -> None:
    tried = threading.Event()

    class Away(Blob):
        def stage_block(self, *_: Any, **__: Any) -> None:
            tried.set()
            gone()

    def breaks_off() -> Iterator[bytes]:
        yield bytes(BLOCK)
        assert tried.wait(10)
        raise Cancelled("the dump's own")

    with pytest.raises(Cancelled, match="own"):
        put(Away(), breaks_off())
    assert no_worker_is_left()


class Blob:
    """As much of a blob client as an upload uses; what it is given it forgets."""

    container_name = "backups"
    blob_name = "a/b"

    def __init__(self) -> None:
        self.sizes: dict[str, int] = {}
        self.committed: list[str] | None = None

    def stage_block(self, name: str, data: bytes, *, length: int, validate_content: bool) -> None:
        assert len(data) == length
        assert validate_content
        self.sizes[name] = length

    def commit_block_list(self, staged: list[Any], **_: Any) -> None:
        self.committed = [item.id for item in staged]

    def download_blob(self, _: int, length: int, **__: Any) -> Any:
        return SimpleNamespace(readall=lambda: bytes(length))


def put(blob: Any, given: Iterator[bytes], check: Callable[[], None] = go_on) -> None:
    stage(blob, given, check).commit({"id": "1"})


def test_what_is_staged_knows_its_sums_and_is_visible_once_it_is_committed() -> None:
    blob: Any = Blob()
    staged = stage(blob, iter([b"some ", b"rows"]), go_on)
    assert sum(blob.sizes.values()) == staged.stored.bytes == 9
    assert staged.stored.sha256 == hashlib.sha256(b"some rows").hexdigest()
    assert blob.committed is None
    staged.commit({})
    assert blob.committed == list(blob.sizes)


def test_the_pieces_are_closed_however_it_ends() -> None:
    ended = []

    def given() -> Iterator[bytes]:
        try:
            while True:
                yield os.urandom(BLOCK)
        finally:
            ended.append(True)

    def stop() -> None:
        raise Cancelled("stop")

    blob: Any = Blob()
    with pytest.raises(Cancelled):
        put(blob, given(), stop)
    assert ended == [True]
    assert blob.committed is None


def test_blocks_grow_so_that_a_blob_may_be_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "BLOCK", 10)
    monkeypatch.setattr(upload, "LATER_BLOCK", 40)
    monkeypatch.setattr(upload, "_MOST_BLOCKS", 8)
    blob = Blob()
    put(blob, iter([bytes(200)]))
    assert list(blob.sizes.values()) == [10, 10, 10, 10, 40, 40, 40, 40]
    blob = Blob()
    with pytest.raises(Refused, match="a/b: it is larger than a blob can be"):
        put(blob, iter([bytes(201)]))
    assert blob.committed is None


def test_who_reads_no_further_leaves_no_read_behind() -> None:
    blob: Any = Blob()
    read = pieces(blob, "1", 20 * BLOCK)
    next(read)
    read.close()
    assert no_worker_is_left()


def peak(run: Callable[[], object]) -> int:
    """The most bytes of Python's memory that were in use at once."""
    tracemalloc.start()
    try:
        run()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_block_that_is_made_is_in_memory_once() -> None:
    made = blocks((os.urandom(1024) for _ in range(2000)), lambda _: 1_000_000)
    tracemalloc.start()
    try:
        first = next(made)
        assert tracemalloc.get_traced_memory()[0] < 1.1 * len(first)
    finally:
        tracemalloc.stop()


def test_an_upload_holds_a_few_blocks_whatever_the_size() -> None:
    blob = Blob()
    noise = (os.urandom(1024 * 1024) for _ in range(96))
    assert peak(lambda: put(blob, noise)) < 5 * BLOCK
    assert sum(blob.sizes.values()) == 96 * 1024 * 1024


def test_reading_holds_a_few_blocks_whatever_the_size() -> None:
    blob: Any = Blob()

    def run() -> None:
        assert sum(len(piece) for piece in pieces(blob, "1", 30 * BLOCK)) == 30 * BLOCK

    assert peak(run) < 5 * BLOCK
