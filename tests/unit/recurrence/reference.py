"""The rule for clock changes, written a second time as a definition: minute by minute, slowly.

It shares no code with the product: `croniter.expand` gives the values, `astimezone` the walls.
"""

from __future__ import annotations

import functools
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo, available_timezones

from croniter import croniter

MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
NEAR = timedelta(hours=31)


def utc(text: str) -> datetime:
    """`2025-03-09 07:00` as an instant."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


class Match:
    """Whether a wall minute matches an expression."""

    def __init__(self, expression: str) -> None:
        fields = expression.split()
        self.fixed = not (fields[0].startswith("*") or fields[1].startswith("*"))
        expanded, nth = croniter.expand(expression)
        self.nth = {int(day): {str(n) for n in which} for day, which in nth.items()}
        self.minutes, self.hours, self.days, self.months, self.weekdays = (
            {int(value) if str(value).isdigit() else str(value) for value in values}
            for values in expanded
        )
        self.either = "*" not in self.days and "*" not in self.weekdays
        self._cached_day: tuple[date, bool] = (date.min, False)

    def __call__(self, wall: datetime) -> bool:
        return (
            ("*" in self.minutes or wall.minute in self.minutes)
            and ("*" in self.hours or wall.hour in self.hours)
            and self.day(wall.date())
        )

    def day(self, day: date) -> bool:
        if self._cached_day[0] != day:
            self._cached_day = (day, self._day(day))
        return self._cached_day[1]

    def _day(self, day: date) -> bool:
        if "*" not in self.months and day.month not in self.months:
            return False
        in_month = "*" in self.days or self._in_month(day)
        in_week = "*" in self.weekdays or self._in_week(day)
        return (in_month or in_week) if self.either else (in_month and in_week)

    def _in_month(self, day: date) -> bool:
        return day.day in self.days or ("l" in self.days and (day + timedelta(days=1)).day == 1)

    def _in_week(self, day: date) -> bool:
        weekday = day.isoweekday() % 7
        if not self.nth:
            return weekday in self.weekdays
        which = self.nth.get(weekday, set())
        last = (day + timedelta(days=7)).month != day.month
        return str((day.day + 6) // 7) in which or ("l" in which and last)


class Matches(Protocol):
    """Whether a wall minute is named, and how clock changes are taken."""

    @property
    def fixed(self) -> bool: ...
    def __call__(self, wall: datetime) -> bool: ...


@dataclass(frozen=True, slots=True)
class Shown:
    """One minute of real time, and what clocks show."""

    instant: datetime
    wall: datetime
    again: bool
    skipped: tuple[datetime, ...]
    """The wall minutes that clocks jumped over to get here."""


def shown(zone: ZoneInfo, begin: datetime, end: datetime) -> list[Shown]:
    """Every minute after `begin` up to `end`."""
    return list(_shown(zone, begin, end))


def _shown(zone: ZoneInfo, begin: datetime, end: datetime) -> Iterator[Shown]:
    instant = begin.astimezone(UTC).replace(second=0, microsecond=0)
    before = instant.astimezone(zone).replace(tzinfo=None)
    while (instant := instant + MINUTE) <= end:
        local = instant.astimezone(zone)
        wall = local.replace(tzinfo=None)
        skipped = []
        while (before := before + MINUTE) < wall:
            skipped.append(before)
        yield Shown(instant, wall, bool(local.fold), tuple(skipped))
        before = wall


def expected(match: Matches, minutes: Iterable[Shown]) -> list[datetime]:
    """The occurrences, by the definition of the rule."""
    if match.fixed:
        return [
            at.instant
            for at in minutes
            if (not at.again and match(at.wall)) or any(match(wall) for wall in at.skipped)
        ]
    return [at.instant for at in minutes if match(at.wall)]


@dataclass(frozen=True, slots=True)
class Change:
    """A change of offset."""

    at: datetime
    before: timedelta
    after: timedelta

    @property
    def whole_minutes(self) -> bool:
        return not (self.before % MINUTE or self.after % MINUTE)


def changes(zone: ZoneInfo, begin: datetime, end: datetime) -> tuple[Change, ...]:
    """Every change of offset, found by looking every three days (no two are nearer) and halving."""
    found = []
    step = timedelta(days=3)
    offset = begin.astimezone(zone).utcoffset()
    assert offset is not None
    while begin < end:
        later = begin + step
        new = later.astimezone(zone).utcoffset()
        assert new is not None
        if new != offset:
            found.append(Change(_halve(zone, begin, later), offset, new))
            offset = new
        begin = later
    return tuple(found)


def _halve(zone: ZoneInfo, low: datetime, high: datetime) -> datetime:
    new = high.astimezone(zone).utcoffset()
    while high - low > SECOND:
        middle = low + (high - low) // SECOND // 2 * SECOND
        if middle.astimezone(zone).utcoffset() == new:
            high = middle
        else:
            low = middle
    return high


@functools.cache
def zones(first_year: int, last_year: int) -> dict[tuple[Change, ...], list[str]]:
    """Every IANA zone, those with the same changes in those years together."""
    begin, end = utc(f"{first_year}-01-01"), utc(f"{last_year + 1}-01-01")
    found: dict[tuple[Change, ...], list[str]] = {}
    for name, known in _every_change().items():
        within = tuple(change for change in known if begin < change.at < end)
        found.setdefault(within, []).append(name)
    return found


@functools.cache
def _every_change() -> dict[str, tuple[Change, ...]]:
    """Those of every IANA zone from 1970 to 2037."""
    names = sorted(available_timezones() - {"localtime", "Factory"})
    begin, end = utc("1970-01-01"), utc("2038-01-01")
    return {name: changes(ZoneInfo(name), begin, end) for name in names}


def distinct_changes(first_year: int, last_year: int) -> list[tuple[str, Change]]:
    """Every change in every zone, those that are the same in two zones once.

    Two are the same when clocks change equally at one instant, and have no unlike change near it:
    within `NEAR` both zones show the same wall times.
    """
    found: dict[tuple[Change, ...], tuple[str, Change]] = {}
    for all_of_zone, (name, *_) in zones(first_year, last_year).items():
        for change in all_of_zone:
            key = tuple(each for each in all_of_zone if abs(each.at - change.at) <= NEAR)
            found.setdefault((change, *key), (name, change))
    return list(found.values())


@dataclass(frozen=True, slots=True)
class Listed:
    """Wall minutes that are listed: by another library, or without those that others name."""

    fixed: bool
    walls: Container[datetime]
    excluded: tuple[Match, ...] = ()

    def __call__(self, wall: datetime) -> bool:
        return wall in self.walls and not any(out(wall) for out in self.excluded)


class Sieved:
    """An expression's minutes, without those of others."""

    def __init__(self, expression: str, excluded: Iterable[str]) -> None:
        self._named = Match(expression)
        self._excluded = [Match(each) for each in excluded]
        self.fixed = self._named.fixed

    def __call__(self, wall: datetime) -> bool:
        return self._named(wall) and not any(out(wall) for out in self._excluded)


def expected_of_several(
    named: Iterable[str], excluded: Iterable[str], minutes: Sequence[Shown]
) -> list[datetime]:
    """What is an occurrence of one is one of all."""
    excluded = list(excluded)
    found = (expected(Sieved(expression, excluded), minutes) for expression in named)
    return sorted({at for each in found for at in each})
