"""NCRONTAB, the schedules of timer triggers: `{second} {minute} {hour} {day} {month} {weekday}`.

As in the real host: five fields mean second 0; names of months and weekdays; Sunday is 0; a day
must fit both the day and the weekday field (cron would take either); `5/15` runs on to the end of
the field's range. Times are UTC, which is what timers run in on Azure's Linux plans.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
_FIELDS = (
    ("second", 0, 59, ()),
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day", 1, 31, ()),
    ("month", 1, 12, tuple(_MONTHS)),
    ("weekday", 0, 6, tuple(_DAYS)),
)
_HORIZON = timedelta(days=366 * 9)
"""29 February is at most eight years away (2096 to 2104)."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """A parsed NCRONTAB expression: the sorted values of each field."""

    seconds: tuple[int, ...]
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: tuple[int, ...]
    months: tuple[int, ...]
    weekdays: tuple[int, ...]

    def after(self, instant: datetime) -> datetime | None:
        """The first occurrence later than `instant`; None when there is none."""
        start = instant.astimezone(UTC).replace(microsecond=0) + timedelta(seconds=1)
        if self._fits(start.date()):
            found = self._time_from(start.time())
            if found is not None:
                return datetime.combine(start.date(), found, UTC)
        first = time(self.hours[0], self.minutes[0], self.seconds[0])
        for number in range(1, _HORIZON.days):
            day = start.date() + timedelta(days=number)
            if self._fits(day):
                return datetime.combine(day, first, UTC)
        return None

    def _fits(self, day: date) -> bool:
        return (
            day.month in self.months
            and day.day in self.days
            and day.isoweekday() % 7 in self.weekdays
        )

    def _time_from(self, start: time) -> time | None:
        hour, minute = start.hour, start.minute
        if hour in self.hours:
            if minute in self.minutes:
                second = _from(self.seconds, start.second)
                if second is not None:
                    return time(hour, minute, second)
            later = _from(self.minutes, minute + 1)
            if later is not None:
                return time(hour, later, self.seconds[0])
        next_hour = _from(self.hours, hour + 1)
        return None if next_hour is None else time(next_hour, self.minutes[0], self.seconds[0])


def parse(expression: str) -> Schedule:
    """Raises `ValueError` that names the field and what is wrong with it."""
    fields = expression.split()
    if len(fields) == 5:
        fields.insert(0, "0")
    if len(fields) != 6:
        raise ValueError(f"{expression!r} has {len(fields)} fields; NCRONTAB has six")
    values = [_values(text, *field) for text, field in zip(fields, _FIELDS, strict=True)]
    return Schedule(*values)


def _from(values: tuple[int, ...], least: int) -> int | None:
    at = bisect_left(values, least)
    return values[at] if at < len(values) else None


def _values(text: str, name: str, low: int, high: int, names: tuple[str, ...]) -> tuple[int, ...]:
    found: set[int] = set()
    for part in text.split(","):
        try:
            found.update(_part(part, low, high, names))
        except ValueError as error:
            raise ValueError(f"{name} {text!r}: {error}") from None
    return tuple(sorted(found))


def _part(part: str, low: int, high: int, names: tuple[str, ...]) -> range:
    spread, slash, step = part.partition("/")
    if slash and (not step.isdigit() or int(step) == 0):
        raise ValueError(f"the step {step!r} is not a number above 0")
    if spread == "*":
        first, last = low, high
    elif "-" in spread:
        first, last = (_number(end, low, high, names) for end in spread.split("-", 1))
    else:
        first = _number(spread, low, high, names)
        last = high if slash else first
    if first > last:
        raise ValueError(f"the range {spread!r} goes backwards")
    return range(first, last + 1, int(step) if slash else 1)


def _number(text: str, low: int, high: int, names: tuple[str, ...]) -> int:
    if text.lower()[:3] in names and text.isalpha():
        return names.index(text.lower()[:3]) + low
    if not text.isdigit() or not low <= int(text) <= high:
        raise ValueError(f"{text!r} is not one of {low} to {high}")
    return int(text)
