"""A set of wall times: what a recurrence names on the local calendar, before any zone is looked at.

A kind of recurrence says on which days of a month it names something, and at which minutes of such
a day. To find the next one, and to count them, is the same for all kinds.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta

LAST_YEAR = 9998
_END = datetime.combine(date(LAST_YEAR + 1, 1, 1), time())
_SECOND = timedelta(seconds=1)


class Walls:
    """A set of wall times; naive datetimes, each at the same second of its minute."""

    __slots__ = ()

    @property
    def second(self) -> int:
        """The second of each."""
        return 0

    def days(self, year: int, month: int) -> Sequence[int]:
        """The days of a month that have any, sorted; a day without one may be among them."""
        raise NotImplementedError

    def times(self, year: int, month: int, day: int) -> Sequence[int]:
        """Those of one of these days, as minutes since 00:00, sorted."""
        raise NotImplementedError

    def day_times(self) -> Sequence[int]:
        """The times of all its days together; there may be more."""
        raise NotImplementedError

    def size(self, year: int, month: int) -> int:
        """How many a month has."""
        return sum(len(self.times(year, month, day)) for day in self.days(year, month))

    def later(self, year: int, month: int) -> tuple[int, int]:
        """A later month, such that none between the two has any."""
        return (year + 1, 1) if month == 12 else (year, month + 1)

    def next(self, wall: datetime, last_year: int = LAST_YEAR) -> datetime | None:
        """The first at `wall` or later; None if there is none up to that year.

        `wall` must not be at a later second of its minute than they are.
        """
        year, month, day = wall.year, wall.month, wall.day
        minute = 60 * wall.hour + wall.minute
        while year <= last_year:
            days = self.days(year, month)
            for each in days[bisect_left(days, day) :]:
                times = self.times(year, month, each)
                at = bisect_left(times, minute) if each == day else 0
                if at < len(times):
                    hour, rest = divmod(times[at], 60)
                    at_time = time(hour, rest, self.second)
                    return datetime.combine(date(year, month, each), at_time)
            year, month = self.later(year, month)
            day = minute = 0
        return None

    def nth_from(self, begin: datetime, number: int) -> datetime | None:
        """The n-th at `begin` or later; None if there are fewer."""
        year, month, left = begin.year, begin.month, number + self._before(begin)
        while year <= LAST_YEAR:
            size = self.size(year, month)
            if size >= left:
                return self._in_month(year, month, left)
            left -= size
            year, month = self.later(year, month)
        return None

    def _in_month(self, year: int, month: int, number: int) -> datetime | None:
        """The n-th of a month."""
        for day in self.days(year, month):
            times = self.times(year, month, day)
            if len(times) >= number:
                hour, minute = divmod(times[number - 1], 60)
                return datetime.combine(date(year, month, day), time(hour, minute, self.second))
            number -= len(times)
        return None

    def count(self, begin: datetime, end: datetime) -> int:
        """How many are at `begin` or later, and before `end`."""
        end = min(end, _END)
        if begin >= end:
            return 0
        whole = sum(self.size(year, month) for year, month in _months(begin.date(), end.date()))
        return whole + self._before(end) - self._before(begin)

    def _before(self, wall: datetime) -> int:
        """How many its month has before it."""
        year, month = wall.year, wall.month
        days = self.days(year, month)
        at = bisect_left(days, wall.day)
        found = sum(len(self.times(year, month, day)) for day in days[:at])
        if at < len(days) and days[at] == wall.day:
            found += bisect_left(self.times(year, month, wall.day), self._minute(wall))
        return found

    def _minute(self, wall: datetime) -> int:
        """The first minute of the day whose wall time would not be before `wall`."""
        later = timedelta(seconds=wall.second, microseconds=wall.microsecond)
        return 60 * wall.hour + wall.minute + (later > self.second * _SECOND)


def _months(begin: date, end: date) -> Iterator[tuple[int, int]]:
    """From the month of `begin` up to and without the month of `end`."""
    for index in range(12 * begin.year + begin.month - 1, 12 * end.year + end.month - 1):
        yield index // 12, index % 12 + 1
