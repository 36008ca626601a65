"""Alerts on sources without a fresh backup, plans that are off, and keys that are lost."""

from __future__ import annotations

import logging
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyrage
import pytest

from local.azurite import Azurite
from shared.log import Event
from tests.context import job_of
from tests.integration.backups.watch.setup import HOUR, START, WatchedEngine, events, numbers
from tests.integration.notifications.vendors import settings_of, vendors


def test_a_source_without_a_fresh_backup_is_an_alert_and_its_age_is_told(
    engine: WatchedEngine, caplog: pytest.LogCaptureFixture
) -> None:
    engine.run("database_backup")
    with caplog.at_level(logging.INFO):
        engine.run("backup_monitor", START + timedelta(hours=23))
    (age,) = events(caplog, Event.BACKUP_AGE)
    assert (age["source"], age["database"]) == ("database", "company")
    assert age["age_seconds"] == 23 * 3600
    assert not events(caplog, Event.BACKUP_TOO_OLD)
    caplog.clear()
    with caplog.at_level(logging.INFO):
        for hours in (26.5, 27):
            engine.run("backup_monitor", START + timedelta(hours=hours))
    assert len(events(caplog, Event.BACKUP_TOO_OLD)) == 2
    subjects = [subject for _, subject in engine.notifications()]
    name = "Backup too old: database/company by database_backup"
    assert [one for one in subjects if "too old" in one] == [name]
    with caplog.at_level(logging.INFO):
        engine.run("database_backup")
        engine.run("backup_monitor", engine.clock.now() + HOUR / 12)
    subjects = [subject for _, subject in engine.notifications()]
    assert [one for one in subjects if "too old" in one] == [f"Over: {name}", name]


def test_a_plan_that_is_off_is_told_of_once_an_hour(
    engine: WatchedEngine, caplog: pytest.LogCaptureFixture
) -> None:
    engine.app.manager.enable("database_backup", False)
    engine.clock.set(START.replace(second=0))
    with caplog.at_level(logging.INFO):
        for _ in range(24):
            engine.run("backup_monitor")
            engine.clock.advance(HOUR / 12)
    told = events(caplog, Event.BACKUP_PLAN_OFF)
    assert [one["schedule_id"] for one in told] == ["database_backup"] * 2
    assert not events(caplog, Event.BACKUP_TOO_OLD)


def test_backups_whose_key_is_lost_are_told_and_alerted_once_a_day(
    azurite: Azurite, staff: Path, caplog: pytest.LogCaptureFixture
) -> None:
    container = f"locked{next(numbers)}"
    key, other = (str(pyrage.x25519.Identity.generate()) for _ in range(2))
    one = WatchedEngine(azurite, staff, BACKUP_CONTAINER=container, BACKUP_ENCRYPTION_KEY=key)
    one.run("database_backup")
    one.run("backup_monitor")
    assert not [subject for _, subject in one.notifications() if "Encrypted" in subject]
    for keys in ({}, {"BACKUP_ENCRYPTION_KEY": other}):
        blind = WatchedEngine(azurite, staff, BACKUP_CONTAINER=container, **keys)
        with caplog.at_level(logging.INFO):
            for hours in (1, 2, 27):
                job = blind.run("backup_monitor", START + timedelta(hours=hours))
                result: Any = job.result
                assert result["locked"] == 1
        alerts = [subject for _, subject in blind.notifications() if "Encrypted" in subject]
        assert alerts == ["Encrypted backups cannot be opened"] * 2
        errors = [one for one in caplog.records if one.levelno == logging.ERROR]
        assert sum("backups_locked" in one.getMessage() for one in errors) == 3
        said = "there is 1 encrypted backup that the keys of BACKUP_ENCRYPTION_KEY do not open"
        (late,) = {
            one["sentence"] for one in events(caplog, Event.BACKUP_TOO_OLD) if "sentence" in one
        }
        service = blind.app.backups()
        stands = service.standings(service.look(), service.plans().lasting)
        for sentence in (late, stands[0].sentence):
            assert sentence.startswith("There is no proved backup of database")
            assert said in sentence
        caplog.clear()


def test_a_plan_that_fails_is_an_alert_in_the_chat_until_a_job_of_it_succeeds(
    azurite: Azurite, staff: Path, tmp_path: Path
) -> None:
    """Administrators have the mail about each job (R4), and no other besides."""
    with vendors() as post:
        engine = WatchedEngine(azurite, staff, **settings_of(["slack"], post.url))
        engine.run("database_backup")
        engine.run("backup_monitor")
        away = staff.rename(tmp_path / "elsewhere.db")
        for _ in range(2):
            engine.run("database_backup", engine.clock.now() + HOUR)
            engine.run("backup_monitor", engine.clock.now() + HOUR / 12)
        away.rename(staff)
        engine.run("database_backup", engine.clock.now() + HOUR)
        engine.run("backup_monitor", engine.clock.now() + HOUR / 12)
        engine.app.alerts().watch(job_of(clock=engine.clock))
        name = engine.app.manager.get("database_backup").definition.name
        told = engine.notifications()[::-1]
        assert [subject for who, subject in told if who == ""] == [
            "Backup failed: database_backup",
            "Over: Backup failed: database_backup",
        ]
        assert [subject for who, subject in told if who == "ada@example.com"] == [
            f"Backup {word}: {name}" for word in ("done", "failed", "failed", "done")
        ]
        assert len(post.to("slack")) == 2
