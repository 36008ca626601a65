"""Upkeep: copies are caught up with, and what is old is removed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from local.azurite import Azurite
from shared.schedules.job import Status
from tests.integration.backups.watch.setup import HOUR, START, WatchedEngine, numbers, taken
from tests.integration.engine.conftest import store


def test_upkeep_copies_what_is_missing_and_removes_what_is_old(
    azurite: Azurite, staff: Path
) -> None:
    engine = WatchedEngine(
        azurite,
        staff,
        BACKUP_DESTINATIONS="offsite",
        BACKUP_OFFSITE_CONTAINER=f"offsite{next(numbers)}",
    )

    def plan(**values: object) -> None:
        engine.app.manager.change(
            "database_backup",
            lambda one: replace(one, definition=replace(one.definition, task_parameters=values)),
        )

    def lies() -> list[set[str]]:
        found = engine.app.backups().look().backups
        return [{copy.destination for copy in one.good} for one in found]

    plan(destinations=["primary"], retention={"days": 30})
    for day in range(3):
        job = engine.run("database_backup", START + timedelta(days=day))
        # from the second day on its own time came at the same moment
        assert job.status in (Status.SUCCEEDED, Status.SKIPPED), job.error
    assert lies() == [{"primary"}] * 3
    plan(retention={"count": 2})
    upkeep = engine.run("backup_upkeep")
    result: Any = upkeep.result
    assert (result["copied"], len(result["removed"])) == (2, 1)
    assert lies() == [{"primary", "offsite"}] * 2
    again = engine.run("backup_upkeep", engine.clock.now() + HOUR)
    assert again.result == {"copied": 0, "removed": [], "failed": {}}


def test_a_plan_that_cannot_be_looked_after_keeps_no_other_from_it(engine: WatchedEngine) -> None:
    made = engine.app.manager.get("database_backup")
    whole = {"source": "database"}
    other = replace(made.definition, task_type="backup", task_parameters=whole, enabled=False)
    broken = engine.app.manager.create(other, made.policy)
    engine.run(broken.id)
    for day in range(2):
        engine.run("database_backup", START + timedelta(days=day))
    for plan, values in (
        (broken.id, {"source": "database", "destinations": ["nosuch"]}),
        ("database_backup", {"retention": {"count": 1}}),
    ):
        store(
            engine.app,
            plan,
            lambda one, to=values: replace(  # type: ignore[misc]
                one, definition=replace(one.definition, task_parameters=to)
            ),
        )
    upkeep = engine.run("backup_upkeep")
    result: Any = upkeep.result
    assert "no backup destination 'nosuch'" in result["failed"][broken.id]
    assert len(result["removed"]) == 1


def test_what_a_plan_took_that_cannot_be_read_is_neither_copied_nor_removed(
    engine: WatchedEngine,
) -> None:
    plan = engine.plan(source="database")
    ids = {taken(engine.run(plan, START + timedelta(hours=hours))) for hours in (0, 1)}
    engine.set(plan, source="database", retention={"count": 0})
    engine.run("database_backup")
    engine.set("database_backup", retention={"count": 1})
    engine.run("database_backup", engine.clock.now() + HOUR)
    upkeep = engine.run("backup_upkeep")
    result: Any = upkeep.result
    assert list(result["failed"]) == [plan]
    assert result["failed"][plan].startswith("it cannot be read: task_parameters.retention.count: ")
    found = engine.app.backups().look().backups
    assert ids == {one.id for one in found if one.summary.schedule_id == plan}
