"""A cron expression's meaning: which minutes, hours and days of the local calendar it names.

Five fields: minute, hour, day of month, month, day of week (0-7, Sunday is 0 and 7), with names,
ranges, steps, lists, `?`, `L`, `W` and `#` (C1). When both day fields restrict, a day that fits
either one is a match (Vixie cron); a day field restricts unless it names every day and one of the
two is written with a `*`. croniter has the same rule, except that it lets `*/1` restrict.
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
from shared.recurrence.walls import LAST_YEAR, Walls

_LAST_DAY = (0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


@dataclass(frozen=True, kw_only=True, slots=True)
class Cron(Walls):
    """The parsed expression. Sequences are sorted."""

    minutes: Sequence[int]
    hours: Sequence[int]
    months: Sequence[int]
    in_month: Sequence[int] | None
    """Days of the month, 0 for the last one (`L`), -3 for the third before it (`L-3`); None when
    the field does not restrict."""
    nearest: Sequence[int]
    """Days of the month whose nearest weekday is meant (`15W`), 0 for the last one (`LW`); then
    `in_month` is not None."""
    in_week: Sequence[int] | None
    """Days of the week, Sunday is 0; None when the field does not restrict."""
    nth: Sequence[tuple[int, int]]
    """(weekday, which one in the month), -1 for the last; then `in_week` is not None."""
    every_day: bool
    """No day is excluded."""
    fixed: bool
    """Neither minute nor hour starts with `*`: it names times of day."""

    def next(self, wall: datetime, last_year: int = LAST_YEAR) -> datetime | None:
        """As in `Walls`, in two steps.

        1. Today, if the day matches: the first time of day from now on.
        2. Else the first later day that matches, at the first time of day.
        """
        year, month, number = wall.year, wall.month, wall.day
        day = None if self.every_day else self.next_day(year, month, number, last_year)
        if self.every_day or day == wall.date():
            later = self._time_from(wall.hour, wall.minute)
            if later is not None:
                return wall.replace(hour=later[0], minute=later[1])
            day = self.next_day(year, month, number + 1, last_year)
        if day is None:
            return None
        return datetime.combine(day, time(self.hours[0], self.minutes[0]))

    def _time_from(self, hour: int, minute: int) -> tuple[int, int] | None:
        """The first matching hour and minute of a day, from these on."""
        hours, minutes = self.hours, self.minutes
        at = bisect_left(hours, hour)
        if at < len(hours) and hours[at] == hour:
            within = bisect_left(minutes, minute)
            if within < len(minutes):
                return hour, minutes[within]
            at += 1
        return (hours[at], minutes[0]) if at < len(hours) else None

    def next_day(self, year: int, month: int, day: int, last_year: int = LAST_YEAR) -> date | None:
        """The first matching day from that one on; `day` may lie past the end of the month.

        Ends: `parse` refuses what never occurs, and years are bounded.
        """
        while year <= last_year:
            days = self.days(year, month)
            at = bisect_left(days, day)
            if at < len(days):
                return date(year, month, days[at])
            year, month, day = (year + 1, 1, 1) if month == 12 else (year, month + 1, 1)
        return None

    def days(self, year: int, month: int) -> Sequence[int]:
        """The days of that month that match, sorted."""
        if month not in self.months:
            return ()
        last = month_length(year, month)
        if self.in_month is None and self.in_week is None:
            return range(1, last + 1)
        found: set[int] = set()
        first = date(year, month, 1).isoweekday()
        for day in self.in_month or ():
            if 1 - last <= day <= last:
                found.add(day if day > 0 else last + day)
        for day in self.nearest:
            if day <= last:
                found.add(_nearest_weekday(day or last, first, last))
        for weekday in self.in_week or ():
            found.update(range((weekday - first) % 7 + 1, last + 1, 7))
        for weekday, which in self.nth:
            all_of_them = range((weekday - first) % 7 + 1, last + 1, 7)
            if which <= len(all_of_them):
                found.add(all_of_them[which if which < 0 else which - 1])
        return sorted(found)

    def times(self, year: int, month: int, day: int) -> Sequence[int]:  # noqa: ARG002
        return self.day_times()

    def day_times(self) -> Sequence[int]:
        return [60 * hour + minute for hour in self.hours for minute in self.minutes]

    def size(self, year: int, month: int) -> int:
        return len(self.days(year, month)) * len(self.hours) * len(self.minutes)

    def _before(self, wall: datetime) -> int:
        days = self.days(wall.year, wall.month)
        at = bisect_left(days, wall.day)
        found = at * len(self.hours) * len(self.minutes)
        if at == len(days) or days[at] != wall.day:
            return found
        hour, minute = divmod(self._minute(wall), 60)
        hours = bisect_left(self.hours, hour)
        found += hours * len(self.minutes)
        if hours < len(self.hours) and self.hours[hours] == hour:
            found += bisect_left(self.minutes, minute)
        return found


@functools.lru_cache(maxsize=4096)
def parse(expression: str) -> Cron:
    """The expression's meaning; raises `InvalidRecurrence` naming `cron_expression`."""
    texts = syntax.split(expression)
    named = syntax.expand(texts)
    values = named.values
    in_month = _restriction(DAY, values[DAY], texts)
    if in_month is not None and named.from_last:
        in_month = (*named.from_last, *in_month)
    in_week = _restriction(WEEKDAY, values[WEEKDAY], texts)
    if in_week is None and in_month is not None:
        _refuse_never(in_month, named.nearest, values[MONTH], texts)
    return Cron(
        minutes=values[MINUTE],
        hours=values[HOUR],
        months=values[MONTH],
        in_month=in_month,
        nearest=named.nearest if in_month is not None else (),
        in_week=in_week,
        nth=named.nth if in_week is not None else (),
        every_day=in_month is None and in_week is None and len(values[MONTH]) == 12,
        fixed=texts[MINUTE][0] != "*" and texts[HOUR][0] != "*",
    )


@functools.lru_cache(maxsize=4096)
def check(expression: str) -> None:
    """Raise `InvalidRecurrence` for what `parse` refuses, and for what can only be a mistake."""
    if "/" in expression:
        syntax.refuse_steps(syntax.split(expression))
    parse(expression)


def _restriction(field: int, values: Sequence[int], texts: Sequence[str]) -> Sequence[int] | None:
    if len(values) < len(FIELDS[field].every):
        return values
    starred = texts[field] == "?" or "*" in texts[DAY] or "*" in texts[WEEKDAY]
    return None if starred else values


def _refuse_never(
    in_month: Sequence[int], nearest: Sequence[int], months: Sequence[int], texts: Sequence[str]
) -> None:
    longest = 29 if tuple(months) == (2,) else max(_LAST_DAY[month] for month in months)
    if any(1 - longest <= day <= longest for day in (*in_month, *nearest)):
        return
    raise InvalidRecurrence(
        "cron_expression",
        f"day of month {texts[DAY]!r} in month {texts[MONTH]!r} never occurs; "
        f"the latest day there is {longest}",
    )


def _nearest_weekday(day: int, first: int, last: int) -> int:
    """The day from Monday to Friday that is nearest, within the month.

    `first`: the weekday of the 1st, Monday is 1. `last`: the last day of the month.
    """
    weekday = (first + day - 2) % 7 + 1
    if weekday == 6:
        return day - 1 if day > 1 else day + 2
    if weekday == 7:
        return day + 1 if day < last else day - 2
    return day


def month_length(year: int, month: int) -> int:
    """How many days a month has."""
    return 29 if month == 2 and _leap(year) else _LAST_DAY[month]


def _leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
