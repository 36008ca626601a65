"""Whatever is done to blobs' metadata, a listing stays one, and nothing looks proved by it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from shared.backups.jobs.copy import copy_to
from shared.backups.sqlite.source import SqliteSource
from shared.errors import Damaged
from tests.integration.backups.faults.meddling import MANIFEST, Container, add_user
from tests.integration.backups.faults.world import BOTH, DAY, job, prove, whole
from tests.integration.backups.setup import OFFSITE, PRIMARY, Shelf

DEEP = '{"format":' + "[" * 6000
GARBLED = {
    "stripped": None,
    "empty": {"summary": "", "report": ""},
    "not JSON": {"summary": "{", "report": "{"},
    "not sealed": {"summary": "aGVsbG8=", "report": "%%"},
    "no object": {"summary": "[1]", "report": "7"},
    "another format": {"summary": '{"format":1}', "report": '{"format":9}'},
    "too little": {"summary": '{"format":2}', "report": '{"format":2}'},
    "too deep": {"summary": DEEP, "report": DEEP},
}


def test_garbled_metadata_of_any_blob(two: Shelf, small: SqliteSource) -> None:
    """It is told, and something else still says what it was."""
    taken = two.take(small)
    blob = str(taken["blob"])
    with two.container() as client:
        at = Container(client)
        report = at.report(blob)
        before = {name: at.read(name)[1] for name in (blob, blob + MANIFEST, report)}
        for how, values in GARBLED.items():
            for name, metadata in before.items():
                at.describe(name, values or {})
                assert two.states() == [BOTH], (how, name)
                # Nobody reads the manifest's metadata while the blob's can be read.
                told = not name.endswith(MANIFEST) and values is not None
                assert two.catalog.look().strange == told, (how, name)
                at.describe(name, metadata)
        for name in before:
            at.describe(name, {})
            prove(two, small, taken["id"])
            assert two.states() == [BOTH], "what it is can be proved again"
            at.describe(name, before[name])


@pytest.mark.parametrize("how", ["stripped", "not JSON"])
def test_a_copy_that_no_longer_says_what_it_is_gives_way(
    two: Shelf, small: SqliteSource, how: str
) -> None:
    """Its manifest is gone too; the backup is known by its other copy."""
    blob = str(two.take(small)["blob"])
    with two.container() as client:
        at = Container(client)
        at.delete(blob + MANIFEST)
        for name in at.names(blob):
            at.describe(name, GARBLED[how] or {})
    assert two.states() == [{OFFSITE: "verified"}]
    assert two.catalog.look().strange > 0
    assert copy_to(two.catalog, two.backups()[0], two.catalog.wanted(()), job("upkeep")) == {}
    assert two.states() == [BOTH]
    whole(two)


WRONG: list[dict[str, Any]] = [
    {"id": ["x"]},
    {"id": None},
    {"started_at": "2026-01-01T00:00:00"},
    {"started_at": 5},
    {"finished_at": "yesterday"},
    {"bytes": "many"},
    {"encrypted": "no"},
    {"compression": "lzma"},
    {"schedule_id": {}},
    {"started_at": "0001-01-01T00:00:00+23:59"},
    {"finished_at": "9999-12-31T23:59:59-23:59"},
    {"duration_seconds": float("nan")},
    {"duration_seconds": 10**400},
    {"database": "x\ud800"},
    {"source": "a\0b"},
]


def test_metadata_whose_values_are_wrong(shelf: Shelf, small: SqliteSource) -> None:
    taken = shelf.take(small)
    with shelf.container() as client:
        at = Container(client)
        metadata = at.read(taken["blob"])[1]
        summary = json.loads(metadata["summary"])
        for wrong in WRONG:
            at.describe(taken["blob"], metadata | {"summary": json.dumps(summary | wrong)})
            assert shelf.states() == [{PRIMARY: "verified"}], wrong
            assert shelf.catalog.look().strange == 1, wrong
        at.describe(taken["blob"], metadata)
        report = at.report(taken["blob"])
        metadata = at.read(report)[1]
        said = json.loads(metadata["report"])
        for wrong in (
            {"at": "2026-01-01T00:00:00"},
            {"at": None},
            {"outcome": "perfect"},
            {"outcome": []},
            {"suspicions": 5},
            {"suspicions": [5]},
            {"restore_seconds": "long"},
            {"restore_seconds": float("inf")},
            {"at": "0001-01-01T00:00:00+23:59"},
            {"suspicions": ["\ud800"]},
            {"error": 5},
            {"job_id": 5},
            {"how": ["x"]},
            {"backup_id": "another"},
        ):
            at.describe(report, metadata | {"report": json.dumps(said | wrong)})
            # One of another backup says nothing of this one; the others' content does.
            state = "unproved" if "backup_id" in wrong else "verified"
            assert shelf.states() == [{PRIMARY: state}], wrong


def test_a_stranger_in_the_container(shelf: Shelf, small: SqliteSource) -> None:
    """Counted, and left alone: also one who has a backup's name."""
    taken = shelf.take(small, job("nightly:1", by=-90 * DAY))
    with shelf.container() as client:
        at = Container(client)
        for name in ("notes.txt", "x.manifest.json", "database/y.zst", "z.sha256"):
            at.write(name, b"hello", {"summary": "{}"} if "y" in name else {})
    assert shelf.catalog.look().strange == 4
    shelf.take(small, retention={"count": 1})
    assert not [name for name in shelf.everything() if name.startswith(taken["blob"])]
    assert {"notes.txt", "x.manifest.json", "z.sha256"} < set(shelf.everything())


