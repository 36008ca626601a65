"""Mail on each backup that ended, and on each that was missed."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from shared.schedules.job import Status
from tests.integration.backups.watch.setup import HOUR, START, WatchedEngine


def test_a_backup_that_succeeded_is_mailed_once_to_every_administrator(
    engine: WatchedEngine,
) -> None:
    made = engine.run("database_backup")
    for _ in range(2):
        assert engine.run("backup_monitor", engine.clock.now() + HOUR / 12).status == "succeeded"
    name = engine.app.manager.get("database_backup").definition.name
    assert engine.notifications() == [("ada@example.com", f"Backup done: {name}")]
    result: Any = made.result
    (one,) = result["backups"]
    for told in (one["id"], "restored in", "MB stored", made.id, "due at 2026-03-01 00:00:01 UTC"):
        assert told in engine.text()


def test_a_run_that_took_nothing_is_no_backup_that_is_done(engine: WatchedEngine) -> None:
    engine.run("database_backup")
    again = engine.run("database_backup", engine.clock.now() + timedelta(minutes=1))
    assert again.status is Status.SKIPPED, again.error
    assert "ended less than two minutes ago" in (again.reason or "")
    engine.run("backup_monitor")
    name = engine.app.manager.get("database_backup").definition.name
    subjects = {subject for _, subject in engine.notifications()}
    assert subjects == {f"Backup done: {name}", f"Backup skipped: {name}"}
    found, _ = engine.app.notifications().page(None, None, 1, 100)
    (skipped,) = [one.text for one in found if one.subject.startswith("Backup skipped")]
    assert "ended less than two minutes ago" in skipped


def test_a_backup_that_failed_or_was_missed_is_an_alert(
    engine: WatchedEngine, staff: Path, tmp_path: Path
) -> None:
    engine.run("database_backup")
    engine.run("backup_monitor")
    staff.rename(tmp_path / "elsewhere.db")
    failed = engine.run("database_backup", engine.clock.now() + HOUR)
    assert failed.status is Status.FAILED
    engine.run("backup_monitor")
    who, subject = engine.notifications()[0]
    assert who == "ada@example.com", "known from before, though the database is gone"
    assert subject.startswith("Backup failed:")
    assert "there is no such file" in engine.text()
    engine.clock.set(START + timedelta(days=1, hours=3))  # 00:00 of the next day was slept through
    engine.app.dispatcher.tick(engine.clock.now(), "test")
    engine.run("backup_monitor")
    assert any(subject.startswith("Backup missed:") for _, subject in engine.notifications())
