"""Storage that stays away: what the caller is told, what goes on meanwhile, and what follows."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from shared.engine.work.worker import Worker
from shared.errors import BelfryError, Refused, Unavailable
from shared.recurrence import Frequency, Recurrence
from shared.schedules.job import Job, Status
from shared.schedules.model import CatchUp, Definition, Overlap, Policy, Schedule
from shared.storage import failures
from shared.storage.tables.locks import Locks
from tests.faults import Cut, Fault, LoseAnswer, Refuse, Reset, Rule, Throttle
from tests.integration.engine.conftest import START, Engine
from tests.integration.faults.conftest import Faulty
from tests.integration.faults.kinds import some_kinds
from tests.jobs import jobs_of

_MOST = 60
FOR_GOOD = [Throttle(retry_after=None), LoseAnswer(), Reset("before"), Cut(), Refuse(403, "Denied")]
_NAMES = ["busy", "answers lost", "reset", "answers cut", "forbidden"]


def operations(faulty: Faulty, made: Schedule) -> dict[str, Callable[[], object]]:
    """Everything that somebody outside of the engine calls."""
    app, job = faulty.engine.app, faulty.due(made)
    when = Recurrence(frequency=Frequency.HOURLY)
    return {
        "tick": faulty.engine.tick,
        "tick one": lambda: app.dispatcher.tick_one(made.id, faulty.engine.clock.now()),
        "tick shard": lambda: app.dispatcher.tick_shard("s000", faulty.engine.clock.now()),
        "sweep": lambda: app.sweep.sweep(faulty.engine.clock.now()),
        "work": lambda: app.worker.work(faulty.message(job)),
        "poison": lambda: app.poison.handle(faulty.message(job).text()),
        "create": lambda: app.manager.create(
            Definition(name="n", task_type="works", recurrence=when), Policy()
        ),
        "get": lambda: app.manager.get(made.id),
        "enable": lambda: app.manager.enable(made.id, True),
        "delete": lambda: app.manager.delete(made.id),
        "run now": lambda: app.manager.run_now(made.id, force=True),
        "job": lambda: app.manager.job(job),
        "jobs": lambda: jobs_of(app, made.id),
        "schedules": app.lists.all,
        "cancel": lambda: app.control.cancel(job),
        "retry failed": lambda: app.control.retry_failed(made.id),
        "clocks": app.meta.clocks,
        "beat": lambda: app.meta.beat("c", faulty.engine.clock.now()),
        "hold": lambda: Locks(app.meta).take("h", "me", faulty.engine.clock.now(), datetime.max),
        "release": lambda: Locks(app.meta).release("h", "me"),
        "reconcile": lambda: app.ledger.reconcile(lambda: None),
        "prepare": app.prepare,
    }


@pytest.mark.parametrize("fault", FOR_GOOD, ids=_NAMES)
def test_whoever_calls_is_told_in_our_words(faulty: Faulty, fault: Fault) -> None:
    made = faulty.add()
    faulty.later(31)
    forbidden = isinstance(fault, Refuse)
    for name, call in operations(faulty, made).items():
        faulty.meet(fault)
        with pytest.raises(Refused if forbidden else Unavailable, match=r"(table|queue) storage"):
            call()
            pytest.fail(f"{name} did not notice")
    faulty.calm_down()


@some_kinds
def test_storage_that_goes_away_at_any_request_loses_and_doubles_nothing(
    faulty: Faulty, fault: Fault
) -> None:
    """From each request on, for good; then it is back, and a minute later the lease has ended."""
    for number in range(_MOST):
        made = faulty.add()
        faulty.later(31)
        message = faulty.message(faulty.due(made))
        rule = faulty.meet(fault, skip=number)
        with contextlib.suppress(Unavailable):
            faulty.engine.tick()
            with paced(faulty.engine):
                faulty.engine.app.worker.work(message)
        faulty.calm_down()
        faulty.later(70)
        faulty.engine.tick()
        faulty.engine.app.worker.work(message)
        (job,) = faulty.jobs(made)
        assert job.status is Status.SUCCEEDED and job.attempt in (1, 2)
        if not rule.fired:
            break
    attempts = faulty.engine.calls.started
    assert len(attempts) <= 2 * number + 1
    assert number > 5


@contextlib.contextmanager
def paced(engine: Engine, then: Callable[[datetime], object] = str) -> Iterator[None]:
    """Whoever waits, waits for a few milliseconds, and the clock goes on as if he had: a second of
    it takes two, and nothing takes more than twenty."""
    wait = engine.clock.wait

    def passing(event: threading.Event, longest: timedelta) -> bool:
        if event.wait(min(max(longest.total_seconds(), 1) * 0.002, 0.02)):
            return True
        engine.clock.advance(max(longest, timedelta(milliseconds=10)))
        then(engine.clock.now())
        return event.is_set()

    engine.clock.wait = passing  # type: ignore[method-assign]
    try:
        yield
    finally:
        engine.clock.wait = wait  # type: ignore[method-assign]


class Hired:
    """A worker at work in a thread of its own."""

    def __init__(self, worker: Worker, message: Any) -> None:
        self.ended: list[Job] = []
        self.failure: BelfryError | None = None
        self._thread = threading.Thread(target=self._run, args=(worker, message))
        self._thread.start()

    def join(self) -> None:
        self._thread.join(60)
        assert not self._thread.is_alive()

    def _run(self, worker: Worker, message: Any) -> None:
        try:
            self.ended = worker.work(message)
        except BelfryError as error:
            self.failure = error


@some_kinds
def test_a_worker_cut_off_goes_on_until_its_lease_has_ended(faulty: Faulty, fault: Fault) -> None:
    made = faulty.add("waits", timeout_seconds=3600)
    faulty.later(31)
    engine, message = faulty.engine, faulty.message(faulty.due(made))
    with paced(engine):
        hired = Hired(engine.app.worker, message)
        assert engine.calls.entered.wait(20)
        faulty.meet(fault)
        hired.join()
    faulty.calm_down()
    assert isinstance(hired.failure, Unavailable)
    held = faulty.calm.app.table.get(made.id)
    assert held is not None
    (live,) = held.progress.live
    assert live.lease_until is not None
    late = engine.clock.now() - live.lease_until
    assert timedelta() <= late < timedelta(seconds=10), "it ended with its lease, not before"

    faulty.calm.clock.set(engine.clock.now())
    faulty.calm.calls.hold.set()
    (job,) = faulty.calm.app.worker.work(message)
    assert (job.status, job.attempt) == (Status.SUCCEEDED, 2)
    engine.calls.hold.set()
    assert faulty.jobs(made) == [job]


@some_kinds
def test_an_outcome_waits_for_storage_as_long_as_the_lease_lasts(
    faulty: Faulty, fault: Fault
) -> None:
    made = faulty.add("waits", timeout_seconds=3600)
    faulty.later(31)
    engine, message = faulty.engine, faulty.message(faulty.due(made))
    back: list[datetime] = []

    def then(now: datetime) -> None:
        if back and now > back[0]:
            faulty.calm_down()

    with paced(engine, then):
        hired = Hired(engine.app.worker, message)
        assert engine.calls.entered.wait(20)
        faulty.meet(fault)
        back.append(engine.clock.now() + timedelta(seconds=15))
        engine.calls.hold.set()
        hired.join()
    assert hired.failure is None
    assert [(job.status, job.attempt) for job in hired.ended] == [(Status.SUCCEEDED, 1)]
    (job,) = faulty.jobs(made)
    assert (job.status, job.attempt, job.worker) == (Status.SUCCEEDED, 1, hired.ended[0].worker)


def test_a_worker_whose_storage_does_not_answer_stops_its_job_when_the_lease_has_ended(
    faulty: Faulty, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even while it waits for the answer: another may begin the job then."""
    monkeypatch.setitem(failures.TIMEOUTS, "read_timeout", 60)
    engine = faulty.behind()
    made = faulty.add("waits", timeout_seconds=3600)
    faulty.later(31)
    engine.clock.set(faulty.calm.clock.now())
    with paced(engine):
        hired = Hired(engine.app.worker, faulty.message(faulty.due(made)))
        assert engine.calls.entered.wait(20)
        with faulty.proxy.hold("before") as held:
            assert held.arrived.wait(20), "the beat's request"
            (attempt,) = engine.app.worker._pool._active
            assert not attempt.stop.is_set()
            engine.later(61)
            assert attempt.stop.wait(10)
        engine.calls.hold.set()
        hired.join()
    assert hired.ended == [] and faulty.jobs(made) == []


