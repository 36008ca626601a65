"""Threads where they can be had: who cannot have one does the work itself, and all of it."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from shared.threads import Pool, start, was_refused

_REFUSALS = ["can't create new thread at interpreter shutdown", "can't start new thread"]


def _refuse(thread: threading.Thread) -> None:
    raise RuntimeError(_REFUSALS[0])


@pytest.fixture
def no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """No thread can be started, as in an interpreter that goes down."""

    monkeypatch.setattr(threading.Thread, "start", _refuse)


def test_what_is_mapped_comes_back_in_its_order_from_several_threads() -> None:
    met = threading.Barrier(3)

    def call(number: int) -> tuple[int, str]:
        if number < 3:  # each waits for two others: they run at once
            met.wait(10)
        return number, threading.current_thread().name

    found = Pool(3, "reader").map(call, range(20))
    assert [number for number, _ in found] == list(range(20))
    assert len({name for _, name in found[:3]}) == 3
    assert threading.current_thread().name in {name for _, name in found[:3]}


def test_no_more_run_at_once_than_it_says() -> None:
    running: set[int] = set()
    most = 0

    def call(number: int) -> None:
        nonlocal most
        running.add(number)
        most = max(most, len(running))
        threading.Event().wait(0.002)
        running.discard(number)

    Pool(3, "reader").map(call, range(60))
    assert most <= 3


@pytest.mark.parametrize("items", [[], [1], [1, 2, 3]])
@pytest.mark.usefixtures("no_more")
def test_without_a_thread_the_caller_does_it_all(items: list[int]) -> None:
    def call(number: int) -> tuple[int, str]:
        return number, threading.current_thread().name

    name = threading.current_thread().name
    assert Pool(4, "reader").map(call, items) == [(number, name) for number in items]


def test_it_goes_on_with_the_threads_that_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = Pool(4, "reader")
    pool.map(str, range(2))
    monkeypatch.setattr(threading.Thread, "start", _refuse)
    for _ in range(50):
        assert pool.map(str, range(9)) == [str(number) for number in range(9)]


def test_as_a_context_it_leaves_no_thread_behind_whatever_is_raised() -> None:
    def call(number: int) -> None:
        raise ValueError(number)

    kept: list[BaseException] = []
    with Pool(3, "passing") as pool:
        pool.map(str, range(9))
        try:
            pool.map(call, range(9))
        except ValueError as error:  # its traceback holds on to the pool
            kept.append(error)
    assert kept
    assert not [one for one in threading.enumerate() if one.name.startswith("passing")]


def test_the_first_failure_is_raised_and_nothing_begins_or_runs_after_it() -> None:
    both = threading.Barrier(2)
    begun: list[int] = []
    ended: list[int] = []

    def call(number: int) -> None:
        begun.append(number)
        both.wait(10)
        if number == 0:
            raise ValueError("the first")
        threading.Event().wait(0.1)
        ended.append(number)

    with pytest.raises(ValueError, match="the first"):
        Pool(2, "reader").map(call, range(30))
    assert sorted(begun) == [0, 1] and ended == [1]


def test_a_thread_is_started_or_it_is_said_that_none_can_be(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    over = threading.Event()
    assert start(over.set, "one") and over.wait(10)
    monkeypatch.setattr(threading.Thread, "start", _refuse)
    over.clear()
    assert not start(over.set, "another") and not over.is_set()


def test_a_refused_thread_is_told_from_other_failures() -> None:
    pool = ThreadPoolExecutor(1)
    pool.shutdown()
    with pytest.raises(RuntimeError) as closed:  # by who made it: the interpreter lives
        pool.submit(str)
    after = "cannot schedule new futures after interpreter shutdown"
    assert all(was_refused(RuntimeError(said)) for said in (*_REFUSALS, after))
    assert not was_refused(closed.value)
    assert not was_refused(ValueError(after)) and not was_refused(RuntimeError("a bug"))
