"""What somebody does to the blobs of a backup is found by `verify`, told, and mended from another
destination."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from shared.backups.jobs.copy import copy_to
from shared.backups.jobs.restore import restore
from shared.backups.model import Outcome
from shared.backups.params import RestoreOrder
from shared.backups.source import Contents
from shared.backups.sqlite.source import SqliteSource
from shared.errors import Conflict, Damaged, NotFound
from tests.faults import FaultProxy, Refuse
from tests.integration.backups.faults.meddling import MANIFEST, Container, add_user, flip
from tests.integration.backups.faults.world import BOTH, DAY, behind, job, prove, whole
from tests.integration.backups.setup import OFFSITE, PRIMARY, Given, Meddled, Shelf


def edited(**values: Any) -> Callable[[bytes], bytes]:
    """Of a manifest."""
    return lambda content: json.dumps(json.loads(content) | values).encode()


Tamper = Callable[[Container, str, str], None]
"""Given (the container, a backup's blob, another backup's blob)."""

TAMPERED: dict[str, tuple[Tamper, str]] = {
    "cut short": (
        lambda at, blob, _: at.change(blob, lambda content: content[:-1]),
        r"\d+ bytes were sent, \d+ are there",
    ),
    "emptied": (lambda at, blob, _: at.change(blob, lambda _: b""), "0 are there"),
    "longer": (lambda at, blob, _: at.change(blob, lambda content: content + b"x"), "are there"),
    "a bit of its magic": (lambda at, blob, _: at.change(blob, flip(0)), "SHA-256 was"),
    "a bit of the frame's header": (lambda at, blob, _: at.change(blob, flip(4)), "SHA-256 was"),
    "a bit in the middle": (lambda at, blob, _: at.change(blob, flip(99, 3)), "SHA-256 was"),
    "a bit of the last byte": (lambda at, blob, _: at.change(blob, flip(-1, 7)), "SHA-256 was"),
    "another's blob": (
        lambda at, blob, other: at.swap(blob, other, metadata=False),
        "bytes were sent|SHA-256 was",
    ),
    "gone": (lambda at, blob, _: at.delete(blob), "is gone; something removed it"),
    "another's manifest": (
        lambda at, blob, other: at.swap(blob + MANIFEST, other + MANIFEST, metadata=True),
        "is the manifest of another backup",
    ),
    "its manifest gone": (lambda at, blob, _: at.delete(blob + MANIFEST), "manifest.json is gone"),
    "its manifest empty": (
        lambda at, blob, _: at.change(blob + MANIFEST, lambda _: b""),
        "is not a manifest",
    ),
    "its manifest garbled": (
        lambda at, blob, _: at.change(blob + MANIFEST, lambda _: b"\xff\x00{"),
        "is not a manifest",
    ),
    "its manifest of one who likes brackets": (
        lambda at, blob, _: at.change(blob + MANIFEST, lambda _: b"[" * 100_000),
        "is not a manifest",
    ),
    "its manifest a list": (
        lambda at, blob, _: at.change(blob + MANIFEST, lambda _: b"[]"),
        "is not a manifest",
    ),
    "its manifest of a later format": (
        lambda at, blob, _: at.change(blob + MANIFEST, edited(format=3)),
        "format is 3; this version reads 2",
    ),
    "its manifest without tables": (
        lambda at, blob, _: at.change(blob + MANIFEST, edited(tables=None)),
        "is not a manifest: tables",
    ),
    "its manifest with half a character": (
        lambda at, blob, _: at.change(blob + MANIFEST, edited(tables={"\ud800": 1})),
        "is not a manifest: it holds half of a surrogate pair",
    ),
    "its manifest of the first of days": (
        lambda at, blob, _: at.change(
            blob + MANIFEST, edited(started_at="0001-01-01T00:00:00+23:59")
        ),
        "is not a manifest: an instant is 0001",
    ),
    "its manifest with other rows": (
        lambda at, blob, _: at.change(blob + MANIFEST, edited(tables={"users": 10})),
        "table users had 10 rows in the source and 9 rows when restored",
    ),
    "its manifest with another hash": (
        lambda at, blob, _: at.change(blob + MANIFEST, edited(sha256="0" * 64)),
        "says something else of this backup",
    ),
}


@pytest.mark.parametrize("how", TAMPERED)
def test_verify_finds_it_and_it_is_mended(
    two: Shelf, small: SqliteSource, tmp_path: Path, how: str
) -> None:
    tamper, said = TAMPERED[how]
    other = taken = two.take(small, job("nightly:1", by=-DAY))
    if "another's" in how:
        add_user(tmp_path)
        taken = two.take(small)
    with two.container() as client:
        tamper(Container(client), taken["blob"], other["blob"])

    with pytest.raises(Damaged, match=said):
        prove(two, small, taken["id"])
    one = two.backups()[0]
    assert {copy.destination: copy.state for copy in one.copies} == {
        PRIMARY: "damaged",
        OFFSITE: "verified",
    }
    report = next(copy.reports[-1] for copy in one.copies if copy.destination == PRIMARY)
    assert (report.outcome, report.backup_id) == (Outcome.DAMAGED, one.id)
    if how == "gone":
        order = RestoreOrder(backup_id=one.id)
        restored = restore(Given(small), two.catalog, order, job("restore", by=DAY))
        assert restored["destination"] == OFFSITE
    if "another's" in how:
        with pytest.raises(Damaged):
            prove(two, small, other["id"])
    for each in two.backups():
        assert copy_to(two.catalog, each, two.catalog.wanted(()), job("upkeep")) == {}
    assert two.states() == [BOTH] * len(two.backups())
    whole(two)


def test_what_is_gone_is_seen_before_anybody_verifies(two: Shelf, small: SqliteSource) -> None:
    blob = str(two.take(small)["blob"])
    with two.container() as client, two.container(OFFSITE) as offsite:
        Container(client).delete(blob)
        Container(offsite).delete(blob + MANIFEST)
    assert two.states() == [{PRIMARY: "damaged", OFFSITE: "unproved"}]


def test_what_lost_its_report_is_unproved_until_it_is_proved_again(
    shelf: Shelf, small: SqliteSource
) -> None:
    older = shelf.take(small, job("nightly:1", by=-10 * DAY))
    taken = shelf.take(small, job("nightly:2", by=-9 * DAY))
    with shelf.container() as client:
        at = Container(client)
        at.delete(at.report(taken["blob"]))
    assert shelf.states() == [{PRIMARY: "unproved"}, {PRIMARY: "verified"}]
    # Were it counted, the older one would be let go; and the last one is never.
    with pytest.raises(Damaged):
        shelf.take(_lying(small), job("nightly:3"), retention={"count": 1})
    assert [one.id for one in shelf.backups()][1:] == [taken["id"], older["id"]]
    prove(shelf, small, taken["id"])
    assert shelf.states()[1:] == [{PRIMARY: "verified"}, {PRIMARY: "verified"}]


def _lying(source: SqliteSource) -> Any:
    return Meddled(source, contents=lambda one: replace(one, tables={}))


def test_every_copy_is_damaged(two: Shelf, small: SqliteSource) -> None:
    """All are looked at, and named; what is no good is copied nowhere."""
    taken = two.take(small)
    for name in two.names:
        with two.container(name) as client:
            Container(client).change(taken["blob"], flip(50))
    with pytest.raises(Damaged, match=r"primary: .*SHA-256 .*offsite: .*SHA-256"):
        prove(two, small, taken["id"])
    assert two.states() == [{PRIMARY: "damaged", OFFSITE: "damaged"}]
    order = RestoreOrder(backup_id=taken["id"])
    with pytest.raises(Conflict, match="not verified"):
        restore(Given(small), two.catalog, order, job("restore", by=DAY))
    named = RestoreOrder(backup_id=taken["id"], destination=OFFSITE)
    with pytest.raises(Damaged):
        restore(Given(small), two.catalog, named, job("restore", by=DAY))


def test_a_copy_that_is_found_damaged_while_it_is_copied_is_proved_no_longer(
    two: Shelf, small: SqliteSource
) -> None:
    """And of what is damaged elsewhere nothing is removed for it."""
    taken = two.take(small)
    with two.container(OFFSITE) as client:
        Container(client).change(taken["blob"], flip(50))
    with pytest.raises(Damaged):
        prove(two, small, taken["id"])
    with two.container() as client:
        Container(client).change(taken["blob"], flip(60))
    failed = copy_to(two.catalog, two.backups()[0], two.catalog.wanted(()), job("upkeep"))
    assert "SHA-256" in failed[OFFSITE]
    assert two.states() == [{PRIMARY: "damaged", OFFSITE: "damaged"}]
    assert taken["blob"] in two.everything(OFFSITE)


def test_what_is_found_damaged_by_its_first_copy_is_proved_no_longer(
    two: Shelf, small: SqliteSource
) -> None:
    taken = two.take(small, destinations=[PRIMARY])
    with two.container() as client:
        Container(client).change(taken["blob"], flip(60))
    failed = copy_to(two.catalog, two.backups()[0], two.catalog.wanted(()), job("upkeep"))
    assert "SHA-256" in failed[OFFSITE]
    assert two.states() == [{PRIMARY: "damaged"}]
    assert two.everything(OFFSITE) == []


def test_damage_is_told_though_nothing_can_be_written(
    shelf: Shelf, small: SqliteSource, proxy: FaultProxy
) -> None:
    taken = shelf.take(small)
    with shelf.container() as client:
        Container(client).change(taken["blob"], flip(50))
    proxy.rules.add(Refuse(403, "AuthorizationPermissionMismatch"), method="PUT")
    with pytest.raises(Damaged, match=r"SHA-256 .*report could not be written: .*no permission"):
        prove(behind(shelf, proxy), small, taken["id"])


@pytest.mark.parametrize("act", ["overwritten", "removed"])
def test_a_blob_that_is_changed_after_it_was_restored_is_not_proved(
    shelf: Shelf, small: SqliteSource, act: str
) -> None:
    def meddle(held: Contents) -> Contents:
        with shelf.container() as client:
            at = Container(client)
            (blob,) = [name for name in shelf.everything() if name.endswith(".zst")]
            if act == "removed":
                at.delete(blob)
            else:
                at.change(blob, flip(20))
        return held

    with pytest.raises(Damaged, match=r"overwritten|removed|is gone"):
        shelf.take(Meddled(small, contents=meddle))
    assert shelf.states() == [{PRIMARY: "damaged"}]


def test_what_is_removed_while_it_is_verified_is_not_damaged(
    shelf: Shelf, small: SqliteSource, proxy: FaultProxy
) -> None:
    taken = shelf.take(small)
    copy = shelf.backups()[0].copies[0]
    world = behind(shelf, proxy)

    def removed(_: object) -> bool:
        shelf.catalog[PRIMARY].remove(copy.blob, copy.names)
        return False

    proxy.rules.add(Refuse(500), method="GET", path=r"manifest\.json", where=removed)
    with pytest.raises(NotFound, match="was removed meanwhile"):
        prove(world, small, taken["id"])
    assert shelf.everything() == []
