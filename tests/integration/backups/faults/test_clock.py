"""Clocks that jump: no good backup is lost by it, none is kept from being taken or doubled."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.backups.jobs.restore import verify
from shared.backups.params import VerifyOrder
from shared.backups.sqlite.source import SqliteSource
from shared.errors import Damaged, Skipped
from tests.context import job_of
from tests.integration.backups.faults.meddling import Container, flip
from tests.integration.backups.faults.world import DAY, Moved, job, prove, whole
from tests.integration.backups.setup import PRIMARY, Given, Meddled, Shelf

YEAR = 365 * DAY
SECOND = timedelta(seconds=1)


def named(shelf: Shelf) -> list[str]:
    """The jobs of the backups, as a listing shows them."""
    return [one.summary.job_id for one in shelf.backups()]


def test_a_year_ahead_and_back_between_backups(shelf: Shelf, small: SqliteSource) -> None:
    plan: dict[str, Any] = {"retention": {"count": 2}}
    shelf.take(small, job("before", by=-DAY), **plan)
    shelf.take(small, job("ahead", by=YEAR), **plan)
    assert named(shelf) == ["ahead", "before"]
    for number, name in enumerate(("first", "second", "third")):
        result = shelf.take_all([small], job(name, by=number * DAY), **plan)
        assert "skipped" not in result, "one of next year is not one of two minutes ago"
    # What lies in the future is kept, and takes no place of those that are right.
    assert named(shelf) == ["ahead", "third", "second"]
    assert {state[PRIMARY] for state in shelf.states()} == {"verified"}
    whole(shelf)


def test_a_year_ahead_never_loses_the_last_one(shelf: Shelf, small: SqliteSource) -> None:
    shelf.take(small, job("before"), retention={"days": 1})
    broken = Meddled(small, contents=lambda one: replace(one, tables={}))
    with pytest.raises(Damaged):
        shelf.take(broken, job("ahead", by=YEAR), retention={"days": 1})
    assert named(shelf) == ["ahead", "before"]
    assert shelf.states() == [{PRIMARY: "damaged"}, {PRIMARY: "verified"}]


@pytest.mark.parametrize("by", [YEAR, -DAY], ids=["a year ahead", "a day back"])
@pytest.mark.parametrize("step", ["in_dump", "after_dump", "in_restore"])
def test_a_jump_within_a_backup(
    shelf: Shelf, small: SqliteSource, step: str, by: timedelta
) -> None:
    clock = Moved(timedelta())
    shelf.take(small, job("before", by=-10 * DAY))
    steps: dict[str, Any] = {step: lambda: setattr(clock, "by", by)}
    given = job_of(job_id="jumped", clock=clock)
    taken = shelf.take(Meddled(small, **steps), given, retention={"days": 30})
    assert taken["duration_seconds"] >= 0
    assert {state[PRIMARY] for state in shelf.states()} == {"verified"}
    assert "jumped" in named(shelf)
    shelf.take(small, job("after", by=DAY), retention={"days": 30})
    assert named(shelf)[0] == "after"
    ages = [one.summary.started_at for one in shelf.backups()]
    assert ages == sorted(ages, reverse=True)
    whole(shelf)


def test_a_day_back_and_the_next_is_taken(shelf: Shelf, small: SqliteSource) -> None:
    shelf.take(small, job("noon"))
    with pytest.raises(Skipped, match="two minutes ago"):  # so it is when clocks are right
        shelf.take_all([small], job("at once", by=30 * SECOND))
    with pytest.raises(Skipped, match="two minutes ago"):  # and when they differ a little
        shelf.take_all([small], job("at once, of a clock that is a little late", by=-SECOND))
    shelf.take(small, job("a day back", by=-DAY))
    assert named(shelf) == ["noon", "a day back"]


def test_two_of_one_second_have_names_of_their_own(shelf: Shelf, small: SqliteSource) -> None:
    class Still(Moved):
        instant = Moved(timedelta()).now().replace(microsecond=0)

        def now(self):  # type: ignore[no-untyped-def]
            return self.instant + self.by

    still = [
        job_of(job_id=name, schedule_id=name, clock=Still(timedelta())) for name in ("one", "two")
    ]
    blobs = {shelf.take(small, each)["blob"] for each in still}
    assert len(blobs) == 2
    one = shelf.backups()[0]
    for _ in range(2):  # the same instant, so reports must not have the same name
        shelf_job = replace(still[0], job_id="verify")
        _prove(shelf, small, one.id, shelf_job)
    assert len(shelf.backups()[0].copies[0].reports) == 3
    whole(shelf)


def _prove(shelf: Shelf, source: SqliteSource, backup_id: str, given: Any) -> None:
    verify(Given(source), shelf.catalog, VerifyOrder(backup_id=backup_id), given)


def test_the_last_word_on_a_copy_is_the_last_though_a_clock_went_back(
    shelf: Shelf, small: SqliteSource
) -> None:
    """It was proved next year, and is found damaged today."""
    taken = shelf.take(small, job(by=YEAR))
    with shelf.container() as client:
        Container(client).change(taken["blob"], flip(40))
    with pytest.raises(Damaged):
        prove(shelf, small, taken["id"])
    assert shelf.states() == [{PRIMARY: "damaged"}]
    with shelf.container() as client:
        Container(client).change(taken["blob"], flip(40))
    prove(shelf, small, taken["id"])
    assert shelf.states() == [{PRIMARY: "verified"}]
