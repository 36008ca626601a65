"""A plan that was deleted: its last backup may go, and its last runs are told."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from shared.errors import Conflict
from shared.schedules.job import Status
from shared.storage.queues.jobs import Message
from tests.integration.backups.watch.setup import GONE, HOUR, START, WatchedEngine, taken


def test_the_last_backup_of_a_plan_that_is_gone_may_be_deleted(engine: WatchedEngine) -> None:
    plan = engine.plan(source="database")
    last = taken(engine.run(plan))
    with pytest.raises(Conflict, match=r"is the last verified one; it is never deleted$"):
        engine.delete(last, force=True)
    engine.app.manager.delete(plan)
    with pytest.raises(Conflict, match=r"deleted but with .force=true, as its plan is gone"):
        engine.delete(last, force=False)
    engine.delete(last, force=True)
    assert engine.app.backups().look().backups == []


def test_the_last_runs_of_a_plan_that_was_deleted_are_told_once_each(engine: WatchedEngine) -> None:
    """R4: every run is mailed, though its plan is deleted before the monitor looks."""
    plan = engine.plan(source="database")
    first = engine.run(plan)
    engine.app.manager.delete(plan)
    for minutes in (5, 10, 60 * 24):
        monitor = engine.run("backup_monitor", START + timedelta(minutes=minutes))
        result: Any = monitor.result
        assert result["jobs_told"] == 1
        assert engine.notifications() == [("ada@example.com", "Backup done: tenant")]
    assert first.id in engine.text()
    monitor = engine.run("backup_monitor", START + timedelta(days=2, minutes=1))
    late: Any = monitor.result
    assert late["jobs_told"] == 0, "its jobs are not read any more"
    known = engine.app.backups().plans
    assert [one.id for one in known(START).deleted] == [plan]
    assert known(START + timedelta(seconds=1)).deleted == known().deleted == []


def test_a_run_that_goes_on_when_its_plan_is_deleted_is_told_when_it_ends(
    engine: WatchedEngine,
) -> None:
    plan = engine.plan(task_type="departing", source="database")
    GONE[plan] = lambda: engine.app.manager.delete(plan)
    asked = engine.app.manager.run_now(plan, force=True, send=False)
    engine.app.worker.work(Message((asked.job_id,), engine.clock.now()))
    assert engine.app.manager.job(asked.job_id).status is Status.FAILED
    engine.run("backup_monitor", START + HOUR / 12)
    assert [subject for _, subject in engine.notifications()] == ["Backup failed: tenant"]
