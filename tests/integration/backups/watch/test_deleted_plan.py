"""A plan that was deleted: its last backup may go, and its last runs are told."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from shared.errors import Conflict
from shared.schedules.job import Status
from shared.storage.queues.jobs import Message
from tests.integration.backups.watch.setup import GONE, HOUR, START, Office, taken


def test_the_last_backup_of_a_plan_that_is_gone_may_be_deleted(office: Office) -> None:
    plan = office.plan(source="database")
    last = taken(office.run(plan))
    with pytest.raises(Conflict, match=r"is the last verified one; it is never deleted$"):
        office.delete(last, force=True)
    office.app.manager.delete(plan)
    with pytest.raises(Conflict, match=r"deleted but with .force=true, as its plan is gone"):
        office.delete(last, force=False)
    office.delete(last, force=True)
    assert office.app.backups().look().backups == []


def test_the_last_runs_of_a_plan_that_was_deleted_are_told_once_each(office: Office) -> None:
    """R4: every run is mailed, though its plan is deleted before the monitor looks."""
    plan = office.plan(source="database")
    first = office.run(plan)
    office.app.manager.delete(plan)
    for minutes in (5, 10, 60 * 24):
        monitor = office.run("backup_monitor", START + timedelta(minutes=minutes))
        result: Any = monitor.result
        assert result["jobs_told"] == 1
        assert office.notifications() == [("ada@example.com", "Backup done: tenant")]
    assert first.id in office.text()
    monitor = office.run("backup_monitor", START + timedelta(days=2, minutes=1))
    late: Any = monitor.result
    assert late["jobs_told"] == 0, "its jobs are not read any more"
    known = office.app.backups().plans
    assert [one.id for one in known(START).deleted] == [plan]
    assert known(START + timedelta(seconds=1)).deleted == known().deleted == []


def test_a_run_that_goes_on_when_its_plan_is_deleted_is_told_when_it_ends(office: Office) -> None:
    plan = office.plan(task_type="departing", source="database")
    GONE[plan] = lambda: office.app.manager.delete(plan)
    asked = office.app.manager.run_now(plan, force=True, send=False)
    office.app.worker.work(Message((asked.job_id,), office.clock.now()))
    assert office.app.manager.job(asked.job_id).status is Status.FAILED
    office.run("backup_monitor", START + HOUR / 12)
    assert [subject for _, subject in office.notifications()] == ["Backup failed: tenant"]
