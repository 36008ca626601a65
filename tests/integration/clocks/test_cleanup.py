"""C14: the cleanup turns off schedules past their end, and leaves everything else as it was."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.engine.dispatch.names import DISPATCHER
from shared.recurrence import Frequency, Recurrence
from shared.schedules.model import Schedule
from tests.integration.clocks.conftest import START, SimulatedEngine, said

_MINUTE = timedelta(minutes=1)


def until(minutes: int) -> Recurrence:
    return Recurrence(
        frequency=Frequency.INTERVAL,
        interval_seconds=60,
        start_time=START,
        end_time=START + minutes * _MINUTE,
    )


def enabled(engine: SimulatedEngine, schedule: Schedule) -> bool:
    return engine.app.manager.get(schedule.id).definition.enabled


def test_schedules_past_their_end_are_disabled_and_keep_their_history(
    engine: SimulatedEngine, caplog: pytest.LogCaptureFixture
) -> None:
    over, coming, endless = (
        engine.add(recurrence=until(3)),
        engine.add(recurrence=until(60)),
        engine.add(),
    )
    off = engine.add(recurrence=until(3), enabled=False)
    gone = engine.add(recurrence=until(3))
    engine.app.manager.delete(gone.id)
    engine.run(5 * _MINUTE, {DISPATCHER})
    before = engine.ended(over)
    assert len(before) == 3
    versions = len(engine.app.table.versions(over.id))
    untouched = {one.id: engine.app.table.get(one.id) for one in (off, gone)}

    asked = engine.app.manager.run_now("schedule_cleanup", force=True)
    engine.run(timedelta(seconds=1), set())
    job = engine.app.manager.job(asked.job_id)
    assert job.result == {"disabled": 1, "schedules": [over.id]}
    assert not enabled(engine, over)
    assert enabled(engine, coming) and enabled(engine, endless)
    assert engine.ended(over) == before
    assert len(engine.app.table.versions(over.id)) == versions + 1
    assert {one: engine.app.table.get(one) for one in untouched} == untouched
    (expired,) = said(caplog, "schedule_expired")
    assert expired["schedule_id"] == over.id
    (done,) = said(caplog, "cleanup_done")
    assert (done["schedule_id"], done["disabled"]) == ("schedule_cleanup", 1)


def test_what_was_still_owed_is_accounted_for_first(engine: SimulatedEngine) -> None:
    made = engine.add(recurrence=until(3))
    engine.clock.advance(10 * _MINUTE)
    engine.app.manager.run_now("schedule_cleanup", force=True)
    engine.run(timedelta(seconds=30), set())
    assert not enabled(engine, made)
    assert [job.due_at for job in engine.ended(made)] == [START + n * _MINUTE for n in (1, 2, 3)]


def test_it_runs_daily_at_two(engine: SimulatedEngine) -> None:
    made = engine.add(recurrence=until(3))
    engine.run(5 * _MINUTE, {DISPATCHER})
    engine.clock.set(START.replace(hour=1, minute=58) + timedelta(days=1))
    engine.run(3 * _MINUTE, {DISPATCHER})
    assert not enabled(engine, made)
    again = engine.app.manager.run_now("schedule_cleanup", force=True)
    engine.run(timedelta(seconds=1), set())
    assert engine.app.manager.job(again.job_id).result == {"disabled": 0, "schedules": []}
