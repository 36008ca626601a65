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
from shared.engine.dispatch.clocks import DISPATCHER, MESSAGE
from shared.recurrence import Frequency, Recurrence
from shared.schedules.job import Job, Status, is_manual
from shared.schedules.ledger import Span
from shared.schedules.model import CatchUp, Policy, Schedule
from shared.storage.tables.changes import Change
from shared.storage.tables.locks import Locks
from tests.integration.clocks.conftest import START, Killed, Sim, said
from tests.integration.clocks.test_chain import killed

_SECOND, _MINUTE, _HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)


def reconciled(sim: Sim) -> dict[str, Any]:
    span = Span(START - _MINUTE, sim.now - 2 * _MINUTE)
    return dict(sim.app.ledger.reconcile(lambda: None, span).result())


def own(sim: Sim, schedule: Schedule) -> list[Job]:
    return [job for job in sim.ended(schedule) if not is_manual(job.id)]


def ran(sim: Sim, schedule: Schedule) -> list[int]:
    """Minutes after the start of what succeeded."""
    done = [job for job in own(sim, schedule) if job.status is Status.SUCCEEDED]
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
    sim: Sim, works: bool, jump: timedelta, minutes: int
) -> None:
    """With the worker, some runs of later ran too early: they do not run again then."""
    schedules = {name: sim.add(policy=policy) for name, policy in POLICIES.items()}
    sparse = sim.add(recurrence=every(7))
    once = sim.add(recurrence=Recurrence(frequency=Frequency.ONCE, start_time=START + 15 * _MINUTE))
    sim.run(5 * _MINUTE + _SECOND, {DISPATCHER, MESSAGE})

    sim.jump(jump)
    sim.run(2 * _MINUTE, {DISPATCHER, MESSAGE}, works=works)
    early = {name: ran(sim, one) for name, one in schedules.items()}
    sim.jump(-jump)
    first = int((sim.now - START) / _MINUTE) + 2
    sim.run(minutes * _MINUTE, {DISPATCHER, MESSAGE})

    last = int((sim.now - START) / _MINUTE)
    for name, schedule in schedules.items():
        done = ran(sim, schedule)
        assert len(set(done)) == len(done)
        assert set(early[name]) <= set(done)
        assert name == "few" or set(range(first, last)) <= set(done), name
    assert {n for n in range(first, last) if n % 7 == 0} <= set(ran(sim, sparse))
    assert ran(sim, once) == [15]
    few = sim.app.manager.get(schedules["few"].id).progress
    assert not works or (few.handed_out, few.next_run_at) == (30, None)
    _accounted_for(sim, schedules.values())


def _accounted_for(sim: Sim, schedules: Iterable[Schedule]) -> None:
    told = reconciled(sim)
    assert (told["unexplained"], told["unexpected"]) == (0, 0), told["named"]
    for schedule in schedules:
        counted = sim.app.manager.get(schedule.id).progress
        count = Counter(job.status for job in own(sim, schedule))
        assert counted.missed_count == count[Status.MISSED]
        assert counted.skipped_count == count[Status.SKIPPED]
        assert counted.success_count == count[Status.SUCCEEDED]


def test_it_is_said_once_in_the_log_and_once_to_people(
    sim: Sim, caplog: pytest.LogCaptureFixture
) -> None:
    made = sim.strict(60)
    sim.run(5 * _MINUTE + _SECOND, sim.every_clock)
    sim.jump(_HOUR)
    sim.run(2 * _MINUTE, {DISPATCHER, MESSAGE}, works=False)
    sim.jump(-_HOUR)
    caplog.clear()
    sim.run(10 * _MINUTE, sim.every_clock)
    (told,) = said(caplog, "clock_was_wrong")
    assert 3400 < told["seconds"] <= 3600
    assert told["expected_again"] > 50
    assert f"clock:{DISPATCHER}" in told["rows"]
    assert said(caplog, "sweep_done")
    entries = sim.app.notifications().page(None, None, 1, 100)[0]
    assert [one.key.rpartition(":")[0] for one in entries] == ["clock_was_wrong"]
    assert "put right" in entries[0].text
    assert said(caplog, "clock_silent") == []
    assert ran(sim, made)[-8:] == list(range(10, 18))


def test_uptime_does_not_believe_a_tick_in_the_future(sim: Sim) -> None:
    sim.run(5 * _MINUTE, sim.every_clock)
    sim.jump(_HOUR)
    sim.run(2 * _MINUTE, sim.every_clock)
    assert site.uptime(lambda: sim.app).status == "up"
    sim.jump(-_HOUR)
    sim.clock.advance(5 * _MINUTE)
    assert site.uptime(lambda: sim.app).status == "late"