def test_what_runs_is_not_given_up_when_another_job_of_its_message_meets_a_fault(
    faulty: Faulty,
) -> None:
    """Two jobs of one schedule: the second is looked at when the first has begun."""
    often = Recurrence(frequency=Frequency.INTERVAL, interval_seconds=60, start_time=START)
    policy = {"overlap": Overlap.ALLOW_ALL, "catch_up": CatchUp.ALL}
    made = faulty.add("waits", recurrence=often, **policy)
    faulty.later(125)
    faulty.calm.tick()
    engine, jobs = faulty.engine, faulty.live(made)[:2]
    met: list[Rule] = []
    waits = threading.Event()

    def then(_: datetime) -> None:
        if met and met[0].fired:
            waits.set()

    with paced(engine, then):
        with faulty.proxy.hold("after", operation="$batch", body="lease_until") as held:
            hired = Hired(engine.app.worker, faulty.message(*jobs))
            assert held.arrived.wait(20)
            met.append(faulty.meet(Refuse(403, "Denied")))
        assert engine.calls.entered.wait(20)
        assert waits.wait(20), "it looks after the first"
        faulty.calm_down()
        engine.calls.hold.set()
        hired.join()
    assert isinstance(hired.failure, Refused), "so the message comes again, for the second"
    (job,) = faulty.jobs(made)
    assert (job.id, job.status, job.attempt) == (jobs[0], Status.SUCCEEDED, 1)
    (job,) = engine.app.worker.work(faulty.message(*jobs))
    assert (job.id, job.attempt) == (jobs[1], 1)


def test_faults_use_up_no_hands(faulty: Faulty) -> None:
    """A worker that met more faults than it has hands still runs jobs."""
    made = faulty.add()
    faulty.later(31)
    message = faulty.message(*[faulty.due(made)])
    hands = faulty.engine.app.settings.jobs_per_instance
    faulty.meet(Refuse(403, "Denied"))
    for _ in range(hands + 1):
        with pytest.raises(Refused):
            faulty.engine.app.worker.work(message)
    faulty.calm_down()
    (job,) = faulty.engine.app.worker.work(message)
    assert job.status is Status.SUCCEEDED
