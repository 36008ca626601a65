"""Attempts of one job: one at a time, and only one of them says what became of the backup."""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.backups.jobs.lock import Alone, Hold
from shared.backups.sqlite.source import SqliteSource
from shared.clock import ManualClock, SystemClock
from shared.errors import Cancelled, Unavailable
from shared.tasks.context import JobContext
from tests.context import job_of
from tests.integration.backups.faults.world import LATER, Moved, job, whole
from tests.integration.backups.setup import PRIMARY, Meddled, Shelf

_SECONDS = 60


class Paused:
    """A backup that stands still at one of its steps until it is let go."""

    def __init__(self, shelf: Shelf, source: SqliteSource, step: str, given: JobContext) -> None:
        self.entered, self._go_on = threading.Event(), threading.Event()
        steps: dict[str, Any] = {step: self._stand}
        self._pool = ThreadPoolExecutor(1)
        self.outcome: Future[dict[str, object]] = self._pool.submit(
            shelf.take, Meddled(source, **steps), given
        )
        assert self.entered.wait(_SECONDS)

    def _stand(self) -> None:
        self.entered.set()
        assert self._go_on.wait(_SECONDS)

    def go_on(self) -> None:
        self._go_on.set()
        self._pool.shutdown()


class Waiting(SystemClock):
    """Tells when somebody waits by it."""

    def __init__(self) -> None:
        self.waits = threading.Event()

    def wait(self, event: threading.Event, longest: timedelta) -> bool:
        del longest
        self.waits.set()
        return event.wait(0.01)


def test_a_later_attempt_waits_for_an_earlier_one_that_still_lives(
    shelf: Shelf, small: SqliteSource
) -> None:
    """It was told to stop, and has not done so yet."""
    stop = threading.Event()
    first = Paused(shelf, small, "in_restore", job_of(stop=stop))
    clock = Waiting()
    with ThreadPoolExecutor(1) as pool:
        second = pool.submit(shelf.take, small, job_of(attempt=2, clock=clock))
        assert clock.waits.wait(_SECONDS)
        stop.set()
        assert shelf.states() == [{PRIMARY: "unproved"}], "the second has touched nothing"
        first.go_on()
        assert isinstance(first.outcome.exception(_SECONDS), Cancelled)
        taken = second.result(_SECONDS)
    assert [one.id for one in shelf.backups()] == [taken["id"]]
    assert shelf.states() == [{PRIMARY: "verified"}]
    whole(shelf)


@pytest.mark.parametrize("step", ["in_dump", "after_dump", "in_restore"])
def test_one_that_was_suspended_and_comes_back_late_has_no_say(
    shelf: Shelf, small: SqliteSource, step: str
) -> None:
    first = Paused(shelf, small, step, job())
    taken = shelf.take(small, job(attempt=2, by=LATER))
    first.go_on()
    error = first.outcome.exception(_SECONDS)
    assert isinstance(error, Unavailable)
    assert "another took its turn" in str(error)
    assert [one.id for one in shelf.backups()] == [taken["id"]]
    assert shelf.states() == [{PRIMARY: "verified"}]
    whole(shelf)


def hold(shelf: Shelf, given: JobContext) -> Hold:
    return Hold(shelf.locks, "backup:x", given)


def test_how_long_a_hold_lasts_that_nobody_renews(shelf: Shelf) -> None:
    assert hold(shelf, job("a")).take()
    for other, seconds, free in (
        (job("b", by=timedelta(seconds=80)), 80, False),
        (job("a", attempt=2, by=timedelta(seconds=15)), 15, False),
        (job("a", attempt=1, by=timedelta(seconds=15)), 15, False),  # begun twice
        (job("a", attempt=2, by=timedelta(seconds=25)), 25, True),
        (job("b", by=timedelta(seconds=100)), 100, False),  # the second attempt has it
        (job("b", by=timedelta(seconds=120)), 120, True),
    ):
        assert hold(shelf, other).take() is free, (other.job_id, other.attempt, seconds)


@pytest.mark.parametrize("held", [False, True])
def test_who_gets_no_thread_lets_go_all_the_same(
    shelf: Shelf, small: SqliteSource, monkeypatch: pytest.MonkeyPatch, held: bool
) -> None:
    """As in an interpreter that goes down: the next attempt need not wait for the hold's end."""

    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    with monkeypatch.context() as patch:
        if not held:
            patch.setattr(threading.Thread, "start", refuse)
        with (
            pytest.raises(Cancelled if held else RuntimeError),
            Alone(shelf.locks).of(small, job("a")),
        ):
            patch.setattr(threading.Thread, "start", refuse)
            raise Cancelled("told to stop")
    clock = Waiting()
    with Alone(shelf.locks).of(small, replace(job("b"), clock=clock)):
        assert not clock.waits.is_set()


def test_what_is_let_go_is_free_and_what_was_lost_stays_lost(shelf: Shelf) -> None:
    mine, other = hold(shelf, job("a")), hold(shelf, job("b", by=timedelta(minutes=2)))
    assert mine.take()
    mine.confirm()
    assert other.take()
    with pytest.raises(Unavailable, match="another took its turn"):
        mine.confirm()
    mine.release()  # of what is the other's, nothing
    other.confirm()
    other.release()
    with pytest.raises(Unavailable, match="another took its turn"):
        mine.confirm()
    assert hold(shelf, job("c")).take()


def test_a_hold_of_a_wrong_clock_ends_when_nobody_renews_it(shelf: Shelf) -> None:
    """It says that it was renewed next year: who waits looks whether it is renewed."""
    mad = hold(shelf, replace(job("a"), clock=Moved(timedelta(days=365))))
    assert mad.take()
    clock = ManualClock(SystemClock().now())
    other = hold(shelf, replace(job("b"), clock=clock))
    assert not other.take()
    clock.advance(timedelta(seconds=80))
    assert not other.take()
    mad.confirm()
    clock.advance(timedelta(seconds=20))
    assert not other.take(), "it was renewed meanwhile"
    clock.advance(timedelta(seconds=95))
    assert other.take()
