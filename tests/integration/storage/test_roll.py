"""A roll says the same as a list in memory, whatever is asked for; and its pages cost what they
show."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.data.tables import TableClient

from local.azurite import Azurite
from shared.storage.connect import Connection
from shared.storage.counted import Requests, counting
from shared.storage.tables.batch import Delete, Insert, Upsert
from shared.storage.tables.marked import marked
from shared.storage.tables.roll import Roll, Rolls, added, removed
from shared.storage.tables.roll_counts import Wanted, left
from shared.storage.tables.table import Table
from tests.integration.storage.test_table import Lossy, account, sdk

__all__ = ["sdk"]

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ONE, TWO = Roll("1", "in:1:"), Roll("2", "in:2:")


@pytest.fixture
def table(azurite: Azurite, sdk: TableClient) -> Table:
    return Connection(account(azurite)).table(sdk.table_name)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """An answer of storage has three rows at most."""
    plain = Table.query

    def query(self: Table, filter: str, *, top: int = 1000, **more: Any) -> Any:
        return plain(self, filter, top=min(top, 3), **more)

    monkeypatch.setattr(Table, "query", query)
    yield 3


def place(at: datetime, name: object) -> str:
    return f"{left(at)}-{name}"


def put(rolls: Rolls, roll: Roll, where: str, kind: str) -> None:
    row = Insert(roll.rows + where, marked({"kind": kind}))
    assert rolls.write([row], added([roll], where, kind))


def take(rolls: Rolls, roll: Roll, where: str, kind: str) -> str | None:
    return rolls.write([Delete(roll.rows + where)], removed([roll], where, kind))


def of_kinds(*kinds: str) -> dict[str, Any]:
    return {"kinds": kinds, "where": " or ".join(f"kind eq '{one}'" for one in kinds)}


def test_pages_and_totals_are_those_of_all_rows(table: Table, small: int) -> None:
    dice = random.Random(7)
    rolls, other = Rolls(table, "p"), Rolls(table, "p")  # two processes, which remember
    there: dict[tuple[Roll, str], tuple[datetime, str]] = {}
    for number in range(40):
        at = NOON - timedelta(minutes=dice.choice([1, 2, 15, 900, 3000]) * dice.randrange(9))
        roll, kind = dice.choice([ONE, ONE, TWO]), dice.choice("abc")
        put(dice.choice([rolls, other]), roll, place(at, number), kind)
        there[roll, place(at, number)] = (at, kind)
        if number % 4 == 3:
            of, where = dice.choice([*there])
            assert take(dice.choice([rolls, other]), of, where, there.pop((of, where))[1]) == ""
            assert take(rolls, of, where, "a") is None, "it counts once, and is gone once"
    edges = [None, NOON, *dice.sample([at for at, _ in there.values()], 2)]
    for asked, since, until in itertools.product([[ONE], [ONE, TWO]], edges, edges):
        for kinds in (None, "a", "bc"):
            wanted = Wanted(since=since, until=until, **(of_kinds(*kinds) if kinds else {}))
            fit = sorted(
                (where, roll.name)
                for (roll, where), (at, kind) in there.items()
                if roll in asked
                and (since is None or at >= since)
                and (until is None or at < until)
                and kind in (kinds or "abc")
            )
            skip = dice.choice([0, 0, 5, 20])
            page = other.page(asked, wanted, skip, 4)
            assert page.total == len(fit)
            assert [(where, roll.name) for roll, where in page.places] == fit[skip : skip + 4]
            read = [row["RowKey"] for row in other.read(page, wanted.where)]
            assert read == [roll.rows + where for roll, where in page.places]
    for (roll, where), (_, kind) in there.items():
        take(rolls, roll, where, kind)
    assert [*table.query("")] == [], "no count is left of nothing"


def test_a_page_costs_the_same_however_many_there_are(table: Table) -> None:
    rolls = Rolls(table, "p")
    costs = list[list[int]]()
    for some in (range(120), range(120, 600)):
        steps = [place(NOON - timedelta(minutes=one), one) for one in some]
        for at in range(0, len(steps), 60):
            part = steps[at : at + 60]
            rows = [Insert(ONE.rows + one, marked({"kind": "a"})) for one in part]
            assert rolls.write(rows, [one for where in part for one in added([ONE], where, "a")])
        last = some.stop - 10
        asked = [(0, Wanted()), (last, Wanted()), (0, Wanted(until=NOON - timedelta(minutes=99)))]
        costs.append([])
        for skip, wanted in asked:
            with counting(spent := Requests()):
                page = rolls.page([ONE], wanted, skip, 10)
                assert len([*rolls.read(page)]) == 10
            costs[-1].append(spent.tables)
    assert costs == [[3, 3, 4], [3, 3, 4]]


def test_a_lost_answer_counts_once_and_what_others_wrote_is_not_lost(
    azurite: Azurite, sdk: TableClient
) -> None:
    lossy = Lossy()
    rolls = Rolls(Connection(account(azurite), lossy).table(sdk.table_name), "p")
    where = place(NOON, 1)
    put(rolls, ONE, where, "a")
    assert rolls.count(ONE) == 1
    lossy.lost.clear()
    assert take(rolls, ONE, where, "a") == ""
    assert rolls.count(ONE) == 0
    assert rolls.write([Upsert("x", {})], added([ONE], where, "a")), "and then it is counted again"
    stranger = Rolls(Connection(account(azurite)).table(sdk.table_name), "p")
    assert rolls.count(ONE) == stranger.count(ONE) == 1


def test_counts_that_are_many_have_room_and_few_are_remembered(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.storage.tables.roll_counts._ROOM", 100)
    monkeypatch.setattr("shared.storage.tables.roll._REMEMBERED", 1_000)
    rolls = Rolls(table, "p")
    for number in range(30):
        put(rolls, ONE, place(NOON - timedelta(minutes=number), number % 2), f"kind{number}")
    assert rolls._size == sum(one.size for one in rolls._known.values()) <= 1_000
    assert rolls.count(ONE) == Rolls(table, "p").count(ONE) == 30
