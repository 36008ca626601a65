"""One fault, at each request of an operation in turn: nobody notices but by the time it takes."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from shared.errors import Unavailable
from shared.recurrence import Frequency, Recurrence
from shared.schedules.job import Status
from shared.schedules.model import Definition, Policy
from shared.storage.tables.locks import Locks
from tests.faults import Fault, LoseAnswer, Throttle
from tests.integration.faults.conftest import Faulty
from tests.integration.faults.kinds import INNER_BUSY, every_kind, some_kinds

_MOST = 60
_numbers = itertools.count()


def each_request(faulty: Faulty, fault: Fault, **match: Any) -> Iterator[None]:
    """Again and again, with the fault at the first, the second, ... request; the last without."""
    for number in range(_MOST):
        rule = faulty.meet(fault, times=1, skip=number, **match)
        yield
        faulty.calm_down()
        if not rule.fired:
            assert number > 0, "the fault met nothing"
            return
    raise AssertionError(f"more than {_MOST} requests")


@every_kind
def test_from_the_tick_to_the_outcome_it_runs_once(faulty: Faulty, fault: Fault) -> None:
    run_each(faulty, each_request(faulty, fault))


def test_a_transaction_that_was_accepted_and_then_throttled_is_made(faulty: Faulty) -> None:
    run_each(faulty, each_request(faulty, INNER_BUSY, operation="$batch"))


def run_each(faulty: Faulty, requests: Iterator[None]) -> None:
    made = faulty.add()
    for _ in requests:
        faulty.later(31)
        assert faulty.engine.tick().lost == 0
        message = faulty.message(faulty.due(made))
        (job,) = faulty.engine.app.worker.work(message)
        assert (job.status, job.attempt) == (Status.SUCCEEDED, 1)
        assert faulty.engine.app.worker.work(message) == []
        assert faulty.jobs(made) == [job]
        made = faulty.add()
    started = faulty.engine.calls.started
    assert len(started) == len(set(started))


@some_kinds
@pytest.mark.parametrize("task", ["fails", "refused"])
def test_failures_are_counted_once(faulty: Faulty, fault: Fault, task: str) -> None:
    made = faulty.add(task, max_attempts=2, pause_after_failures=1)
    for _ in each_request(faulty, fault):
        faulty.later(31)
        faulty.calm.tick()
        message = faulty.message(faulty.due(made))
        faulty.engine.app.worker.work(message)
        faulty.later(60)
        faulty.engine.app.worker.work(message)
        (job,) = faulty.jobs(made)
        assert (job.status, job.attempt) == (Status.FAILED, 2 if task == "fails" else 1)
        shown = faulty.calm.app.manager.get(made.id)
        assert shown.progress.failure_count == 1 and shown.progress.paused_reason
        made = faulty.add(task, max_attempts=2, pause_after_failures=1)


@some_kinds
def test_what_people_do_is_done_once(faulty: Faulty, fault: Fault) -> None:
    manager, seen = faulty.engine.app.manager, faulty.calm.app.manager
    hourly = Recurrence(frequency=Frequency.HOURLY)
    for _ in each_request(faulty, fault):
        made = manager.create(
            Definition(name="n", task_type="works", recurrence=hourly), Policy(max_runs=3)
        )
        assert seen.get(made.id).revision == 1
    for step in _steps():
        one = faulty.add("works")
        for _ in each_request(faulty, fault):
            step(faulty, one.id)
            one = faulty.add("works")


def _steps() -> Iterator[Callable[[Faulty, str], None]]:
    def off(faulty: Faulty, one: str) -> None:
        assert not faulty.engine.app.manager.enable(one, False).is_on
        assert faulty.live_ids(one) == []
        assert [v.recurrence for v in faulty.calm.app.table.versions(one)][-1] is None

    def run(faulty: Faulty, one: str) -> None:
        asked = faulty.engine.app.manager.run_now(one, force=True)
        assert faulty.live_ids(one).count(asked.job_id) == 1

    def cancel(faulty: Faulty, one: str) -> None:
        (job,) = faulty.live_ids(one)
        assert faulty.engine.app.control.cancel(job).status is Status.CANCELLED
        shown = faulty.calm.app.manager.get(one)
        assert shown.progress.cancelled_count == 1 and shown.progress.live == ()

    def retry(faulty: Faulty, one: str) -> None:
        (job,) = faulty.live_ids(one)
        faulty.calm.app.control.cancel(job)
        again = faulty.engine.app.control.retry(job)
        assert faulty.live_ids(one) == [again.id]

    def delete(faulty: Faulty, one: str) -> None:
        faulty.engine.app.manager.delete(one)
        found = faulty.calm.app.table.get(one)
        assert found is not None and found.deleted_at is not None

    yield from (off, run, cancel, retry, delete)


@every_kind
def test_locks_know_their_own(faulty: Faulty, fault: Fault) -> None:
    meta, now = faulty.engine.app.meta, faulty.engine.clock.now()
    locks, elsewhere = Locks(meta), Locks(faulty.calm.app.meta)
    later = now + timedelta(minutes=1)
    for _ in each_request(faulty, fault):
        name = f"n{next(_numbers)}"
        assert locks.take(name, "me", now, later)
        assert not elsewhere.take(name, "other", now, later)
        assert locks.take(name, "she", later, later + timedelta(minutes=1))
        assert not locks.renew(name, "me", later + timedelta(minutes=2))
        assert locks.renew(name, "she", later + timedelta(minutes=2))
        locks.release(name, "she")
        assert elsewhere.take(name, "other", now, later)
    for _ in each_request(faulty, fault):
        name = f"n{next(_numbers)}"
        assert locks.take(name, "a", now, later, places=2)
        assert locks.take(name, "b", now, later, places=2)
        assert not locks.take(name, "c", now, later, places=2)
        locks.release(name, "a")
        assert locks.holders(name, now) == {"b"}
    for _ in each_request(faulty, fault):
        name = f"n{next(_numbers)}"
        assert meta.swap(name, None, "1")
        fact = meta.fact(name)
        assert fact is not None and meta.swap(name, fact, "2") and not meta.swap(name, fact, "3")
        meta.put(name, "4")
        assert meta.value(name) == "4"


@some_kinds
def test_what_prepares_the_storage_may_be_repeated(faulty: Faulty, fault: Fault) -> None:
    for _ in each_request(faulty, fault):
        faulty.engine.app.prepare()


def test_whoever_is_told_to_wait_for_long_asks_again_sooner(faulty: Faulty) -> None:
    faulty.meet(Throttle(retry_after=3600))
    with pytest.raises(Unavailable, match="ServerBusy"):
        faulty.engine.app.table.get("any")


def test_the_sweep_sends_what_was_lost(faulty: Faulty) -> None:
    made = faulty.add()
    faulty.later(31 + 121)
    for _ in each_request(faulty, LoseAnswer()):
        assert faulty.engine.app.sweep.sweep(faulty.engine.clock.now()) == 1
    assert faulty.live(made) == [faulty.due(made)]