def test_only_the_chain_is_left_and_goes_on(sim: Sim) -> None:
    """Its message was lost while the clock was wrong: any other clock begins it anew at once."""
    sim.run(5 * _MINUTE, sim.every_clock)
    sim.jump(_HOUR)
    sim.run(2 * _MINUTE, sim.every_clock)
    sim.jump(-_HOUR)
    sim.pulses.clear()
    sim.fire(DISPATCHER)
    assert len(sim.pulses) == 1 and sim.pulses[0][0] - sim.now <= 70 * _SECOND


def test_what_was_held_for_too_long_is_free(sim: Sim) -> None:
    """By a worker that went by the wrong clock, and was killed."""
    later = sim.now + _HOUR
    locks, meta = Locks(sim.app.meta), sim.app.meta
    assert locks.take("limit:task:works", "nightly", later, later + _MINUTE)
    assert locks.take("shard:s000", "it", later, later + _MINUTE)
    assert locks.take("shard:s001", "it", sim.now, sim.now + _MINUTE)
    meta.beat(DISPATCHER, later)
    sim.fire(DISPATCHER)
    assert locks.take("shard:s000", "other", sim.now, sim.now + _MINUTE)
    assert not locks.take("shard:s001", "other", sim.now, sim.now + _MINUTE)
    assert not locks.take("limit:task:works", "other", sim.now, sim.now + _MINUTE)
    sim.clock.advance(sim.app.clocks._mender._lease + _SECOND)
    assert locks.take("limit:task:works", "other", sim.now, sim.now + _MINUTE)


def test_a_pass_that_was_broken_off_is_made_again(
    sim: Sim, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = sim.strict(60)
    sim.run(3 * _MINUTE, {DISPATCHER, MESSAGE})
    sim.jump(_HOUR)
    sim.run(_MINUTE, {DISPATCHER, MESSAGE}, works=False)
    sim.jump(-_HOUR)
    mender = sim.app.clocks._mender
    killed(mender, "_step", monkeypatch)
    with pytest.raises(Killed):
        sim.fire(DISPATCHER)
    sim.run(12 * _MINUTE, {DISPATCHER, MESSAGE})
    assert len(said(caplog, "clock_was_wrong")) == 1
    assert ran(sim, made)[-8:] == list(range(8, 16))


def test_while_one_puts_it_right_others_do_not(sim: Sim) -> None:
    sim.run(3 * _MINUTE, {DISPATCHER, MESSAGE})
    later = sim.now + _HOUR
    sim.app.meta.beat("health_monitor", later)
    assert Locks(sim.app.meta).take("mend", "another", sim.now, sim.now + 5 * _MINUTE)
    sim.fire(DISPATCHER)
    assert sim.app.meta.clocks()["health_monitor"] == later
    sim.clock.advance(6 * _MINUTE)
    sim.fire(DISPATCHER)
    assert sim.app.meta.clocks()["health_monitor"] == sim.now


def test_work_finds_it_too(sim: Sim) -> None:
    sim.run(3 * _MINUTE, {DISPATCHER, MESSAGE})
    sim.clock.advance(2 * _MINUTE)
    sim.app.meta.beat(DISPATCHER, sim.now + _HOUR)
    sim.app.clocks.stand_in()
    assert sim.app.meta.clocks()[DISPATCHER] == sim.now


def test_a_job_of_a_worker_that_was_killed_by_then_is_taken_over_soon(sim: Sim) -> None:
    made = sim.strict(3600)
    asked = sim.app.manager.run_now(made.id, force=True).job_id
    sim.jobs.clear()  # its message was taken by that worker
    schedule = sim.app.manager.get(made.id)
    live = schedule.progress.find(asked)
    assert live is not None
    held = replace(
        live,
        attempt=1,
        started_at=sim.now + _HOUR,
        worker="killed",
        lease_until=sim.now + _HOUR + _MINUTE,
    )
    after = replace(schedule, progress=schedule.progress.put(held))
    assert sim.app.table.commit([Change(schedule, after)]) == [True]
    sim.app.meta.beat(DISPATCHER, sim.now + _HOUR)
    sim.run(2 * _MINUTE, {DISPATCHER, MESSAGE})
    job = sim.app.manager.job(asked)
    assert (job.status, job.attempt) == (Status.SUCCEEDED, 2)
