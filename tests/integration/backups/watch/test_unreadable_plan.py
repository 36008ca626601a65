"""A plan that cannot be read: its last backup stays, and it is told of each day."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from local.azurite import Azurite
from shared.errors import Conflict
from shared.log import Event
from shared.schedules.job import Status
from tests import sdk
from tests.integration.backups.watch.setup import HOUR, START, Office, events, taken


def test_the_last_backup_of_a_plan_that_cannot_be_read_is_never_deleted(office: Office) -> None:
    plan = office.plan(source="database")
    old = taken(office.run(plan))
    last = taken(office.run(plan, office.clock.now() + HOUR))
    office.set(plan, source="database", colour="red")
    for force in (False, True):
        with pytest.raises(Conflict, match=r"is the last verified one; it is never deleted$"):
            office.delete(last, force=force)
    said = rf"the plan '{plan}' cannot be read \(task_parameters.colour: .*so its backups are kept"
    with pytest.raises(Conflict, match=said):
        office.delete(old, force=False)
    office.delete(old, force=True)
    assert [one.id for one in office.app.backups().look().backups] == [last]


def test_nor_is_that_of_a_plan_whose_row_or_task_is_lost(office: Office, azurite: Azurite) -> None:
    garbled, orphaned = (office.plan(source="database") for _ in range(2))
    lasts = {plan: taken(office.run(plan)) for plan in (garbled, orphaned)}
    office.app.manager.change(
        orphaned, lambda one: replace(one, definition=replace(one.definition, task_type="nosuch"))
    )
    table = sdk.table(office.app, f"{office.app.settings.prefix}schedules")
    row = table.get_entity(office.app.table.shard(garbled), f"schedule:{garbled}")
    table.update_entity({**row, "policy": "{"})
    for plan, last in lasts.items():
        with pytest.raises(Conflict, match=r"it is never deleted$"):
            office.delete(last, force=True)
        with pytest.raises(Conflict, match=rf"the plan '{plan}' cannot be read, so its backups"):
            office.app.backups().verdicts(office.app.backups().look(), plan)
        office.app.manager.delete(plan)
        office.delete(last, force=True)
    assert office.app.backups().look().backups == []


def test_a_plan_that_cannot_be_read_is_an_alert_each_day_and_stops_no_other(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    plan = office.plan(source="database")
    taken(office.run(plan))
    office.run("database_backup", START + timedelta(minutes=5))
    office.set(plan, source="database", colour="red")
    with caplog.at_level(logging.INFO):
        for hours in (1, 2, 25):
            monitor = office.run("backup_monitor", START + timedelta(hours=hours))
    result: Any = monitor.result
    assert (result["sources"], result["unreadable"]) == (2, [plan])
    told = events(caplog, Event.BACKUP_PLAN_UNREADABLE)
    assert [one["schedule_id"] for one in told] == [plan] * 3
    assert told[0]["error"].startswith("task_parameters.colour: ")
    assert {one["schedule_id"] for one in events(caplog, Event.BACKUP_AGE)} == {
        plan,
        "database_backup",
    }
    assert [subject for _, subject in office.notifications()].count(
        "Backup plan cannot be read: tenant"
    ) == 2
    found, _ = office.app.notifications().page(None, None, 1, 100)
    text = next(one.text for one in found if one.subject.startswith("Backup plan cannot"))
    assert "task_parameters.colour: " in text and f"PATCH /api/v1/schedules/{plan}" in text
    office.app.manager.enable(plan, False)
    caplog.clear()
    with caplog.at_level(logging.INFO):
        office.run("backup_monitor", START.replace(second=0) + timedelta(hours=49))
    assert not events(caplog, Event.BACKUP_PLAN_UNREADABLE), "it is off, as somebody wanted it"
    (off,) = events(caplog, Event.BACKUP_PLAN_OFF)
    assert off["schedule_id"] == plan


def test_a_plan_that_cannot_be_read_is_told_of_its_failed_runs(office: Office) -> None:
    plan = office.plan(source="database")
    office.set(plan, source="database", colour="red")
    failed = office.run(plan)
    assert failed.status is Status.FAILED
    office.run("backup_monitor")
    found, _ = office.app.notifications().page(None, None, 1, 100)
    (text,) = [one.text for one in found if one.subject == "Backup failed: tenant"]
    assert failed.id in text and "colour" in text
