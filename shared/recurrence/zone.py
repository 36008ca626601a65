"""Zones, and the step between an instant and the wall time that a zone's clocks show then.

A wall time is a naive `datetime`. It belongs to one instant; to two when clocks go back over it;
to none when they go forward over it. The IANA data and PEP 495 (`fold`) say which.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from shared.recurrence import names
from shared.recurrence.invalid import InvalidRecurrence

_SECOND = timedelta(seconds=1)
_LOOK = timedelta(days=3)
_LOOK_FAR = timedelta(days=14)
_FAR = datetime(2088, 1, 1, tzinfo=UTC)


def find(name: str) -> tzinfo:
    """The zone of that name; raises `InvalidRecurrence`."""
    if name == "UTC":
        return UTC
    if not isinstance(name, str) or name not in names.known():
        raise InvalidRecurrence("timezone", names.unknown(name))
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:  # listed, and then gone or garbled
        said = f"the data of {name} cannot be read on this machine: {error!r:.200}"
        raise InvalidRecurrence("timezone", said) from error


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """A change of a zone's offset."""

    at: datetime
    before: timedelta
    after: timedelta

    @property
    def wall_before(self) -> datetime:
        """What clocks would have shown at that instant, had they not been changed."""
        return self.at.replace(tzinfo=None) + self.before

    @property
    def wall_after(self) -> datetime:
        """What they show instead."""
        return self.at.replace(tzinfo=None) + self.after


def changes(zone: tzinfo, begin: datetime, end: datetime) -> list[Change]:
    """Every change of offset later than `begin` and not later than `end`, in order.

    Found by looking every three days: since 1970 no zone had two changes within six. The IANA data
    list single changes up to 2087. From then on, each zone has two a year, months apart, or none.
    """
    found = []
    before = offset(begin, zone)
    while begin < end:
        step = _LOOK if begin < _FAR else _LOOK_FAR
        begin, earlier = min(begin + step, end), begin
        now = offset(begin, zone)
        if now != before:
            found.append(Change(at=_transition(zone, earlier, begin), before=before, after=now))
            before = now
    return found


def offset(instant: datetime, zone: tzinfo) -> timedelta:
    """How far the zone's clocks are ahead of UTC at an instant."""
    found = instant.astimezone(zone).utcoffset()
    if found is None:
        raise ValueError(f"{zone} has no offset at {instant}")
    return found


def wall_of(instant: datetime, zone: tzinfo) -> datetime:
    """What the zone's clocks show at an instant; `fold` is 1 in the second pass."""
    return instant.astimezone(zone).replace(tzinfo=None)


def instants(wall: datetime, zone: tzinfo) -> tuple[datetime, ...]:
    """When clocks show this wall time: once, twice, or never; earliest first."""
    first, second = _offsets(wall, zone)
    if first == second:
        return (_utc(wall, first),)
    if first > second:
        return (_utc(wall, first), _utc(wall, second))
    return ()


def first_instant(wall: datetime, zone: tzinfo) -> datetime:
    """When clocks first show this wall time or, if they skip it, the end of the gap."""
    first, second = _offsets(wall, zone)
    if first >= second:
        return _utc(wall, first)
    return _transition(zone, _utc(wall, second), _utc(wall, first))


def second_pass(instant: datetime, wall: datetime, zone: tzinfo) -> datetime | None:
    """If clocks will soon repeat the wall time of this instant: the first wall time they repeat.

    None in every other case, and during the second pass itself.
    """
    if wall.fold:
        return None
    first, second = _offsets(wall, zone)
    if first <= second:
        return None
    back = _transition(zone, instant, instant + (first - second))
    return wall_of(back, zone).replace(fold=0)


def _offsets(wall: datetime, zone: tzinfo) -> tuple[timedelta, timedelta]:
    """The offset on the first and on the second pass; `wall` has fold 0.

    They differ at a change of offset only: the first is larger where clocks go back (the wall
    time occurs twice), smaller where they go forward (it does not occur).
    """
    first = zone.utcoffset(wall)
    second = zone.utcoffset(wall.replace(fold=1))
    if first is None or second is None:
        raise ValueError(f"{zone} has no offset at {wall}")
    return first, second


def _transition(zone: tzinfo, before: datetime, after: datetime) -> datetime:
    """The first instant, in whole seconds, at which the zone has the offset it has at `after`."""
    before, after = before.replace(microsecond=0), after.replace(microsecond=0)
    new = offset(after, zone)
    while after - before > _SECOND:
        middle = (before + (after - before) / 2).replace(microsecond=0)
        if offset(middle, zone) == new:
            after = middle
        else:
            before = middle
    return after


def _utc(wall: datetime, offset: timedelta) -> datetime:
    return (wall - offset).replace(tzinfo=UTC)
