"""The last occurrences of a span, and how many it has, without walking through all of it.

Whether an instant is an occurrence does not depend on where the search begins. So the last one is
found by bisection. The count goes day by day: a day that matches has as many occurrences as the
expression has times of day, unless the clocks change on it. Such days, and the two ends of the
span, are walked.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, time, timedelta, tzinfo
from itertools import islice

from shared.recurrence import zone as zones
from shared.recurrence.cron import Cron, next_day
from shared.recurrence.next import in_utc, next_run, observed, occurrences
from shared.recurrence.rule import Recurrence

_SECOND = timedelta(seconds=1)
_MINUTE = timedelta(minutes=1)
_DAY = timedelta(days=1)
_FEW = 4
"""Up to this many occurrences, walking is as fast as any other way."""


def last_run(recurrence: Recurrence, after: datetime, until: datetime) -> datetime | None:
    """The last occurrence later than `after` and not later than `until`; None if there is none."""
    end = in_utc(until)
    few = list(islice(occurrences(recurrence, after, end), _FEW))
    if len(few) < _FEW:
        return few[-1] if few else None
    last = few[-1]
    while end - last >= _SECOND:  # none is later than `end`, up to `until`
        middle = last + (end - last) / 2
        later = next_run(recurrence, middle)
        if later is None or later > end:
            end = middle
        else:
            last = later
    return last


def last_runs(
    recurrence: Recurrence, after: datetime, until: datetime, most: int
) -> list[datetime]:
    """The last occurrences later than `after` and not later than `until`, at most `most`, in
    order."""
    found: list[datetime] = []
    end, step = in_utc(until), _MINUTE
    while len(found) < most and (last := last_run(recurrence, after, end)) is not None:
        end = max(in_utc(after), last - step)
        found[:0] = occurrences(recurrence, end, last)
        step *= 2
    return found[-most:]


def count_runs(recurrence: Recurrence, after: datetime, until: datetime) -> int:
    """How many occurrences are later than `after` and not later than `until`.

    The time grows with the number of days at most; for an interval it is constant.
    """
    if recurrence.calendar is not None:
        return _count_observed(recurrence, in_utc(after), in_utc(until))
    first, until = next_run(recurrence, after), _within(recurrence, until)
    if first is None or first > until:
        return 0
    if recurrence.interval_seconds is not None:
        return (until - first) // timedelta(seconds=recurrence.interval_seconds) + 1
    cron = recurrence.cron
    before = first - datetime.resolution
    if cron is None or until - first < _DAY or len(cron.hours) * len(cron.minutes) <= _FEW:
        return _walked(recurrence, before, until)
    return _count_days(recurrence, cron, before, until)


def _count_observed(recurrence: Recurrence, after: datetime, until: datetime) -> int:
    """Count each open span in one step; walk where runs are moved."""
    runs = observed(recurrence)
    if not runs.stays:
        return sum(1 for _ in runs.between(after, until))
    plain = replace(recurrence, calendar=None, stored=True)
    total = 0
    while (found := runs.next(after, until)) is not None:
        open_to = min(runs.open_until(found) - datetime.resolution, until)
        total += count_runs(plain, found - datetime.resolution, open_to)
        after = open_to
    return total


def _within(recurrence: Recurrence, until: datetime) -> datetime:
    end = recurrence.end_time
    return in_utc(until if end is None else min(until, end))


def _walked(recurrence: Recurrence, after: datetime, until: datetime) -> int:
    return sum(1 for _ in occurrences(recurrence, after, until))


def _count_days(recurrence: Recurrence, cron: Cron, after: datetime, until: datetime) -> int:
    """Count each day without a change of clocks in one step; walk the rest."""
    zone = zones.find(recurrence.timezone)
    times = len(cron.hours) * len(cron.minutes)
    total, counted = 0, after
    day = zones.wall_of(after, zone).date() + _DAY
    begin, end = _midnight(day, zone), _midnight(day + _DAY, zone)
    while end <= until:
        if _quiet(begin, end, zone):
            if counted < begin - datetime.resolution:
                total += _walked(recurrence, counted, begin - datetime.resolution)
            total += times if _matches(cron, day) else 0
            counted = end - datetime.resolution
        day += _DAY
        begin, end = end, _midnight(day + _DAY, zone)
    return total + _walked(recurrence, counted, until)


def _midnight(day: date, zone: tzinfo) -> datetime:
    """When clocks first show a day. If they skip its midnight, that is the end of the gap."""
    return zones.first_instant(datetime.combine(day, time()), zone)


def _quiet(begin: datetime, end: datetime, zone: tzinfo) -> bool:
    """Whether the clocks do not change during a day, or at its beginning.

    A change makes a day shorter or longer. Since 1970, no zone has had two in one day.
    """
    return end - begin == _DAY and zones.offset(begin - _SECOND, zone) == zones.offset(begin, zone)


def _matches(cron: Cron, day: date) -> bool:
    return cron.every_day or next_day(cron, day.year, day.month, day.day) == day
