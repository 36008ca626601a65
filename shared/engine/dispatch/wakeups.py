"""When an NCRONTAB expression last woke a clock, and when it wakes it next.

It reads what `recurrence.ncrontab` writes: six fields in UTC, seconds first, of lists, ranges and
steps; a day must match day of month, month and day of week.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache

from shared.recurrence.fields import FIELDS, MINUTE, plain

_DAY = timedelta(days=1)
_FIRST = time()
_LAST = time(23, 59, 59)


@dataclass(frozen=True, slots=True)
class _Fields:
    """The values of each field."""

    seconds: Sequence[int]
    minutes: Sequence[int]
    hours: Sequence[int]
    days: Sequence[int]
    months: Sequence[int]
    weekdays: Sequence[int]

    def wakes_on(self, day: date) -> bool:
        on = day.month in self.months and day.day in self.days
        return on and day.isoweekday() % 7 in self.weekdays


def last_wakeup(expression: str, after: datetime, until: datetime) -> datetime | None:
    """The last time in (after, until] that the expression names; None if there is none.

    Raises `ValueError` for what `recurrence.ncrontab` does not write.
    """
    fields = _fields(expression)
    day, latest = until.astimezone(UTC).date(), until.astimezone(UTC).time()
    while day >= after.astimezone(UTC).date():
        found = _latest(fields, latest) if fields.wakes_on(day) else None
        if found is not None:
            at = datetime.combine(day, found, UTC)
            return at if at > after else None
        day, latest = day - _DAY, _LAST
    return None


def next_wakeup(expression: str, after: datetime, until: datetime) -> datetime | None:
    """The first time in (after, until] that the expression names; None if there is none.

    Raises `ValueError` as above.
    """
    fields = _fields(expression)
    begin = after.astimezone(UTC).replace(microsecond=0) + timedelta(seconds=1)
    day, earliest = begin.date(), begin.time()
    while day <= until.astimezone(UTC).date():
        found = _earliest(fields, earliest) if fields.wakes_on(day) else None
        if found is not None:
            at = datetime.combine(day, found, UTC)
            return at if at <= until else None
        day, earliest = day + _DAY, _FIRST
    return None


@lru_cache(256)
def _fields(expression: str) -> _Fields:
    texts = expression.split()
    fields = (FIELDS[MINUTE], *FIELDS)  # seconds have the values of minutes
    values = [plain(text, field) for text, field in zip(texts, fields, strict=True)]
    found = [each for each in values if each is not None]
    if len(found) < len(fields):
        raise ValueError(f"{expression!r} is more than lists, ranges and steps")
    return _Fields(*found)


def _latest(fields: _Fields, until: time) -> time | None:
    """The last of the times of day that is not after `until`."""
    minutes, seconds = fields.minutes, fields.seconds
    for hour in reversed(fields.hours):
        if hour < until.hour:
            return time(hour, minutes[-1], seconds[-1])
        for minute in reversed(minutes) if hour == until.hour else ():
            if minute < until.minute:
                return time(hour, minute, seconds[-1])
            for second in reversed(seconds) if minute == until.minute else ():
                if second <= until.second:
                    return time(hour, minute, second)
    return None


def _earliest(fields: _Fields, since: time) -> time | None:
    """The first of the times of day that is not before `since`, which is a whole second."""
    minutes, seconds = fields.minutes, fields.seconds
    for hour in fields.hours:
        if hour > since.hour:
            return time(hour, minutes[0], seconds[0])
        for minute in minutes if hour == since.hour else ():
            if minute > since.minute:
                return time(hour, minute, seconds[0])
            for second in seconds if minute == since.minute else ():
                if second >= since.second:
                    return time(hour, minute, second)
    return None