def test_another_blob_stands_where_a_copy_belongs(two: Shelf, small: SqliteSource) -> None:
    """With the backup's own words, so that it may be a copy under way: it is told."""
    taken = two.take(small, destinations=[PRIMARY])
    one = two.backups()[0]
    with two.container() as client:
        _, metadata = Container(client).read(taken["blob"])
    with two.container(OFFSITE) as client:
        client.create_container()
        Container(client).write(taken["blob"], b"other", metadata)
    failed = copy_to(two.catalog, one, two.catalog.wanted(()), job("upkeep"))
    assert "already another blob" in failed[OFFSITE]
    assert copy_to(two.catalog, two.backups()[0], two.catalog.wanted(()), job("upkeep")) == {}
    assert two.states() == [BOTH]
    whole(two)


def test_two_blobs_swapped_with_all_that_is_said_of_them(
    two: Shelf, small: SqliteSource, tmp_path: Path
) -> None:
    other = two.take(small, job("nightly:1", by=-DAY))
    add_user(tmp_path)
    taken = two.take(small)
    with two.container() as client:
        Container(client).swap(taken["blob"], other["blob"], metadata=True)
    assert two.states() == [{PRIMARY: "damaged", OFFSITE: "verified"}] * 2
    with pytest.raises(Damaged, match=r"bytes were sent|SHA-256 was"):
        prove(two, small, taken["id"])
    for _ in range(2):  # the one stands in the other's place
        for each in two.backups():
            copy_to(two.catalog, each, two.catalog.wanted(()), job("upkeep"))
    assert two.states() == [BOTH, BOTH]
    whole(two)


def test_one_copy_says_of_the_backup_what_the_other_does_not(
    two: Shelf, small: SqliteSource
) -> None:
    """That it is another plan's, say, and its report is gone: the proved one is believed."""
    taken = two.take(small)
    with two.container() as client:
        at = Container(client)
        metadata = at.read(taken["blob"])[1]
        summary = json.loads(metadata["summary"]) | {"schedule_id": "another"}
        at.describe(taken["blob"], metadata | {"summary": json.dumps(summary)})
        assert two.catalog.look().strange == 1, "it is told at once"
        at.delete(at.report(taken["blob"]))
    found = two.catalog.look()
    assert [one.summary.schedule_id for one in found.backups] == ["nightly"]
    with pytest.raises(Damaged, match="says something else of this backup"):
        prove(two, small, taken["id"])
    assert copy_to(two.catalog, two.backups()[0], two.catalog.wanted(()), job("upkeep")) == {}
    assert two.states() == [BOTH]
    whole(two)
