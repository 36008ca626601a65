"""No room: in the folder for copies, in the storage account. Told by name, and nothing is left."""

from __future__ import annotations

import resource
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shared.backups.sqlite.source import SqliteSource
from shared.errors import Refused, Unavailable
from tests.faults import FaultProxy, Refuse
from tests.integration.backups.faults.test_away import WRITES
from tests.integration.backups.faults.world import (
    BOTH,
    LATER,
    behind,
    inside,
    job,
    scratch,
    whole,
)
from tests.integration.backups.setup import OFFSITE, PRIMARY, Meddled, Shelf

QUOTA = Refuse(403, "AccountStorageQuotaExceeded", "The account is full.")


def test_no_room_for_the_dump(
    shelf: Shelf, small: SqliteSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect = sqlite3.connect

    def full(path: Any, **options: Any) -> sqlite3.Connection:
        made: sqlite3.Connection = connect(path, **options)
        if str(path).endswith("copy.sqlite"):
            made.execute("PRAGMA max_page_count = 1")
        return made

    with monkeypatch.context() as patch:
        patch.setattr(sqlite3, "connect", full)
        with pytest.raises(Unavailable, match=f"folder {tmp_path}: is full"):
            shelf.take(small)
    assert (shelf.everything(), scratch(tmp_path)) == ([], [])
    shelf.take(small, job(attempt=2, by=LATER))
    assert shelf.states() == [{PRIMARY: "verified"}]


@pytest.fixture
def files() -> Iterator[Any]:
    """Sets how large a file may become, as a full disk would."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    def most(size: int) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))

    yield most
    most(soft)


def test_no_room_for_the_restore(
    two: Shelf, database: SqliteSource, tmp_path: Path, files: Any
) -> None:
    """That is no fault of the destination's: it does not go elsewhere."""
    full = Meddled(database, after_dump=lambda: files(1_000_000))
    with pytest.raises(Unavailable, match=f"folder {tmp_path}: is full"):
        two.take(full)
    assert (two.everything(), two.everything(OFFSITE)) == ([], [])
    assert scratch(tmp_path) == []
    files(resource.getrlimit(resource.RLIMIT_FSIZE)[1])
    two.take(database, job(attempt=2, by=LATER))
    assert two.states() == [BOTH]


@pytest.mark.parametrize("step", WRITES)
def test_a_container_that_takes_no_more(
    shelf: Shelf, small: SqliteSource, proxy: FaultProxy, step: str
) -> None:
    rule = proxy.rules.add(QUOTA, service="blob", **WRITES[step])
    said = rf"blob storage \(container {shelf.word}{PRIMARY}\): .*403"
    with pytest.raises(Refused, match=said):
        behind(shelf, proxy).take(small)
    assert shelf.everything() == []
    proxy.rules.remove(rule)
    behind(shelf, proxy).take(small, job(attempt=2, by=LATER))
    assert shelf.states() == [{PRIMARY: "verified"}]
    whole(shelf)


@pytest.mark.parametrize("name", [PRIMARY, OFFSITE])
def test_one_of_two_containers_takes_no_more(
    two: Shelf, small: SqliteSource, proxy: FaultProxy, name: str
) -> None:
    """The backup is made at the other, and the job says so."""
    proxy.rules.add(QUOTA, service="blob", operation="block", path=inside(two, name))
    taken = behind(two, proxy).take(small)
    other = OFFSITE if name == PRIMARY else PRIMARY
    assert taken["destination"] == other
    assert two.states() == [{other: "verified"}]
    assert "403" in taken["missing_copies"][name]
    whole(two)
