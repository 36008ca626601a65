"""Which schedules fit a list's filters, and which of them are on a page: pure functions of the
columns."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from shared.listing.columns import (
    ENABLED,
    FREQUENCIES,
    NO_PROJECT,
    ONCE,
    STATES,
    Columns,
    Key,
    micros,
)
from shared.listing.wanted import Sort, Wanted

Filter = Callable[[Sequence[int]], list[int]]
"""The slots of those schedules that fit, of these slots."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Chosen:
    """A page of a list."""

    ids: Sequence[str]
    """In the order of the list."""
    total: int
    """How many there are on all pages."""
    before: int
    """How many come before the page."""
    last: Key | None
    """The place of the page's last, if there are more after it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Counts:
    """Schedules, counted."""

    total: int = 0
    enabled: int = 0
    by_frequency: Mapping[str, int] = field(default_factory=dict)

    @property
    def disabled(self) -> int:
        return self.total - self.enabled


class Tagged(NamedTuple):
    """A schedule that has a tag: what is needed of a hundred thousand of them."""

    id: str
    project_id: int | None
    revision: int


def fitting(columns: Columns, wanted: Wanted, sort: Sort) -> list[int]:
    """The slots of the schedules that fit, in the order's own direction (ascending)."""
    found: Sequence[int] = columns.order(sort)
    for fitting_of in _filters(columns, wanted):
        found = fitting_of(found)
    return list(found)


def page(
    columns: Columns, found: Sequence[int], sort: Sort, size: int, *, start: int, after: Key | None
) -> Chosen:
    """The page of `size` that begins with number `start` (from 0), or right after a place."""
    key = columns.key(sort)
    total = len(found)
    backwards = sort is Sort.NEWEST
    if after is not None:
        start = (
            total - bisect_left(found, after, key=key)
            if backwards
            else bisect_right(found, after, key=key)
        )
    end = min(start + size, total)
    shown = found[max(total - end, 0) : max(total - start, 0)] if backwards else found[start:end]
    slots = list(reversed(shown)) if backwards else list(shown)
    more = bool(slots) and end < total
    return Chosen(
        ids=[columns.ids[slot] for slot in slots],
        total=total,
        before=min(start, total),
        last=key(slots[-1]) if more else None,
    )


def counted(columns: Columns, found: Sequence[int]) -> Counts:
    """These schedules, counted."""
    codes = Counter(map(columns.frequencies.__getitem__, found))
    by_frequency = {FREQUENCIES[code].value: number for code, number in codes.items()}
    return Counts(
        total=len(found),
        enabled=sum(columns.marks[slot] & ENABLED for slot in found),
        by_frequency=dict(sorted(by_frequency.items())),
    )


def tagged(columns: Columns, name: str) -> dict[str, list[Tagged]]:
    """By the value of that tag, the schedules that have it, without those of single runs and those
    that were deleted."""
    values = {
        number: value
        for number, tags in enumerate(columns.tag_words.all)
        for tag, value in tags
        if tag == name
    }
    found: dict[str, list[Tagged]] = {}
    for slot in columns.slots():
        value = values.get(columns.tags[slot])
        if value is not None and not columns.deleted[slot] and not columns.marks[slot] & ONCE:
            project = columns.projects[slot]
            one = Tagged(
                columns.ids[slot],
                None if project == NO_PROJECT else project,
                columns.revisions[slot],
            )
            found.setdefault(value, []).append(one)
    return found


def _filters(columns: Columns, wanted: Wanted) -> Iterator[Filter]:
    """The filters, those first that leave the fewest or cost the least."""
    if wanted.project_id is not None:
        yield _is(columns.projects, wanted.project_id)
    if wanted.of_none:
        yield _is(columns.projects, NO_PROJECT)
    if wanted.projects is not None:
        yield _among(columns.projects, wanted.projects)
    yield from _of_words(columns, wanted)
    yield from _of_codes(columns, wanted)
    yield _kept(columns, wanted)
    if wanted.text:
        text, names = wanted.text.casefold(), columns.names
        yield lambda found: [slot for slot in found if text in names[slot].casefold()]


def _of_words(columns: Columns, wanted: Wanted) -> Iterator[Filter]:
    if (types := wanted.task_types) is not None:
        yield _among(columns.tasks, columns.task_words.numbers(types.__contains__))
    if wanted.tags:
        asked = frozenset(wanted.tags)
        yield _among(columns.tags, columns.tag_words.numbers(asked.issubset))
    if (calendar := wanted.calendar) is not None:
        fit = columns.calendar_words.numbers(lambda names: calendar in names)
        yield _among(columns.calendars, fit)


def _of_codes(columns: Columns, wanted: Wanted) -> Iterator[Filter]:
    marks = columns.marks
    if wanted.state is not None:
        yield _is(columns.states, STATES.index(wanted.state))
    if wanted.frequency is not None:
        yield _is(columns.frequencies, FREQUENCIES.index(wanted.frequency))
    if wanted.enabled is not None:
        on = ENABLED if wanted.enabled else 0
        yield lambda found: [slot for slot in found if marks[slot] & ENABLED == on]
    if not wanted.once:
        yield lambda found: [slot for slot in found if not marks[slot] & ONCE]


def _kept(columns: Columns, wanted: Wanted) -> Filter:
    deleted = columns.deleted
    if wanted.deleted_since is None:
        return lambda found: [slot for slot in found if not deleted[slot]]
    first = micros(wanted.deleted_since)
    return lambda found: [slot for slot in found if not deleted[slot] or deleted[slot] >= first]


def _is(column: Sequence[int], value: int) -> Filter:
    return lambda found: [slot for slot in found if column[slot] == value]


def _among(column: Sequence[int], values: set[int] | frozenset[int]) -> Filter:
    return lambda found: [slot for slot in found if column[slot] in values]
