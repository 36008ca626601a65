"""What is chosen from the columns is what one finds by looking at each schedule."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from shared.listing import choice
from shared.listing.columns import Columns
from shared.listing.wanted import Sort, Wanted
from shared.schedules.listed import Listed
from tests.unit.listing.strategies import IDS, LISTED, WANTED

CHANGES = st.lists(st.one_of(LISTED, IDS), max_size=25)
"""A schedule that is put, or the id of one that is removed."""


def fits(one: Listed, wanted: Wanted) -> bool:
    return (
        (wanted.projects is None or one.project_id in wanted.projects)
        and wanted.project_id in (None, one.project_id)
        and not (wanted.of_none and one.project_id is not None)
        and wanted.enabled in (None, one.enabled)
        and (wanted.task_types is None or one.task_type in wanted.task_types)
        and wanted.frequency in (None, one.frequency)
        and set(wanted.tags) <= set(one.tags)
        and wanted.state in (None, one.state)
        and wanted.text.casefold() in one.name.casefold()
        and (wanted.calendar is None or wanted.calendar in one.calendars)
        and (wanted.once or not one.once)
        and (one.deleted_at is None or _lately(one, wanted))
    )


def _lately(one: Listed, wanted: Wanted) -> bool:
    since = wanted.deleted_since
    return since is not None and one.deleted_at is not None and one.deleted_at >= since


def ordered(found: list[Listed], sort: Sort) -> list[Listed]:
    if sort is Sort.NAME:
        return sorted(found, key=lambda one: (one.name.casefold(), one.id))
    return sorted(found, key=lambda one: (one.created_at, one.id), reverse=True)


def changed(changes: list[Listed | str], columns: Columns) -> dict[str, Listed]:
    plain: dict[str, Listed] = {}
    for one in changes:
        if isinstance(one, str):
            columns.remove(one)
            plain.pop(one, None)
        else:
            columns.put(one, 0)
            plain[one.id] = one
    return plain


@given(CHANGES, WANTED, st.sampled_from(Sort), st.integers(1, 4), st.booleans())
def test_pages_have_what_fits_in_order(
    changes: list[Listed | str], wanted: Wanted, sort: Sort, size: int, early: bool
) -> None:
    columns = Columns()
    if early:  # the orders are then kept in step, and not made at the end
        for one in Sort:
            columns.order(one)
    plain = changed(changes, columns)
    expected = [one.id for one in ordered([x for x in plain.values() if fits(x, wanted)], sort)]
    slots = choice.fitting(columns, wanted, sort)
    by_page: list[str] = []
    for start in range(0, len(expected) + 1, size):
        page = choice.page(columns, slots, sort, size, start=start, after=None)
        assert (page.total, page.before) == (len(expected), start)
        assert (page.last is None) == (start + size >= len(expected))
        by_page += page.ids
    assert by_page == expected
    walked: list[str] = []
    after: Any = None
    while True:
        page = choice.page(columns, slots, sort, size, start=0, after=after)
        assert page.before == len(walked)
        walked += page.ids
        if (after := page.last) is None:
            break
    assert walked == expected


@given(CHANGES)
def test_each_is_known_as_it_was_put(changes: list[Listed | str]) -> None:
    columns = Columns()
    plain = changed(changes, columns)
    assert {one: columns.get(one) for one in columns.known()} == plain
    assert len(columns) == len(plain) and columns.get("other") is None


@given(CHANGES, st.lists(LISTED, max_size=9))
def test_to_fill_a_shard_replaces_that_shard_only(
    changes: list[Listed | str], many: list[Listed]
) -> None:
    columns = Columns()
    plain = changed(changes, columns)
    new = {f"n{one.id}": one for one in many}
    for number, one in new.items():
        columns.put(_as(one, number), 1)
    columns.order(Sort.NAME)
    columns.fill([_as(one, f"n{number}") for number, one in enumerate(many)], 1)
    expected = set(plain) | {f"n{number}" for number in range(len(many))}
    assert set(columns.known()) == expected
    assert len(columns.order(Sort.NAME)) == len(expected)


def _as(one: Listed, schedule_id: str) -> Listed:
    return replace(one, id=schedule_id)


@given(CHANGES, WANTED)
def test_counts_are_of_what_fits(changes: list[Listed | str], wanted: Wanted) -> None:
    columns = Columns()
    found = [one for one in changed(changes, columns).values() if fits(one, wanted)]
    made = choice.counted(columns, choice.fitting(columns, wanted, Sort.NEWEST))
    assert made.total == len(found)
    assert made.enabled == sum(one.enabled for one in found)
    assert made.disabled == sum(not one.enabled for one in found)
    assert sum(made.by_frequency.values()) == len(found)
