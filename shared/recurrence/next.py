"""The next occurrence: a function of the recurrence and an instant, and of nothing else.

Cron fields are walked over the zone's wall time. At a change of offset the rule is Debian cron's:

- A fixed expression (neither minute nor hour starts with `*`) names times of day. One that clocks
  skip runs once, at the end of the gap; one that they repeat runs once, the first time.
- Any other follows elapsed time: it runs whenever clocks show a matching minute, so on both passes
  of a repeated hour, and never for a minute that clocks skip.

Every walk goes forward over wall minutes and takes the first instant later than `after`, so a
result is always later than `after`, and the walk ends (`cron.next_day`). docs/recurrence.md has
the cases.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo

from shared.recurrence import zone as zones
from shared.recurrence.observed import Observed
from shared.recurrence.rule import Frequency, Recurrence
from shared.recurrence.walls import Walls

_MINUTE = timedelta(minutes=1)
_DAY, _QUARTER = 86400, 900
"""Seconds. Zones differ by quarters of an hour."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EARLIEST = datetime(3, 1, 1, tzinfo=UTC)
_LATEST = datetime(9999, 1, 1, tzinfo=UTC)


def next_run(recurrence: Recurrence, after: datetime) -> datetime | None:
    """The first occurrence later than `after`: UTC, whole seconds; None if none by the year 9998.

    Occurrences lie from `start_time` to `end_time`, both included.
    """
    after = in_utc(after)
    if recurrence.calendar is not None:
        return observed(recurrence).next(after, _LATEST)
    return _plain(recurrence, after)


def occurrences(recurrence: Recurrence, after: datetime, until: datetime) -> Iterator[datetime]:
    """Every occurrence later than `after` and not later than `until`, in order."""
    after, until = in_utc(after), in_utc(until)
    if recurrence.calendar is not None:
        yield from observed(recurrence).between(after, until)
        return
    found = _plain(recurrence, after)
    while found is not None and found <= until:
        yield found
        found = _plain(recurrence, found)


def observed(recurrence: Recurrence) -> Observed:
    """The runs of a recurrence that observes calendars. Raises `ValueError` if it observes none."""
    if recurrence.calendar is None:
        raise ValueError("it observes no calendar")
    return Observed(
        observance=recurrence.calendar,
        zone=zones.find(recurrence.timezone),
        plain=lambda after: _plain(recurrence, after),
        begin=recurrence.first,
        end=recurrence.end_time,  # a rule's UNTIL or COUNT ends its runs, not where they are moved
        elapsed=_follows_elapsed(recurrence),
        alike=_same_every_day(recurrence),
    )


def _follows_elapsed(recurrence: Recurrence) -> bool:
    """Whether all its runs follow elapsed time, and none has a time of day."""
    if recurrence.interval_seconds is not None:
        return recurrence.interval_seconds < _DAY
    cron, named = recurrence.cron, recurrence.named
    return not cron.fixed if cron else named is not None and named.fixed is None


def _same_every_day(recurrence: Recurrence) -> bool:
    """Whether it has the same times of day on every day."""
    if recurrence.interval_seconds is not None:
        return _QUARTER % recurrence.interval_seconds == 0
    return recurrence.cron is not None and recurrence.cron.every_day


def _plain(recurrence: Recurrence, after: datetime) -> datetime | None:
    """The first occurrence later than `after`, without calendars."""
    first = recurrence.first
    if after >= _LATEST:
        return None
    if first is not None and after < first:
        after = first - datetime.resolution
    if recurrence.end_time is None and recurrence.rrule is None:  # as most are
        return _next(recurrence, first, after)
    end = recurrence.last
    if end is not None and after >= end:
        return None
    found = _next(recurrence, first, after)
    return None if found is None or (end is not None and found > end) else found


def in_utc(instant: datetime) -> datetime:
    """In UTC, kept a year away from where Python's calendar ends."""
    if instant.tzinfo is not UTC and instant.utcoffset() is None:
        raise ValueError(f"give an aware datetime, not {instant}")
    if 2 < instant.year < _LATEST.year:
        return instant if instant.tzinfo is UTC else instant.astimezone(UTC)
    return _EARLIEST if instant.year <= 2 else _LATEST


def _next(recurrence: Recurrence, first: datetime | None, after: datetime) -> datetime | None:
    if recurrence.frequency is Frequency.ONCE:
        return first if first is not None and first > after else None
    if recurrence.interval_seconds is not None:
        return _next_interval(first or _EPOCH, recurrence.interval_seconds, after)
    zone = zones.find(recurrence.timezone)
    cron = recurrence.cron
    if cron is not None:
        return _next_of(cron, zone, after, fixed=cron.fixed)
    named = recurrence.named
    if named is None:
        raise ValueError(f"nothing is named by {recurrence.frequency}")
    groups = ((named.fixed, True), (named.elapsed, False))
    found = [
        _next_of(walls, zone, after, fixed=fixed, second=walls.second)
        for walls, fixed in groups
        if walls is not None
    ]
    return min((each for each in found if each is not None), default=None)


def _next_interval(anchor: datetime, seconds: int, after: datetime) -> datetime | None:
    """The first anchor + k * seconds, k whole, later than `after`."""
    step = timedelta(seconds=seconds)
    elapsed = (after - anchor) // step + 1
    found = _LATEST - anchor >= elapsed * step
    return anchor + elapsed * step if found else None


def _next_of(
    walls: Walls, zone: tzinfo, after: datetime, *, fixed: bool, second: int = 0
) -> datetime | None:
    now = zones.wall_of(after, zone)
    wall = now.replace(second=0, microsecond=0, fold=0)
    if now.second >= second:  # the one of this minute is over; clocks may show it again, but later
        wall += _MINUTE
    if zone is UTC:
        found = walls.next(wall)
        return found and found.replace(tzinfo=UTC)
    if fixed:
        return _next_fixed(walls, zone, wall, after)
    found = _walk(walls, zone, wall, after)
    again = zones.second_pass(after, now, zone)
    if again is None:
        return found
    # Wall times up to `now` will be shown a second time, before those beyond the repeated hour.
    repeated = _walk(walls, zone, again, after, last=True)
    return min((each for each in (found, repeated) if each is not None), default=None)


def _next_fixed(walls: Walls, zone: tzinfo, wall: datetime, after: datetime) -> datetime | None:
    """Each wall time runs once: the first time clocks show it, or skip it."""
    while (found := walls.next(wall)) is not None:
        instant = zones.first_instant(found, zone)
        if instant > after:
            return instant
        wall = found + _MINUTE
    return None


def _walk(
    walls: Walls, zone: tzinfo, wall: datetime, after: datetime, *, last: bool = False
) -> datetime | None:
    """The first instant later than `after` that shows one of them, from `wall` on.

    Of a wall time shown twice, `last` takes the second pass only.
    """
    while (found := walls.next(wall)) is not None:
        shown = zones.instants(found, zone)
        for instant in shown[-1:] if last else shown:
            if instant > after:
                return instant
        wall = found + _MINUTE
    return None
