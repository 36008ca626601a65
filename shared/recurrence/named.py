"""What a recurrence names by the clocks on the wall, and how many runs that makes in a zone.

The runs of a span are counted without walking through it. Between two changes of clocks, each wall
time is one run. At a change, the rule of Debian's cron (`next`) adds or takes away a few.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from shared.recurrence import zone as zones
from shared.recurrence.walls import Walls

_SECOND = timedelta(seconds=1)
_DAY = timedelta(days=1)
_LONGEST_CHANGE = timedelta(hours=26)
_LATEST = datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True, slots=True)
class Named:
    """Wall times, by how they take changes of clocks."""

    fixed: Walls | None
    """Each runs once: the first time clocks show it, or at the end of the gap that skips it."""
    elapsed: Walls | None
    """Each runs whenever clocks show it."""
    both: Walls
    """All of them; a wall time that is in both is one run."""


def runs(named: Named, zone: tzinfo, after: datetime, until: datetime) -> int:
    """How many runs are later than `after` and not later than `until`, both in UTC."""
    if until <= after:
        return 0
    begin, end = after + datetime.resolution, until + datetime.resolution
    if zone is UTC:
        return named.both.count(begin.replace(tzinfo=None), end.replace(tzinfo=None))
    total, change = 0, None
    for each in zones.changes(zone, after - _LONGEST_CHANGE, until):
        if each.at > after:
            total += _stretch(named, zone, begin, each.at, change)
            begin = each.at
        change = each
    return total + _stretch(named, zone, begin, end, change)


def _stretch(
    named: Named, zone: tzinfo, begin: datetime, end: datetime, change: zones.Change | None
) -> int:
    """How many runs are at `begin` or later and before `end`; clocks change in neither.

    `change`: the last one at `begin` or before, if it is near.
    """
    offset = zones.offset(begin, zone)
    low = begin.replace(tzinfo=None) + offset
    high = end.replace(tzinfo=None) + offset
    if change is None or named.fixed is None:
        return named.both.count(low, high)
    if change.after < change.before:  # what was shown before runs again only if it is elapsed
        fresh = min(max(low, change.wall_before), high)
        again = named.elapsed.count(low, fresh) if named.elapsed is not None else 0
        return again + named.both.count(fresh, high)
    found = named.both.count(low, high)
    if begin == change.at and not named.both.count(low, low + _SECOND):
        found += named.fixed.count(change.wall_before, change.wall_after) > 0
    return found


def nth_run(named: Named, zone: tzinfo, first: datetime, number: int) -> datetime | None:
    """The n-th run, counted from the first one at `first` or later; None if there are fewer.

    1. The n-th wall time, found on the calendar alone, is near it: only changes of clocks matter.
    2. So the runs up to there are counted once, and the search goes on from there.
    """
    before = first - datetime.resolution
    wall = named.both.nth_from(zones.wall_of(first, zone).replace(fold=0), number)
    near = _LATEST if wall is None else max(first, zones.first_instant(wall, zone))
    upto, step = runs(named, zone, before, near), _DAY
    low, found = near, upto
    while found >= number:
        low, step = max(before, near - step), 2 * step
        found = upto - runs(named, zone, low, near)
    return _run_after(named, zone, low, number - found)


def _run_after(named: Named, zone: tzinfo, low: datetime, number: int) -> datetime | None:
    """The n-th run later than `low`."""
    high, step = low, _DAY
    while (more := runs(named, zone, low, high)) < number:
        if high == _LATEST:
            return None
        low, number = high, number - more
        high, step = _LATEST if _LATEST - low <= step else low + step, 2 * step
    while high - low > _SECOND:
        middle = low + (high - low) / 2
        if (more := runs(named, zone, low, middle)) >= number:
            high = middle
        else:
            low, number = middle, number - more
    return high.replace(microsecond=0)
