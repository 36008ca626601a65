"""A state backup and the archive: whichever of the two is older, nothing is lost and nothing is
twice."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from shared.backups.source import Target
from shared.schedules.job import job_id
from shared.storage.names import Names
from tests.context import job_of
from tests.integration.archive.past import DAY, HOUR, Past, lines, run, seen
from tests.integration.backups.state.setup import dumped, prefix, restored
from tests.integration.engine.conftest import START, make
from tests.jobs import jobs_of

DUE = [START + 6 * HOUR * number for number in range(1, 30)]


@pytest.fixture
def full(past: Past) -> Past:
    one = past.schedule()
    past.end(*(run(one, at) for at in DUE))
    past.counted(one, DUE[-1])
    past.engine.clock.set(START + 60 * DAY)
    return past


def elsewhere(past: Past, azurite: object, name: str) -> Past:
    """The app on the restored tables."""
    clock = past.engine.clock
    other = make(azurite, name, clock=clock, prepared=True)  # type: ignore[arg-type]
    return Past(other, past.schedules, past.ids)


def test_a_backup_of_archived_state_reads_the_files_where_they_are(
    full: Past, azurite: object, tmp_path: Path
) -> None:
    before = seen(full, START, full.engine.clock.now())
    full.archive()
    content, _ = dumped(full.engine, tmp_path)
    name = prefix()
    restored(full.engine, tmp_path, content, Target(name=name))
    other = elsewhere(full, azurite, name)
    assert len(other.rows()) == 1
    assert seen(other, START, full.engine.clock.now()) == before


def test_a_backup_from_before_the_archive_brings_rows_back_which_go_again(
    full: Past, tmp_path: Path
) -> None:
    before = seen(full, START, full.engine.clock.now())
    content, _ = dumped(full.engine, tmp_path)
    full.archive()
    own = full.app.settings.prefix
    restored(full.engine, tmp_path, content, Target(name=own, replace=own))
    assert full.rows() == set(full.ids)
    assert seen(full, START, full.engine.clock.now()) == before
    assert full.archive()["archived"] == 0
    assert sorted(lines(full)) == sorted(set(full.ids) - full.rows())
    assert seen(full, START, full.engine.clock.now()) == before


def test_files_that_are_gone_are_left_out_and_said_and_added_when_they_come(
    full: Past, azurite: object, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before = seen(full, START, full.engine.clock.now())
    full.archive()
    content, _ = dumped(full.engine, tmp_path)
    client = full.app.connection.container(Names(full.app.settings.prefix).history)
    kept = {
        blob: (client.download_blob(blob).readall(), client.get_blob_client(blob))
        for blob in client.list_blob_names()
    }
    told = {name: one.get_blob_properties().metadata for name, (_, one) in kept.items()}
    for blob in kept:
        client.delete_blob(blob)
    name = prefix()
    job = job_of(clock=full.engine.clock)
    with caplog.at_level(logging.WARNING):
        restored(full.engine, tmp_path, content, Target(name=name), job)
    assert "copy them, and run job_archive" in job.log.text()
    other = elsewhere(full, azurite, name)
    assert [job.id for job in jobs_of(other.app, full.schedules[0].id)] == [
        job_id(full.schedules[0].id, DUE[-1])
    ]
    mine = other.app.connection.container(Names(name).history)
    mine.create_container()
    for blob, (data, _) in kept.items():
        mine.upload_blob(blob, data, metadata=told[blob])
    other.archive()
    assert seen(other, START, full.engine.clock.now()) == before
