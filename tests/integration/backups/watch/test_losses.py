"""A backup that was proved and can no longer be relied upon is told, and alerted once."""

from __future__ import annotations

import logging
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from azure.storage.blob import ContainerClient

from local.azurite import Azurite
from shared.log import Event
from tests.integration.backups.faults.meddling import MANIFEST, Container
from tests.integration.backups.watch.setup import START, WatchedEngine, events, numbers, taken


def test_what_is_left_of_a_backup_is_alerted_once(
    azurite: Azurite, staff: Path, caplog: pytest.LogCaptureFixture
) -> None:
    container = f"lost{next(numbers)}"
    engine = WatchedEngine(azurite, staff, BACKUP_CONTAINER=container)
    first, second, third = (
        taken(engine.run("database_backup", START + timedelta(hours=hours))) for hours in range(3)
    )
    found = engine.app.backups().look()
    blobs = {one.id: one.copies[0].blob for one in found.backups}
    client = ContainerClient.from_connection_string(azurite.connection_string, container)
    with client, caplog.at_level(logging.INFO):
        at = Container(client)
        for name in at.names(blobs[second]):
            at.describe(name, {})
        assert losses(engine) == []
        at.delete(blobs[second] + MANIFEST)
        at.write(blobs[first], *at.read(blobs[third]))
        at.change(blobs[first], lambda content: content + b"x")
        for _ in range(2):
            subjects = losses(engine)
            assert sorted(subjects) == sorted(
                f"Backup lost at primary: {blobs[one].rpartition('/')[2]}"
                for one in (first, second)
            )
    told = events(caplog, Event.BACKUP_LOST)
    assert sorted(one["blob"] for one in told) == sorted([blobs[first], blobs[second]] * 2)
    text = {one.subject: one.text for one in engine.app.notifications().page(None, None, 1, 100)[0]}
    said = "\n".join(text[subject] for subject in subjects)
    assert f"in the place of its blob lies that of backup {third}" in said
    assert "It has no other copy that is verified" in said
    assert "was verified, and cannot be read: its manifest is gone" in said


def test_a_backup_whose_manifest_is_gone_is_alerted(azurite: Azurite, staff: Path) -> None:
    container = f"lost{next(numbers)}"
    engine = WatchedEngine(azurite, staff, BACKUP_CONTAINER=container)
    backup_id = taken(engine.run("database_backup"))
    (copy,) = engine.app.backups().look().find(backup_id).copies
    client = ContainerClient.from_connection_string(azurite.connection_string, container)
    with client:
        Container(client).delete(copy.blob + MANIFEST)
    for _ in range(2):
        engine.run("backup_monitor")
        subjects = [subject for _, subject in engine.notifications() if " lost" in subject]
        assert subjects == [f"Backup lost at primary: {copy.blob.rpartition('/')[2]}"]
    entries, _ = engine.app.notifications().page(None, None, 1, 100)
    assert any("was verified, but its manifest is gone" in one.text for one in entries)


def losses(engine: WatchedEngine) -> list[str]:
    """The subjects of alerts of them, after another watch."""
    result: Any = engine.run("backup_monitor").result
    found = [subject for _, subject in engine.notifications() if " lost" in subject]
    assert result["lost"] == (2 if found else 0)
    return found


def test_very_many_are_one_alert(azurite: Azurite, staff: Path) -> None:
    container = f"lost{next(numbers)}"
    engine = WatchedEngine(azurite, staff, BACKUP_CONTAINER=container)
    backup_id = taken(engine.run("database_backup"))
    (copy,) = engine.app.backups().look().find(backup_id).copies
    client = ContainerClient.from_connection_string(azurite.connection_string, container)
    with client:
        for number in range(12):
            client.upload_blob(copy.blob.replace(backup_id[:8], f"{number:08x}"), b"x")
        for _ in range(2):
            engine.run("backup_monitor")
            subjects = [subject for _, subject in engine.notifications() if " lost" in subject]
            assert subjects == ["12 backups lost at primary"]
        listed = engine.app.backups().look().lost
    assert [one.why for one in listed] == ["its manifest is gone"] * 12
