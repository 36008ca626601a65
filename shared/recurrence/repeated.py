"""The wall times that a recurrence rule names (RFC 5545), from the wall time at which it starts.

The periods of a rule (its years, months, weeks, ...) are counted from the start, so every
INTERVAL-th is found by a division, however long ago the start is. A part that the rule leaves out
is that of the start: the day, the weekday, the hour, the minute, and always the second.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from itertools import groupby

from shared.recurrence.cron import month_length
from shared.recurrence.rrule import Freq, RRule
from shared.recurrence.walls import Walls

_DAY = 1440
_KEPT = 64
"""So many months of a rule with BYSETPOS are remembered."""


class Repeated(Walls):
    """A rule and its start."""

    __slots__ = (
        "_minutes",
        "_month_days",
        "_months",
        "_picked",
        "_rule",
        "_start",
        "_times",
        "_weekdays",
    )

    def __init__(self, rule: RRule, start: datetime) -> None:
        self._rule = rule
        self._start = start
        self._months = rule.months
        self._month_days: Sequence[int] = rule.month_days
        self._weekdays: Sequence[int] = rule.weekdays
        if not (rule.month_days or rule.weekdays or rule.nth):
            self._default_days()
        self._minutes = rule.minutes or (start.minute,)
        hours = rule.hours or (start.hour,)
        self._times: Sequence[int] = tuple(60 * h + m for h in hours for m in self._minutes)
        self._picked: dict[tuple[int, int], dict[int, Sequence[int]]] = {}
        if rule.positions and rule.freq is Freq.DAILY:
            self._times = _picks(self._times, rule.positions)
        if rule.positions and rule.freq is Freq.HOURLY:
            self._minutes = _picks(self._minutes, rule.positions)

    def _default_days(self) -> None:
        freq, start = self._rule.freq, self._start
        if freq is Freq.YEARLY and not self._months:
            self._months = (start.month,)
        if freq in (Freq.YEARLY, Freq.MONTHLY):
            self._month_days = (start.day,)
        if freq is Freq.WEEKLY:
            self._weekdays = (start.weekday(),)

    @property
    def second(self) -> int:
        return self._start.second

    def days(self, year: int, month: int) -> Sequence[int]:
        days = self._with_positions(year, month) if self._is_picked else self._days(year, month)
        start = self._start
        if not self._rule.freq.fixed or (year, month) > (start.year, start.month):
            return days
        return (
            days[bisect_left(days, start.day) :]
            if (year, month) == (start.year, start.month)
            else ()
        )

    def times(self, year: int, month: int, day: int) -> Sequence[int]:
        rule, start = self._rule, self._start
        if not rule.freq.fixed:
            return self._elapsed_times(date(year, month, day).toordinal())
        times = self._picked_in(year, month).get(day, ()) if self._is_picked else self._times
        if (year, month, day) == (start.year, start.month, start.day):
            return times[bisect_left(times, 60 * start.hour + start.minute) :]
        return times

    def day_times(self) -> Sequence[int]:
        rule, start = self._rule, self._start
        if rule.freq.fixed:
            return self._times
        if rule.freq is Freq.HOURLY:
            hours = _residues(start.hour, rule.interval, 24)
            return [60 * h + m for h in self._allowed(hours) for m in self._minutes]
        at = _residues(60 * start.hour + start.minute, rule.interval, _DAY)
        return [each for each in at if self._allows(each)]

    def size(self, year: int, month: int) -> int:
        start = self._start
        if (
            self._is_picked
            or not self._rule.freq.fixed
            or (year, month) <= (start.year, start.month)
        ):
            return super().size(year, month)
        return len(self._days(year, month)) * len(self._times)

    def later(self, year: int, month: int) -> tuple[int, int]:
        freq, interval, start = self._rule.freq, self._rule.interval, self._start
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
        if freq is Freq.MONTHLY:
            index = 12 * year + month - 1
            index += (12 * start.year + start.month - 1 - index) % interval
            return index // 12, index % 12 + 1
        if freq is Freq.YEARLY and (ahead := (start.year - year) % interval):
            return year + ahead, 1
        return year, month

    # Days.

    def _days(self, year: int, month: int) -> Sequence[int]:
        """The days of a month, without BYSETPOS, and also those before the start."""
        if self._months and month not in self._months:
            return ()
        rule, start = self._rule, self._start
        last = month_length(year, month)
        first = date(year, month, 1)
        days: Sequence[int] = range(1, last + 1)
        if rule.freq is Freq.YEARLY and (year - start.year) % rule.interval:
            return ()
        if (
            rule.freq is Freq.MONTHLY
            and (12 * (year - start.year) + month - start.month) % rule.interval
        ):
            return ()
        if rule.freq is Freq.DAILY:
            days = days[(start.toordinal() - first.toordinal()) % rule.interval :: rule.interval]
        if self._month_days:
            days = _in_month(days, self._month_days, last)
        if self._weekdays or rule.nth:
            days = self._in_weeks(days, first, last)
        if rule.freq is Freq.WEEKLY and rule.interval > 1:
            days = [day for day in days if not self._week(first.toordinal() + day - 1)]
        return days

    def _in_weeks(self, days: Sequence[int], first: date, last: int) -> Sequence[int]:
        """Those of the days that BYDAY names."""
        weekday = first.weekday()
        named: set[int] = set()
        for each in self._weekdays:
            named.update(range((each - weekday) % 7 + 1, last + 1, 7))
        for each, which in self._rule.nth:
            named.update(self._nth(each, which, first, last))
        return [day for day in days if day in named]

    def _nth(self, weekday: int, which: int, first: date, last: int) -> Iterable[int]:
        """The day of the month that is the n-th such weekday of its month or year."""
        begin, end = first.toordinal(), first.toordinal() + last - 1
        low, high = begin, end
        if self._rule.freq is Freq.YEARLY and not self._rule.months:
            low, high = date(first.year, 1, 1).toordinal(), date(first.year, 12, 31).toordinal()
        if which > 0:
            found = low + (weekday + 1 - low) % 7 + 7 * (which - 1)
        else:
            found = high - (high - weekday - 1) % 7 + 7 * (which + 1)
        if low <= found <= high and begin <= found <= end:
            yield found - begin + 1

    def _week(self, ordinal: int) -> int:
        """How many weeks after one that counts the week of a day is; 0 if it counts itself."""
        begin = self._rule.week_start + 1  # 0001-01-01, ordinal 1, was a Monday
        weeks = (ordinal - begin) // 7 - (self._start.toordinal() - begin) // 7
        return weeks % self._rule.interval

    # BYSETPOS.

    @property
    def _is_picked(self) -> bool:
        """Whether BYSETPOS picks from a period that is longer than a day."""
        longer = (Freq.YEARLY, Freq.MONTHLY, Freq.WEEKLY)
        return bool(self._rule.positions) and self._rule.freq in longer

    def _with_positions(self, year: int, month: int) -> Sequence[int]:
        return tuple(self._picked_in(year, month))

    def _picked_in(self, year: int, month: int) -> dict[int, Sequence[int]]:
        """The times of each day of a month that has any, in order."""
        found = self._picked.get((year, month))
        if found is None:
            if len(self._picked) >= _KEPT:
                self._picked.clear()
            found = self._picked[year, month] = self._pick(year, month)
        return found

    def _pick(self, year: int, month: int) -> dict[int, Sequence[int]]:
        first, times = date(year, month, 1).toordinal(), self._times
        last = first + month_length(year, month) - 1
        found: dict[int, list[int]] = {}
        for period in self._periods(year, month):
            for at in _picks(range(len(period) * len(times)), self._rule.positions):
                day, time = divmod(at, len(times))
                if first <= period[day] <= last:
                    found.setdefault(period[day] - first + 1, []).append(times[time])
        return {day: found[day] for day in sorted(found)}

    def _periods(self, year: int, month: int) -> Iterator[Sequence[int]]:
        """The days, as ordinals, of every period that has days in a month."""
        if self._rule.freq is Freq.MONTHLY:
            yield self._ordinals(year, month)
        elif self._rule.freq is Freq.YEARLY:
            yield [day for each in range(1, 13) for day in self._ordinals(year, each)]
        else:
            yield from self._weeks(year, month)

    def _weeks(self, year: int, month: int) -> Iterator[Sequence[int]]:
        around = ((year, month - 1), (year, month), (year, month + 1))
        days = [
            day
            for y, m in ((y + (m - 1) // 12, (m - 1) % 12 + 1) for y, m in around)
            for day in self._ordinals(y, m)
        ]
        begin = self._rule.week_start + 1
        for _, week in groupby(days, lambda day: (day - begin) // 7):
            yield list(week)

    def _ordinals(self, year: int, month: int) -> Sequence[int]:
        before = date(year, month, 1).toordinal() - 1
        return [before + day for day in self._days(year, month)]

    # Hours and minutes.

    def _elapsed_times(self, ordinal: int) -> Sequence[int]:
        """The times of a day, for HOURLY and MINUTELY."""
        rule, start = self._rule, self._start
        days = start.toordinal() - ordinal
        if rule.freq is Freq.HOURLY:
            hours = range((24 * days + start.hour) % rule.interval, 24, rule.interval)
            return [60 * h + m for h in self._allowed(hours) for m in self._minutes]
        first = (_DAY * days + 60 * start.hour + start.minute) % rule.interval
        if not rule.hours and not rule.minutes:
            return range(first, _DAY, rule.interval)
        found: list[int] = []
        for begin in (60 * hour for hour in rule.hours or range(24)):
            ahead = (first - begin) % rule.interval
            found += range(begin + ahead, begin + 60, rule.interval)
        return [at for at in found if at % 60 in rule.minutes] if rule.minutes else found

    def _allowed(self, hours: Iterable[int]) -> Iterable[int]:
        return [hour for hour in hours if hour in self._rule.hours] if self._rule.hours else hours

    def _allows(self, time: int) -> bool:
        """Whether BYHOUR and BYMINUTE have this minute of the day."""
        hour, minute = divmod(time, 60)
        rule = self._rule
        return (not rule.hours or hour in rule.hours) and (
            not rule.minutes or minute in rule.minutes
        )


def _in_month(days: Sequence[int], named: Sequence[int], last: int) -> Sequence[int]:
    """Those of the days that BYMONTHDAY names."""
    these = {day if day > 0 else last + 1 + day for day in named}
    return [day for day in days if day in these]


def _picks(found: Sequence[int], positions: Iterable[int]) -> Sequence[int]:
    """What BYSETPOS picks, in order."""
    size = len(found)
    at = {position - 1 if position > 0 else size + position for position in positions}
    return [found[each] for each in sorted(at) if 0 <= each < size]


def _residues(first: int, step: int, cycle: int) -> Iterable[int]:
    """Where in a cycle a series can come to lie."""
    from math import gcd

    divisor = gcd(step, cycle)
    return range(first % divisor, cycle, divisor)
