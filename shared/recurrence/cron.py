"""A cron expression's meaning: which minutes, hours and days of the local calendar it names.

Five fields: minute, hour, day of month, month, day of week (0-7, Sunday is 0 and 7), with names,
ranges, steps, lists, `?`, `L` and `#` (C1). When both day fields restrict, a day that fits either
one is a match (Vixie cron); a day field restricts unless it names every day and one of the two is
written with a `*`. croniter has the same rule, except that it lets `*/1` restrict.
"""

from __future__ import annotations

import functools
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time

from shared.recurrence import syntax
from shared.recurrence.fields import DAY, FIELDS, HOUR, MINUTE, MONTH, WEEKDAY
from shared.recurrence.invalid import InvalidRecurrence

_LAST_DAY = (0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_LAST_YEAR = 9998


@dataclass(frozen=True, kw_only=True, slots=True)
class Cron:
    """The parsed expression. Sequences are sorted."""

    minutes: Sequence[int]
    hours: Sequence[int]
    months: Sequence[int]
    days: Sequence[int] | None
    """Days of the month, 0 for the last one (`L`); None when the field does not restrict."""
    weekdays: Sequence[int] | None
    """Sunday is 0; None when the field does not restrict."""
    nth: Sequence[tuple[int, int]]
    """(weekday, which one in the month), -1 for the last; then `weekdays` is empty."""
    every_day: bool
    """No day is excluded."""
    fixed: bool
    """Neither minute nor hour starts with `*`: it names times of day."""


@functools.lru_cache(maxsize=4096)
def parse(expression: str) -> Cron:
    """The expression's meaning; raises `InvalidRecurrence` naming `cron_expression`."""
    texts = syntax.split(expression)
    named = syntax.expand(texts)
    values, nth = named.values, named.nth
    days = _days(values[DAY], texts, last_day=named.last_day)
    weekdays = () if nth else _restriction(WEEKDAY, values[WEEKDAY], texts)
    if weekdays is None and days is not None:
        _refuse_never(days, values[MONTH], texts)
    return Cron(
        minutes=values[MINUTE],
        hours=values[HOUR],
        months=values[MONTH],
        days=days,
        weekdays=weekdays,
        nth=nth,
        every_day=days is None and weekdays is None and len(values[MONTH]) == 12,
        fixed=texts[MINUTE][0] != "*" and texts[HOUR][0] != "*",
    )


@functools.lru_cache(maxsize=4096)
def check(expression: str) -> None:
    """Raise `InvalidRecurrence` for what `parse` refuses, and for what can only be a mistake."""
    if "/" in expression:
        syntax.refuse_steps(syntax.split(expression))
    parse(expression)


def _days(values: Sequence[int], texts: Sequence[str], *, last_day: bool) -> Sequence[int] | None:
    restriction = _restriction(DAY, values, texts)
    return (0, *restriction) if last_day and restriction is not None else restriction


def _restriction(field: int, values: Sequence[int], texts: Sequence[str]) -> Sequence[int] | None:
    if len(values) < len(FIELDS[field].every):
        return values
    starred = texts[field] == "?" or "*" in texts[DAY] or "*" in texts[WEEKDAY]
    return None if starred else values


def _refuse_never(days: Sequence[int], months: Sequence[int], texts: Sequence[str]) -> None:
    longest = 29 if tuple(months) == (2,) else max(_LAST_DAY[month] for month in months)
    if days[0] > longest:
        raise InvalidRecurrence(
            "cron_expression",
            f"day of month {texts[DAY]!r} in month {texts[MONTH]!r} never occurs; "
            f"the latest day there is {longest}",
        )


def next_wall(cron: Cron, wall: datetime) -> datetime | None:
    """The first wall minute that matches, at `wall` or later; None if there is none by 9998.

    1. Today, if the day matches: the first time of day from now on.
    2. Else the first later day that matches, at the first time of day.
    """
    today = wall.date()
    day = today if cron.every_day else next_day(cron, wall.year, wall.month, wall.day)
    if day == today:
        later = _time_from(cron, wall.hour, wall.minute)
        if later is not None:
            return datetime.combine(day, later)
        day = next_day(cron, wall.year, wall.month, wall.day + 1)
    if day is None:
        return None
    return datetime.combine(day, time(cron.hours[0], cron.minutes[0]))


def _time_from(cron: Cron, hour: int, minute: int) -> time | None:
    """The first matching time of day that is not before hour:minute."""
    hours, minutes = cron.hours, cron.minutes
    at = bisect_left(hours, hour)
    if at < len(hours) and hours[at] == hour:
        within = bisect_left(minutes, minute)
        if within < len(minutes):
            return time(hour, minutes[within])
        at += 1
    return time(hours[at], minutes[0]) if at < len(hours) else None


def next_day(cron: Cron, year: int, month: int, day: int) -> date | None:
    """The first matching day from that one on; `day` may lie past the end of the month.

    Ends: `parse` refuses what never occurs, and years are bounded.
    """
    while year <= _LAST_YEAR:
        if month in cron.months:
            days = _days_of(cron, year, month)
            at = bisect_left(days, day)
            if at < len(days):
                return date(year, month, days[at])
        year, month, day = (year + 1, 1, 1) if month == 12 else (year, month + 1, 1)
    return None


def _days_of(cron: Cron, year: int, month: int) -> Sequence[int]:
    """The days of that month that match, sorted."""
    last = 29 if month == 2 and _leap(year) else _LAST_DAY[month]
    days, weekdays = cron.days, cron.weekdays
    if days is None and weekdays is None:
        return range(1, last + 1)
    found: set[int] = set()
    if days is not None:
        found.update(day or last for day in days if day <= last)
    if weekdays is not None:
        first = date(year, month, 1).isoweekday()
        for weekday in weekdays:
            found.update(range((weekday - first) % 7 + 1, last + 1, 7))
        for weekday, which in cron.nth:
            all_of_them = range((weekday - first) % 7 + 1, last + 1, 7)
            if which <= len(all_of_them):
                found.add(all_of_them[which if which < 0 else which - 1])
    return sorted(found)


def _leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
