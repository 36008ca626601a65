"""C14: the cleanup turns off schedules past their end, and leaves everything else as it was."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.engine.dispatch.clocks import DISPATCHER
from shared.recurrence import Frequency, Recurrence
from shared.schedules.model import Schedule
from tests.integration.clocks.conftest import START, Sim, said

_MINUTE = timedelta(minutes=1)


def until(minutes: int) -> Recurrence:
    return Recurrence(
        frequency=Frequency.INTERVAL,
        interval_seconds=60,
        start_time=START,
        end_time=START + minutes * _MINUTE,
    )


def enabled(sim: Sim, schedule: Schedule) -> bool:
    return sim.app.manager.get(schedule.id).definition.enabled


def test_schedules_past_their_end_are_disabled_and_keep_their_history(
    sim: Sim, caplog: pytest.LogCaptureFixture
) -> None:
    over, coming, endless = sim.add(recurrence=until(3)), sim.add(recurrence=until(60)), sim.add()
    off = sim.add(recurrence=until(3), enabled=False)
    gone = sim.add(recurrence=until(3))
    sim.app.manager.delete(gone.id)
    sim.run(5 * _MINUTE, {DISPATCHER})
    before = sim.ended(over)
    assert len(before) == 3
    versions = len(sim.app.table.versions(over.id))
    untouched = {one.id: sim.app.table.get(one.id) for one in (off, gone)}

    asked = sim.app.manager.run_now("schedule_cleanup", force=True)
    sim.run(timedelta(seconds=1), set())
    job = sim.app.manager.job(asked.job_id)
    assert job.result == {"disabled": 1, "schedules": [over.id]}
    assert not enabled(sim, over)
    assert enabled(sim, coming) and enabled(sim, endless)
    assert sim.ended(over) == before
    assert len(sim.app.table.versions(over.id)) == versions + 1
    assert {one: sim.app.table.get(one) for one in untouched} == untouched
    (expired,) = said(caplog, "schedule_expired")
    assert expired["schedule_id"] == over.id
    (done,) = said(caplog, "cleanup_done")
    assert (done["schedule_id"], done["disabled"]) == ("schedule_cleanup", 1)


def test_what_was_still_owed_is_accounted_for_first(sim: Sim) -> None:
    made = sim.add(recurrence=until(3))
    sim.clock.advance(10 * _MINUTE)
    sim.app.manager.run_now("schedule_cleanup", force=True)
    sim.run(timedelta(seconds=30), set())
    assert not enabled(sim, made)
    assert [job.due_at for job in sim.ended(made)] == [START + n * _MINUTE for n in (1, 2, 3)]


def test_it_runs_daily_at_two(sim: Sim) -> None:
    made = sim.add(recurrence=until(3))
    sim.run(5 * _MINUTE, {DISPATCHER})
    sim.clock.set(START.replace(hour=1, minute=58) + timedelta(days=1))
    sim.run(3 * _MINUTE, {DISPATCHER})
    assert not enabled(sim, made)
    again = sim.app.manager.run_now("schedule_cleanup", force=True)
    sim.run(timedelta(seconds=1), set())
    assert sim.app.manager.job(again.job_id).result == {"disabled": 0, "schedules": []}
