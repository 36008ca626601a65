"""What a change of clocks does to a run: moves it, drops it, or doubles it.

The rule is that of `shared/recurrence/next.py`: a fixed time of day that clocks skip runs at the
end of the gap, one that they show twice runs the first time; whatever follows elapsed time runs
whenever clocks show it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from enum import StrEnum

from shared.recurrence import Recurrence
from shared.recurrence import zone as zones
from shared.recurrence.walls import Walls

MOST_WALLS = 24
"""How many skipped times of day are listed with one run."""
_SECOND = timedelta(seconds=1)
_MINUTE = timedelta(minutes=1)
_FAR = timedelta(days=400)
"""How far before a run a change is looked for; every zone that changes clocks does so yearly."""


class Effect(StrEnum):
    """What a change of clocks does. The words are the API's."""

    MOVED = "moved"
    """Clocks skip its time of day, so it runs at the end of the gap."""
    DROPPED = "dropped"
    """Clocks skipped times of day between the run before and this one; these do not run."""
    DOUBLED = "doubled"
    """Clocks show its time of day twice, and it runs both times; this is one of them."""
    ONCE = "once"
    """Clocks show its time of day twice, and it runs the first time only."""


@dataclass(frozen=True, slots=True)
class ClockChange:
    """A change of clocks that a run meets."""

    effect: Effect
    at: datetime
    """When clocks change, in UTC."""
    walls: tuple[datetime, ...]
    """The times of day that it concerns, as clocks would show them: naive."""


def met(recurrence: Recurrence, before: datetime, run: datetime) -> ClockChange | None:
    """What a change of clocks does to a run (UTC), or to those between `before`, the run before it,
    and the run. Runs that calendars moved are not looked at."""
    named, zone = recurrence.named, zones.find(recurrence.timezone)
    if named is None or zone is UTC:
        return None
    if named.fixed is not None:
        skipped = _gap_before(run, zone)
        if skipped is not None and (walls := within(named.fixed, skipped)):
            return ClockChange(Effect.MOVED, skipped.at, walls)
    shown = zones.instants(zones.wall_of(run, zone).replace(fold=0), zone)
    if len(shown) > 1:
        return _twice(named.elapsed, run, zone)
    return None if named.elapsed is None else _dropped(named.elapsed, before, run, zone)


def within(walls: Walls, change: zones.Change) -> tuple[datetime, ...]:
    """The first of the wall times that a change skips or repeats."""
    begin, end = sorted((change.wall_before, change.wall_after))
    found: list[datetime] = []
    at = walls.next(begin)
    while at is not None and at < end and len(found) < MOST_WALLS:
        found.append(at)
        at = walls.next(at.replace(second=0) + _MINUTE)
    return tuple(found)


def _gap_before(run: datetime, zone: tzinfo) -> zones.Change | None:
    """The gap that ends with this very instant."""
    changes = zones.changes(zone, run - _SECOND, run)
    return next((one for one in changes if one.after > one.before), None)


def _twice(elapsed: Walls | None, run: datetime, zone: tzinfo) -> ClockChange | None:
    wall = zones.wall_of(run, zone).replace(fold=0)
    changes = zones.changes(zone, run - timedelta(days=1), run + timedelta(days=1))
    back = next((one for one in changes if one.after < one.before), None)
    if back is None:
        return None
    both = elapsed is not None and elapsed.count(wall, wall + _SECOND) > 0
    return ClockChange(Effect.DOUBLED if both else Effect.ONCE, back.at, (wall,))


def _dropped(elapsed: Walls, before: datetime, run: datetime, zone: tzinfo) -> ClockChange | None:
    for change in zones.changes(zone, max(before, run - _FAR), run):
        if change.after > change.before and (walls := within(elapsed, change)):
            return ClockChange(Effect.DROPPED, change.at, walls)
    return None
