"""Retention of several plans and databases: each removes its own, and never the last good one."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from shared.backups.sqlite.source import SqliteSource
from shared.errors import Damaged
from tests.integration.backups.faults.meddling import Container, flip
from tests.integration.backups.faults.world import DAY, job, prove, whole
from tests.integration.backups.setup import PRIMARY, Meddled, Shelf


def of(source: SqliteSource, name: str, database: str, scope: str = "") -> Meddled:
    """The same under another name."""
    made = Meddled(source)
    made.name, made.database, made.scope = name, database, scope
    return made


def rows(shelf: Shelf) -> Counter[tuple[str, str, str, str]]:
    return Counter(one.group for one in shelf.backups())


def test_a_plan_removes_of_its_own_and_of_each_database_by_itself(
    shelf: Shelf, small: SqliteSource
) -> None:
    a, b = of(small, "server", "a"), of(small, "server", "b")
    part, file = of(small, "server", "a", "schemas x"), of(small, "file", "a")
    for number in (60, 50):
        by = -number * DAY
        for name, source in (("weekly", a), ("nightly", part), ("nightly", file)):
            given = job(f"{name}:{number}:{source.scope}", by=by, schedule_id=name)
            shelf.take(source, given, retention={"count": 9})
    for number in (3, 2, 1):
        for source in (a, b):
            given = job(f"nightly:{number}:{source.database}", by=-number * DAY)
            shelf.take(source, given, retention={"count": 9})
    before = rows(shelf)
    assert sorted(before.values()) == [2, 2, 2, 3, 3]

    result = shelf.take_all([a], job(), source="server", retention={"count": 1})
    assert len(result["removed"]) == 3 + 2 + 1 + 1, "of each row all but the newest"
    assert rows(shelf) == {
        ("weekly", "server", "a", ""): 2,
        ("nightly", "server", "a", "schemas x"): 1,
        ("nightly", "file", "a", ""): 1,
        ("nightly", "server", "a", ""): 1,
        ("nightly", "server", "b", ""): 1,
    }
    whole(shelf)


def test_the_last_good_one_stays_while_newer_ones_are_damaged(
    shelf: Shelf, small: SqliteSource
) -> None:
    plan: dict[str, Any] = {"retention": {"days": 1}}
    good = shelf.take(small, job("nightly:good", by=-40 * DAY), **plan)
    broken = Meddled(small, contents=lambda one: replace(one, tables={}))
    for number in (30, 20, 10):
        with pytest.raises(Damaged):
            shelf.take(broken, job(f"nightly:{number}", by=-number * DAY), **plan)
    assert [one.id for one in shelf.backups() if one.verified] == [good["id"]]
    assert len(shelf.backups()) == 4, "what is damaged stays until a newer one is good"

    result = shelf.take_all([small], job("nightly:now"), **plan)
    assert len(result["removed"]) == 4
    assert shelf.states() == [{PRIMARY: "verified"}]
    whole(shelf)


def test_one_that_rots_is_no_longer_the_last_good_one(shelf: Shelf, small: SqliteSource) -> None:
    """Retention relied on it, and lets the one before it go no more."""
    good = shelf.take(small, job("nightly:1", by=-4 * DAY))
    rotten = shelf.take(small, job("nightly:2", by=-2 * DAY))
    with shelf.container() as client:
        Container(client).change(rotten["blob"], flip(33))
    with pytest.raises(Damaged):
        prove(shelf, small, rotten["id"])
    broken = Meddled(small, contents=lambda one: replace(one, tables={}))
    with pytest.raises(Damaged):
        shelf.take(broken, job("nightly:3"), retention={"count": 1})
    assert [one.id for one in shelf.backups() if one.verified] == [good["id"]]
    whole(shelf)
