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
from tests.integration.backups.watch.setup import HOUR, START, WatchedEngine, events, taken


def test_the_last_backup_of_a_plan_that_cannot_be_read_is_never_deleted(
    engine: WatchedEngine,
) -> None:
    plan = engine.plan(source="database")
    old = taken(engine.run(plan))
    last = taken(engine.run(plan, engine.clock.now() + HOUR))
    engine.set(plan, source="database", colour="red")
    for force in (False, True):
        with pytest.raises(Conflict, match=r"is the last verified one; it is never deleted$"):
            engine.delete(last, force=force)
    said = rf"the plan '{plan}' cannot be read \(task_parameters.colour: .*so its backups are kept"
    with pytest.raises(Conflict, match=said):
        engine.delete(old, force=False)
    engine.delete(old, force=True)
    assert [one.id for one in engine.app.backups().look().backups] == [last]


def test_nor_is_that_of_a_plan_whose_row_or_task_is_lost(
    engine: WatchedEngine, azurite: Azurite
) -> None:
    garbled, orphaned = (engine.plan(source="database") for _ in range(2))
    lasts = {plan: taken(engine.run(plan)) for plan in (garbled, orphaned)}
    engine.app.manager.change(
        orphaned, lambda one: replace(one, definition=replace(one.definition, task_type="nosuch"))
    )
    table = sdk.table(engine.app, f"{engine.app.settings.prefix}schedules")
    row = table.get_entity(engine.app.table.shard(garbled), f"schedule:{garbled}")
    table.update_entity({**row, "policy": "{"})
    for plan, last in lasts.items():
        with pytest.raises(Conflict, match=r"it is never deleted$"):
            engine.delete(last, force=True)
        with pytest.raises(Conflict, match=rf"the plan '{plan}' cannot be read, so its backups"):
            engine.app.backups().verdicts(engine.app.backups().look(), plan)
        engine.app.manager.delete(plan)
        engine.delete(last, force=True)
    assert engine.app.backups().look().backups == []


def test_a_plan_that_cannot_be_read_is_an_alert_each_day_and_stops_no_other(
    engine: WatchedEngine, caplog: pytest.LogCaptureFixture
) -> None:
    plan = engine.plan(source="database")
    taken(engine.run(plan))
    engine.run("database_backup", START + timedelta(minutes=5))
    engine.set(plan, source="database", colour="red")
    with caplog.at_level(logging.INFO):
        for hours in (1, 2, 25):
            monitor = engine.run("backup_monitor", START + timedelta(hours=hours))
    result: Any = monitor.result
    assert (result["sources"], result["unreadable"]) == (2, [plan])
    told = events(caplog, Event.BACKUP_PLAN_UNREADABLE)
    assert [one["schedule_id"] for one in told] == [plan] * 3
    assert told[0]["error"].startswith("task_parameters.colour: ")
    assert {one["schedule_id"] for one in events(caplog, Event.BACKUP_AGE)} == {
        plan,
        "database_backup",
    }
    assert [subject for _, subject in engine.notifications()].count(
        "Backup plan cannot be read: tenant"
    ) == 2
    found, _ = engine.app.notifications().page(None, None, 1, 100)
    text = next(one.text for one in found if one.subject.startswith("Backup plan cannot"))
    assert "task_parameters.colour: " in text and f"PATCH /api/v1/schedules/{plan}" in text
    engine.app.manager.enable(plan, False)
    caplog.clear()
    with caplog.at_level(logging.INFO):
        engine.run("backup_monitor", START.replace(second=0) + timedelta(hours=49))
    assert not events(caplog, Event.BACKUP_PLAN_UNREADABLE), "it is off, as somebody wanted it"
    (off,) = events(caplog, Event.BACKUP_PLAN_OFF)
    assert off["schedule_id"] == plan


def test_a_plan_that_cannot_be_read_is_told_of_its_failed_runs(engine: WatchedEngine) -> None:
    plan = engine.plan(source="database")
    engine.set(plan, source="database", colour="red")
    failed = engine.run(plan)
    assert failed.status is Status.FAILED
    engine.run("backup_monitor")
    found, _ = engine.app.notifications().page(None, None, 1, 100)
    (text,) = [one.text for one in found if one.subject == "Backup failed: tenant"]
    assert failed.id in text and "colour" in text
