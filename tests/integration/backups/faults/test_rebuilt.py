"""What blobs' metadata said is rebuilt from what they hold, and what cannot be is named."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyrage
import pytest

from shared.backups.jobs.copy import copy_to
from shared.backups.jobs.restore import restore
from shared.backups.params import RestoreOrder
from shared.backups.sqlite.source import SqliteSource
from shared.backups.store.encryption import Seal
from shared.errors import Damaged, NotFound
from shared.settings import Secret
from tests.faults import FaultProxy
from tests.integration.backups.faults.meddling import MANIFEST, Container, add_user
from tests.integration.backups.faults.world import BOTH, DAY, behind, job, prove, whole
from tests.integration.backups.setup import OFFSITE, PRIMARY, Given, Shelf


@pytest.fixture(params=[False, True], ids=["plain", "sealed"])
def any_shelf(request: pytest.FixtureRequest, shelf: Shelf) -> Shelf:
    seal = Seal(Secret(str(pyrage.x25519.Identity.generate())))
    return replace(shelf, seal=seal) if request.param else shelf


def moved(shelf: Shelf) -> Shelf:
    """Another container with the same blobs, copied by a tool that leaves metadata out."""
    other = replace(shelf, word=f"{shelf.word}c")
    with shelf.container() as old, other.container() as new:
        new.create_container()
        for name in old.list_blob_names():
            new.upload_blob(name, old.download_blob(name).readall())
    return other


def test_a_container_that_was_copied_without_metadata_is_usable(
    any_shelf: Shelf, small: SqliteSource, tmp_path: Path
) -> None:
    """It lists, proves, restores, takes and lets go as the one that it was copied from."""
    older = any_shelf.take(small, job("nightly:1", by=-2 * DAY))
    add_user(tmp_path)
    taken = any_shelf.take(small, job("nightly:2", by=-DAY))
    (before, _) = any_shelf.backups()
    copied = moved(any_shelf)
    found = copied.catalog.look()
    assert [one.summary for one in found.backups] == [one.summary for one in any_shelf.backups()]
    assert (found.strange, found.locked, found.lost) == (0, 0, ())
    assert copied.states() == [{PRIMARY: "verified"}] * 2
    assert found.backups[0].copies[0].reports == before.copies[0].reports
    prove(copied, small, taken["id"])
    made = restore(Given(small), copied.catalog, RestoreOrder(backup_id=older["id"]), job("back"))
    with closing(sqlite3.connect(tmp_path / str(made["target"]))) as connection:
        assert connection.execute("SELECT count(*) FROM users").fetchone() == (9,)
    newest = copied.take(small, retention={"count": 2})
    assert {one.id for one in copied.backups()} == {newest["id"], taken["id"]}
    whole(copied)


def test_a_container_without_metadata_is_read_once(
    any_shelf: Shelf, small: SqliteSource, proxy: FaultProxy
) -> None:
    """Of each backup its manifest and reports, and again only what is new."""
    for day in (3, 2):
        any_shelf.take(small, job(f"nightly:{day}", by=-day * DAY))
    copied = behind(moved(any_shelf), proxy)

    def read() -> list[str]:
        proxy.log.reset()
        assert copied.backups()
        return [one.path for one in proxy.log.entries if one.path.endswith(".json")]

    assert len(read()) == 4
    assert read() == []
    copied.take(small)
    assert read() == []


def test_sealed_backups_without_metadata_are_locked_without_their_key(
    any_shelf: Shelf, small: SqliteSource
) -> None:
    any_shelf.take(small)
    blind = replace(moved(any_shelf), seal=None)
    found = blind.catalog.look()
    sealed = any_shelf.seal is not None
    assert (len(found.backups), found.locked, found.lost) == (not sealed, sealed, ())


def test_a_backup_whose_metadata_was_cleared_is_what_it_was(
    shelf: Shelf, small: SqliteSource
) -> None:
    taken = shelf.take(small)
    before = shelf.backups()[0]
    with shelf.container() as client:
        at = Container(client)
        for name in at.names(taken["blob"]):
            at.describe(name, {})
    (after,) = shelf.backups()
    assert (after.summary, after.verified) == (before.summary, True)
    prove(shelf, small, taken["id"])
    whole(shelf)


def test_another_backups_blob_in_its_place_does_not_hide_it(
    shelf: Shelf, small: SqliteSource, tmp_path: Path
) -> None:
    """With that one's metadata: it is known, and known to be damaged, before anybody proves it."""
    other = shelf.take(small, job("nightly:1", by=-DAY))
    grow(tmp_path)
    taken = shelf.take(small)
    with shelf.container() as client:
        at = Container(client)
        at.write(taken["blob"], *at.read(other["blob"]))
    found = shelf.catalog.look()
    assert shelf.states() == [{PRIMARY: "damaged"}, {PRIMARY: "verified"}]
    (copy,) = found.find(taken["id"]).copies
    assert copy.wrong is not None
    assert f"in the place of its blob lies that of backup {other['id']}" in copy.wrong
    assert found.strange == 1
    with pytest.raises(Damaged, match="bytes were sent"):
        prove(shelf, small, taken["id"])
    prove(shelf, small, other["id"])
    assert len(found.find(other["id"]).copies) == 1, "the one in the other's place is none of its"


