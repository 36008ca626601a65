"""A clock jumped an hour ahead for some ticks, and back: everything runs again within two minutes,
every occurrence is accounted for, and people are told.

The app of these tests goes by its clock, as one did that does not check it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.api import site
from shared.engine.dispatch.names import DISPATCHER, MESSAGE
from shared.recurrence import Frequency, Recurrence
from shared.schedules.job import Job, Status, is_manual
from shared.schedules.ledger import Span
from shared.schedules.model import CatchUp, Policy, Schedule
from shared.storage.tables.changes import Change
from shared.storage.tables.locks import Locks
from tests.integration.clocks.conftest import START, Killed, SimulatedEngine, said
from tests.integration.clocks.test_chain import killed

_SECOND, _MINUTE, _HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)


def reconciled(engine: SimulatedEngine) -> dict[str, Any]:
    span = Span(START - _MINUTE, engine.now - 2 * _MINUTE)
    return dict(engine.app.ledger.reconcile(lambda: None, span).result())


def own(engine: SimulatedEngine, schedule: Schedule) -> list[Job]:
    return [job for job in engine.ended(schedule) if not is_manual(job.id)]


def ran(engine: SimulatedEngine, schedule: Schedule) -> list[int]:
    """Minutes after the start of what succeeded."""
    done = [job for job in own(engine, schedule) if job.status is Status.SUCCEEDED]
    return [int((job.due_at - START) / _MINUTE) for job in done]


def every(minutes: int) -> Recurrence:
    return Recurrence(frequency=Frequency.INTERVAL, interval_seconds=60 * minutes, start_time=START)


POLICIES = {
    "none": Policy(misfire_grace_seconds=30),
    "all": Policy(catch_up=CatchUp.ALL),
    "few": Policy(max_runs=30),
}


@pytest.mark.parametrize(
    ("works", "jump", "minutes"),
    [
        pytest.param(True, _HOUR / 2, 40, id="worker too"),
        pytest.param(False, _HOUR, 15, id="ticks only"),
    ],
)
def test_everything_runs_again_within_two_minutes_and_is_accounted_for(
    engine: SimulatedEngine, works: bool, jump: timedelta, minutes: int
) -> None:
    """With the worker, some runs of later ran too early: they do not run again then."""
    schedules = {name: engine.add(policy=policy) for name, policy in POLICIES.items()}
    sparse = engine.add(recurrence=every(7))
    once = engine.add(
        recurrence=Recurrence(frequency=Frequency.ONCE, start_time=START + 15 * _MINUTE)
    )
    engine.run(5 * _MINUTE + _SECOND, {DISPATCHER, MESSAGE})

    engine.jump(jump)
    engine.run(2 * _MINUTE, {DISPATCHER, MESSAGE}, works=works)
    early = {name: ran(engine, one) for name, one in schedules.items()}
    engine.jump(-jump)
    first = int((engine.now - START) / _MINUTE) + 2
    engine.run(minutes * _MINUTE, {DISPATCHER, MESSAGE})

    last = int((engine.now - START) / _MINUTE)
    for name, schedule in schedules.items():
        done = ran(engine, schedule)
        assert len(set(done)) == len(done)
        assert set(early[name]) <= set(done)
        assert name == "few" or set(range(first, last)) <= set(done), name
    assert {n for n in range(first, last) if n % 7 == 0} <= set(ran(engine, sparse))
    assert ran(engine, once) == [15]
    few = engine.app.manager.get(schedules["few"].id).progress
    assert not works or (few.handed_out, few.next_run_at) == (30, None)
    _accounted_for(engine, schedules.values())


def _accounted_for(engine: SimulatedEngine, schedules: Iterable[Schedule]) -> None:
    told = reconciled(engine)
    assert (told["unexplained"], told["unexpected"]) == (0, 0), told["named"]
    for schedule in schedules:
        counted = engine.app.manager.get(schedule.id).progress
        count = Counter(job.status for job in own(engine, schedule))
        assert counted.missed_count == count[Status.MISSED]
        assert counted.skipped_count == count[Status.SKIPPED]
        assert counted.success_count == count[Status.SUCCEEDED]


def test_it_is_said_once_in_the_log_and_once_to_people(
    engine: SimulatedEngine, caplog: pytest.LogCaptureFixture
) -> None:
    made = engine.strict(60)
    engine.run(5 * _MINUTE + _SECOND, engine.every_clock)
    engine.jump(_HOUR)
    engine.run(2 * _MINUTE, {DISPATCHER, MESSAGE}, works=False)
    engine.jump(-_HOUR)
    caplog.clear()
    engine.run(10 * _MINUTE, engine.every_clock)
    (told,) = said(caplog, "clock_was_wrong")
    assert 3400 < told["seconds"] <= 3600
    assert told["expected_again"] > 50
    assert f"clock:{DISPATCHER}" in told["rows"]
    assert said(caplog, "sweep_done")
    entries = engine.app.notifications().page(None, None, 1, 100)[0]
    (entry,) = [one for one in entries if one.key.startswith("clock")]
    assert entry.subject == "Clock wrong: a machine of the app"
    assert "put right" in entry.text
    assert said(caplog, "clock_silent") == []
    assert ran(engine, made)[-8:] == list(range(10, 18))


def test_uptime_does_not_believe_a_tick_in_the_future(engine: SimulatedEngine) -> None:
    engine.run(5 * _MINUTE, engine.every_clock)
    engine.jump(_HOUR)
    engine.run(2 * _MINUTE, engine.every_clock)
    assert site.uptime(lambda: engine.app).status == "up"
    engine.jump(-_HOUR)
    engine.clock.advance(5 * _MINUTE)
    assert site.uptime(lambda: engine.app).status == "late"


def test_only_the_chain_is_left_and_goes_on(engine: SimulatedEngine) -> None:
    """Its message was lost while the clock was wrong: any other clock begins it anew at once."""
    engine.run(5 * _MINUTE, engine.every_clock)
    engine.jump(_HOUR)
    engine.run(2 * _MINUTE, engine.every_clock)
    engine.jump(-_HOUR)
    engine.pulses.clear()
    engine.fire(DISPATCHER)
    assert len(engine.pulses) == 1 and engine.pulses[0][0] - engine.now <= 70 * _SECOND


def test_what_was_held_for_too_long_is_free(engine: SimulatedEngine) -> None:
    """By a worker that went by the wrong clock, and was killed."""
    later = engine.now + _HOUR
    locks, meta = Locks(engine.app.meta), engine.app.meta
    assert locks.take("limit:task:works", "nightly", later, later + _MINUTE)
    assert locks.take("shard:s000", "it", later, later + _MINUTE)
    assert locks.take("shard:s001", "it", engine.now, engine.now + _MINUTE)
    meta.beat(DISPATCHER, later)
    engine.fire(DISPATCHER)
    assert locks.take("shard:s000", "other", engine.now, engine.now + _MINUTE)
    assert not locks.take("shard:s001", "other", engine.now, engine.now + _MINUTE)
    assert not locks.take("limit:task:works", "other", engine.now, engine.now + _MINUTE)
    engine.clock.advance(engine.app.clocks._mender._lease + _SECOND)
    assert locks.take("limit:task:works", "other", engine.now, engine.now + _MINUTE)


def test_a_pass_that_was_broken_off_is_made_again(
    engine: SimulatedEngine, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = engine.strict(60)
    engine.run(3 * _MINUTE, {DISPATCHER, MESSAGE})
    engine.jump(_HOUR)
    engine.run(_MINUTE, {DISPATCHER, MESSAGE}, works=False)
    engine.jump(-_HOUR)
    mender = engine.app.clocks._mender
    killed(mender, "_step", monkeypatch)
    with pytest.raises(Killed):
        engine.fire(DISPATCHER)
    engine.run(12 * _MINUTE, {DISPATCHER, MESSAGE})
    assert len(said(caplog, "clock_was_wrong")) == 1
    assert ran(engine, made)[-8:] == list(range(8, 16))


def test_while_one_puts_it_right_others_do_not(engine: SimulatedEngine) -> None:
    engine.run(3 * _MINUTE, {DISPATCHER, MESSAGE})
    later = engine.now + _HOUR
    engine.app.meta.beat("health_monitor", later)
    assert Locks(engine.app.meta).take("mend", "another", engine.now, engine.now + 5 * _MINUTE)
    engine.fire(DISPATCHER)
    assert engine.app.meta.clocks()["health_monitor"] == later
    engine.clock.advance(6 * _MINUTE)
    engine.fire(DISPATCHER)
    assert engine.app.meta.clocks()["health_monitor"] == engine.now


def test_work_finds_it_too(engine: SimulatedEngine) -> None:
    engine.run(3 * _MINUTE, {DISPATCHER, MESSAGE})
    engine.clock.advance(2 * _MINUTE)
    engine.app.meta.beat(DISPATCHER, engine.now + _HOUR)
    engine.app.clocks.stand_in()
    assert engine.app.meta.clocks()[DISPATCHER] == engine.now


def test_a_job_of_a_worker_that_was_killed_by_then_is_taken_over_soon(
    engine: SimulatedEngine,
) -> None:
    made = engine.strict(3600)
    asked = engine.app.manager.run_now(made.id, force=True).job_id
    engine.jobs.clear()  # its message was taken by that worker
    schedule = engine.app.manager.get(made.id)
    live = schedule.progress.find(asked)
    assert live is not None
    held = replace(
        live,
        attempt=1,
        started_at=engine.now + _HOUR,
        worker="killed",
        lease_until=engine.now + _HOUR + _MINUTE,
    )
    after = replace(schedule, progress=schedule.progress.put(held))
    assert engine.app.table.commit([Change(schedule, after)]) == [True]
    engine.app.meta.beat(DISPATCHER, engine.now + _HOUR)
    engine.run(2 * _MINUTE, {DISPATCHER, MESSAGE})
    job = engine.app.manager.job(asked)
    assert (job.status, job.attempt) == (Status.SUCCEEDED, 2)
