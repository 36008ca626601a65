"""Retention of several plans and databases: each removes its own, and never the last good one."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from shared.backups.source import Source
from shared.backups.sqlite.source import SqliteSource
from shared.backups.store.catalog import Catalog, Found
from shared.errors import Damaged
from tests.integration.backups.faults.meddling import Container, flip
from tests.integration.backups.faults.world import DAY, job, prove, whole
from tests.integration.backups.setup import PRIMARY, Meddled, Shelf


def of(source: Source, name: str, database: str, scope: str = "") -> Meddled:
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


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[None]:
    """One for each time that all containers are listed."""
    made: list[None] = []
    look = Catalog.look

    def counted(self: Catalog, *given: Any, **named: Any) -> Found:
        made.append(None)
        return look(self, *given, **named)

    monkeypatch.setattr(Catalog, "look", counted)
    return made


def test_the_containers_are_listed_once_for_all_databases(
    shelf: Shelf, small: SqliteSource, looks: list[None]
) -> None:
    """Of a server with two hundred, each listing would be of all backups of all of them."""
    several: list[Source] = [of(small, name, name) for name in "abcdef"]
    assert len(shelf.take_all(several, job())["backups"]) == 6
    assert len(looks) == 2, "before the first, and for retention at the end"


def test_what_another_job_took_since_the_listing_is_not_taken_again(
    shelf: Shelf, small: SqliteSource
) -> None:
    """R2, of a plan whose jobs overtake each other."""
    second = of(small, "b", "b")

    def meanwhile() -> None:
        shelf.take_all([second], job("nightly:other"))

    first = of(Meddled(small, after_dump=meanwhile), "a", "a")
    result = shelf.take_all([first, second], job())
    assert [one["database"] for one in result["backups"]] == ["a"]
    assert list(result["skipped"]) == ["b"]
    assert sorted(rows(shelf).values()) == [1, 1]