def grow(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "small.db")) as connection:
        connection.executemany("INSERT INTO users (name) VALUES (?)", [("x",) for _ in range(500)])
        connection.commit()


def test_a_blob_that_only_says_that_it_is_anothers_can_be_proved(
    shelf: Shelf, small: SqliteSource, tmp_path: Path
) -> None:
    """Until then it is not relied upon."""
    other = shelf.take(small, job("nightly:1", by=-DAY))
    add_user(tmp_path)
    taken = shelf.take(small, job("nightly:2", by=DAY / 24))
    with shelf.container() as client:
        at = Container(client)
        at.describe(taken["blob"], at.read(other["blob"])[1])
        assert shelf.states()[0] == {PRIMARY: "verified"}, "proved after it was changed"
        at.delete(at.report(taken["blob"]))
    assert shelf.states()[0] == {PRIMARY: "damaged"}
    prove(shelf, small, taken["id"])
    assert shelf.states()[0] == {PRIMARY: "verified"}


LEFT: dict[str, tuple[list[str], str]] = {
    "no manifest": ([MANIFEST], "its manifest is gone"),
    "no manifest, no checksum": ([MANIFEST, ".sha256"], "its manifest is gone"),
    "only its report": (["", MANIFEST], "its manifest is gone and its blob is gone"),
}


@pytest.mark.parametrize("how", LEFT)
def test_what_is_left_of_a_backup_is_named(shelf: Shelf, small: SqliteSource, how: str) -> None:
    taken = shelf.take(small)
    gone, why = LEFT[how]
    with shelf.container() as client:
        at = Container(client)
        for ending in gone:
            at.delete(taken["blob"] + ending)
        for name in at.names(taken["blob"]):
            at.describe(name, {})
    found = shelf.catalog.look()
    (lost,) = found.lost
    assert (lost.id, lost.blob, lost.why, lost.proved) == (taken["id"], taken["blob"], why, True)
    assert lost.sha256 == (None if ".sha256" in gone else taken["sha256"])
    assert lost.bytes == (None if "" in gone else taken["bytes"])
    for given in (taken["id"], taken["id"][:8]):
        with pytest.raises(NotFound, match=rf"{lost.blob} at primary was verified, .*{why}"):
            found.find(given)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"format": 2}'])
def test_a_garbled_manifest_without_metadata_is_named(
    shelf: Shelf, small: SqliteSource, content: bytes
) -> None:
    taken = shelf.take(small)
    with shelf.container() as client:
        at = Container(client)
        at.describe(taken["blob"], {})
        at.write(taken["blob"] + MANIFEST, content, {})
    (lost,) = shelf.catalog.look().lost
    assert lost.why.startswith("its manifest is none: ")


def test_anothers_blob_and_manifest_in_its_place_are_named(
    shelf: Shelf, small: SqliteSource
) -> None:
    other = shelf.take(small, job("nightly:1", by=-DAY))
    taken = shelf.take(small)
    with shelf.container() as client:
        at = Container(client)
        for ending in ("", MANIFEST):
            at.write(taken["blob"] + ending, *at.read(other["blob"] + ending))
    found = shelf.catalog.look()
    assert [one.id for one in found.backups] == [other["id"]]
    (lost,) = found.lost
    assert lost.id == taken["id"] and f"is that of backup {other['id']}" in lost.why


def test_what_is_lost_at_one_destination_is_copied_anew(two: Shelf, small: SqliteSource) -> None:
    taken = two.take(small)
    with two.container() as client:
        at = Container(client)
        at.delete(taken["blob"] + MANIFEST)
        for name in at.names(taken["blob"]):
            at.describe(name, {})
    assert two.states() == [{OFFSITE: "verified"}]
    assert copy_to(two.catalog, two.backups()[0], two.catalog.wanted(()), job("upkeep")) == {}
    assert two.states() == [BOTH]
    whole(two)


def test_what_has_another_size_gives_way_before_anybody_proves_it(
    two: Shelf, small: SqliteSource
) -> None:
    taken: dict[str, Any] = two.take(small)
    with two.container() as client:
        Container(client).change(taken["blob"], lambda content: content[:-1])
    assert two.states() == [{PRIMARY: "damaged", OFFSITE: "verified"}]
    assert copy_to(two.catalog, two.backups()[0], two.catalog.wanted(()), job("upkeep")) == {}
    assert two.states() == [BOTH]
    whole(two)
