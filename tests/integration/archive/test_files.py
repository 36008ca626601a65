"""The files: what is in them, what any tool reads of them, how one job is read, and how damage
shows."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import zstandard

from shared.errors import Damaged, Skipped
from shared.schedules.job import job_id
from shared.storage.blobs import stream
from shared.storage.names import Names
from shared.storage.tables.batch import Delete
from tests.context import job_of
from tests.integration.archive.past import DAY, HOUR, Past, run
from tests.integration.engine.conftest import START
from tests.jobs import jobs_of

DUE = [START + 6 * HOUR * number for number in range(1, 30)]
FIRST = "jobs/2026/03/02/"


@pytest.fixture
def archived(past: Past) -> Iterator[Past]:
    """A week of a schedule in the archive, all but its newest job."""
    one = past.schedule()
    past.end(*(run(one, at) for at in DUE))
    past.counted(one, DUE[-1])
    past.engine.clock.set(START + 60 * DAY)
    assert past.archive()["removed"] == len(DUE) - 1
    yield past


def container(past: Past) -> Any:
    return past.app.connection.container(Names(past.app.settings.prefix).history)


def blob(past: Past) -> str:
    """The file of the first whole day."""
    (name,) = [one for one in past.blobs() if one.startswith(FIRST) and one.endswith(".zst")]
    return name


def test_a_file_is_one_object_a_line_to_zstd_and_jq(archived: Past, tmp_path: Path) -> None:
    name = blob(archived)
    assert name.removeprefix(FIRST) in ("s000.jsonl.zst", "s001.jsonl.zst")
    (tmp_path / "day.jsonl.zst").write_bytes(archived.blobs()[name])
    if (zstd := shutil.which("zstd")) is not None:
        whole = subprocess.run(
            [zstd, "-dc", tmp_path / "day.jsonl.zst"], capture_output=True
        ).stdout
    else:  # as it would read it
        with (tmp_path / "day.jsonl.zst").open("rb") as file:
            unpacked = zstandard.ZstdDecompressor()
            whole = unpacked.stream_reader(file, read_across_frames=True).read()
    rows = [json.loads(line) for line in whole.splitlines()]
    assert [row["RowKey"] for row in rows] == sorted(row["RowKey"] for row in rows)
    day = {row["due_at"][:10] for row in rows}
    assert day == {"2026-03-02"} and len(rows) == 4
    assert json.loads(rows[0]["result"]) == {"rows": 2, "name": "zürich"}


def test_a_manifest_says_what_the_file_has(archived: Past) -> None:
    name = blob(archived)
    said = json.loads(archived.blobs()[f"{name}.manifest.json"])
    content = archived.blobs()[name]
    assert said["sha256"] == hashlib.sha256(content).hexdigest()
    assert (said["size"], said["count"], said["failed"], said["version"]) == (len(content), 4, 0, 1)
    assert (said["blob"], said["day"]) == (name, "2026-03-02")
    assert said["first_due_at"] == "2026-03-02T00:00:00+00:00"
    assert said["last_due_at"] == said["reaches"] == "2026-03-02T18:00:00+00:00"


def test_one_job_is_read_without_its_whole_file(
    past: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = past.schedule()
    many = [
        run(one, START + 6 * HOUR, f"by{number:05}", log=_text(number)) for number in range(900)
    ]
    past.end(*many, run(one, DUE[-1]))
    past.counted(one, DUE[-1])
    past.engine.clock.set(START + 60 * DAY)
    assert past.archive()["removed"] == 900
    (part,) = past.parts()
    assert len(past.app.archive()._writer._files.index(part)) > 5
    read: list[int] = []
    real = stream.some

    def counted(blob: Any, offset: int, length: int) -> bytes:
        read.append(length)
        return real(blob, offset, length)

    monkeypatch.setattr(stream, "some", counted)
    past.app.ended._archive._files._frames._known.clear()
    assert past.app.manager.job(many[450].id) == many[450]
    assert len(read) <= 2 and sum(read) < part.size / 3
    read.clear()
    assert past.app.manager.job(many[451].id) == many[451]
    assert len(read) <= 1, "the index is kept"


def _text(number: int) -> str:
    """Two kB that compress badly."""
    return "".join(hashlib.sha256(f"{number}:{part}".encode()).hexdigest() for part in range(32))


def test_a_late_job_of_an_archived_day_makes_a_further_part(archived: Past) -> None:
    (one,) = archived.schedules
    name = blob(archived)
    before = archived.blobs()[name]
    late = run(one, DUE[1], "byhand", finished_at=START + 20 * DAY)
    archived.end(late)
    assert archived.archive()["removed"] == 1
    assert archived.blobs()[name] == before
    assert name.replace(".jsonl", ".2.jsonl") in archived.blobs()
    assert archived.app.manager.job(late.id) == late
    assert late.id in [job.id for job in jobs_of(archived.app, one.id)]


def test_a_row_that_came_back_as_it_was_goes_again_and_is_in_one_file(archived: Past) -> None:
    (one,) = archived.schedules
    files = set(archived.blobs())
    assert archived.app.table.end([run(one, DUE[1])]) == [True]
    assert len([job for job in jobs_of(archived.app, one.id) if job.due_at == DUE[1]]) == 1
    done = archived.archive()
    assert (done["archived"], done["removed"]) == (0, 1)
    assert set(archived.blobs()) == files


def test_a_row_that_came_back_otherwise_is_kept_beside_what_was_there(archived: Past) -> None:
    (one,) = archived.schedules
    other = run(one, DUE[1], log="another log")
    assert archived.app.table.end([other]) == [True]
    assert archived.app.manager.job(other.id) == other
    assert archived.archive()["archived"] == 1
    assert archived.app.manager.job(other.id) == other
    assert archived.app.ended.whole([other.id]) == {other.id: other}


def test_a_damaged_file_is_found_named_and_hides_nothing(archived: Past) -> None:
    name = blob(archived)
    content = bytearray(archived.blobs()[name])
    content[20] ^= 1
    client = container(archived).get_blob_client(name)
    metadata = client.get_blob_properties().metadata
    client.upload_blob(bytes(content), overwrite=True, metadata=metadata)
    found = [one for one in archived.app.archive().findings(lambda: None) if not one.good]
    assert [(one.blob, one.state) for one in found] == [(name, "damaged")]
    with pytest.raises(Damaged, match=name):
        archived.app.manager.job(job_id(archived.schedules[0].id, DUE[1]))
    late = run(archived.schedules[0], DUE[1], "byhand", finished_at=START + 20 * DAY)
    archived.end(late)
    with pytest.raises(Damaged, match=name):
        archived.archive()
    assert late.id in archived.rows(), "what belongs beside a damaged file stays in the table"


def test_missing_strange_and_unlisted_files_are_told_apart(archived: Past) -> None:
    names = sorted(one for one in archived.blobs() if one.endswith(".zst"))
    container(archived).delete_blob(names[0])
    container(archived).upload_blob("jobs/notes.txt", b"?")
    part = next(one for one in archived.parts() if one.place.blob == names[1])
    archived.app.archive()._writer._table.transact("archive", [Delete(part.place.key)])
    found = {one.blob: one.state for one in archived.app.archive().findings(lambda: None)}
    assert {state: name for name, state in found.items() if state != "good"} == {
        "missing": names[0],
        "unlisted": names[1],
        "strange": "jobs/notes.txt",
    }
    archived.archive()
    again = {one.blob: one.state for one in archived.app.archive().findings(lambda: None)}
    assert again[names[1]] == "good", "the task adds a file that the catalog had lost"


def test_a_dry_run_says_how_many_would_go_and_writes_nothing(past: Past) -> None:
    one = past.schedule()
    past.end(*(run(one, at) for at in DUE))
    past.counted(one, DUE[-1])
    past.engine.clock.set(START + 60 * DAY)
    done = past.archive(job=job_of(clock=past.engine.clock, dry_run=True))
    assert (done["archived"], done["held"]) == (len(DUE) - 1, 1)
    assert past.blobs() == {} and len(past.rows()) == len(DUE)


def test_with_no_retention_jobs_stay(past: Past) -> None:
    service = past.app.archive()
    service._retention = None
    with pytest.raises(Skipped, match="JOB_RETENTION_DAYS"):
        service.archive(job_of(clock=past.engine.clock))
