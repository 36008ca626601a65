"""Which clocks fell silent: a function of (when each is to wake, when each last ticked, now).

A clock is silent when its last wake-up that is `GRACE` old had no tick since. What it missed before
it was known, or while nothing ran at all, does not count.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from shared.recurrence.fields import FIELDS, MINUTE, plain

HTTP = "http"
"""The clock that is outside: nobody knows how often it is meant to tick."""
GRACE = timedelta(minutes=2)
"""How late a clock may be: for a cold start, a slow tick, a queue that is asked seldom."""
_EARLY = timedelta(seconds=5)
"""A timer may fire a moment before its time."""
_HTTP_PAUSE = timedelta(minutes=15)
_HTTP_GONE = timedelta(days=1)
"""A pinger that is silent for so long was turned off."""
_DAY = timedelta(days=1)
_LAST = time(23, 59, 59)


@dataclass(frozen=True, slots=True)
class Known:
    """A clock that there is."""

    wakes: str
    """Its NCRONTAB expression, in UTC."""
    since: datetime
    """Since when it is known by that expression."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Silent:
    """A clock that ought to have ticked."""

    clock: str
    last: datetime | None
    """Its last tick, if there was one."""
    expected: datetime | None
    """The wake-up that it missed; None for `http`."""
    since: datetime
    """Its last tick, or when it became known."""

    @property
    def is_warning(self) -> bool:
        """Whether it may well be meant: of `http` nobody knows."""
        return self.clock == HTTP


def silent(
    now: datetime, known: Mapping[str, Known], beats: Mapping[str, datetime], up: datetime | None
) -> list[Silent]:
    """The silent clocks, by name. `beats`: last ticks. `up`: what was missed before is pardoned."""
    found = [*_timed(now, known, beats, up), *_http(now, beats.get(HTTP), up)]
    return sorted(found, key=lambda one: one.clock)


def was_away(now: datetime, clock: Known, last: datetime | None) -> bool:
    """Whether a clock that ticks now had missed a wake-up since its last tick."""
    return last is None or last_wakeup(clock.wakes, last + _EARLY, now - GRACE) is not None


def last_wakeup(expression: str, after: datetime, until: datetime) -> datetime | None:
    """The last time in (after, until] that an NCRONTAB expression names; None if there is none.

    Raises `ValueError` for what `recurrence.ncrontab` does not write.
    """
    seconds, minutes, hours, days, months, weekdays = _fields(expression)
    day, latest = until.astimezone(UTC).date(), until.astimezone(UTC).time()
    while day >= after.astimezone(UTC).date():
        if day.month in months and day.day in days and day.isoweekday() % 7 in weekdays:
            found = _latest(hours, minutes, seconds, latest)
            if found is not None:
                at = datetime.combine(day, found, UTC)
                return at if at > after else None
        day, latest = day - _DAY, _LAST
    return None


def _timed(
    now: datetime, known: Mapping[str, Known], beats: Mapping[str, datetime], up: datetime | None
) -> Iterator[Silent]:
    for name, clock in known.items():
        since = clock.since if up is None else max(clock.since, up)
        expected = last_wakeup(clock.wakes, since, now - GRACE)
        last = beats.get(name)
        if expected is not None and (last is None or last < expected - _EARLY):
            yield Silent(clock=name, last=last, expected=expected, since=last or clock.since)


def _http(now: datetime, last: datetime | None, up: datetime | None) -> Iterator[Silent]:
    if last is None or now - last > _HTTP_GONE:
        return
    if now - (last if up is None else max(last, up)) > _HTTP_PAUSE:
        yield Silent(clock=HTTP, last=last, expected=None, since=last)


def _fields(expression: str) -> list[Sequence[int]]:
    texts = expression.split()
    fields = (FIELDS[MINUTE], *FIELDS)  # seconds have the values of minutes
    values = [plain(text, field) for text, field in zip(texts, fields, strict=True)]
    found = [each for each in values if each is not None]
    if len(found) < len(fields):
        raise ValueError(f"{expression!r} is more than lists, ranges and steps")
    return found


def _latest(
    hours: Sequence[int], minutes: Sequence[int], seconds: Sequence[int], until: time
) -> time | None:
    """The last of the times of day that is not after `until`."""
    for hour in reversed(hours):
        if hour < until.hour:
            return time(hour, minutes[-1], seconds[-1])
        for minute in reversed(minutes) if hour == until.hour else ():
            if minute < until.minute:
                return time(hour, minute, seconds[-1])
            for second in reversed(seconds) if minute == until.minute else ():
                if second <= until.second:
                    return time(hour, minute, second)
    return None
