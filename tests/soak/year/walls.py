"""Wall clocks, worked out anew: nothing of Belfry's recurrences is used."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

_MINUTE = timedelta(minutes=1)


def wall(at: datetime, zone: str) -> datetime:
    """What clocks show there, without a zone."""
    return at.astimezone(ZoneInfo(zone)).replace(tzinfo=None)


def instant(shown: datetime, zone: str) -> datetime:
    """When clocks show that: the first time, if twice; the end of the gap, if never."""
    first, second = (
        shown.replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC) for fold in (0, 1)
    )
    if wall(first, zone) == shown:
        return first
    at = second  # by the offset after the gap: before the clocks jump
    while wall(at, zone) < shown:
        at += _MINUTE
    return at


def midnight(day: date, zone: str) -> datetime:
    """The first instant of a day."""
    return instant(datetime.combine(day, time()), zone)


def day_of(at: datetime, zone: str) -> date:
    return wall(at, zone).date()


def changes(first: date, days: int, zone: str) -> list[date]:
    """The days on which clocks change."""
    every = [first + timedelta(days=n) for n in range(days)]
    return [
        one
        for one in every
        if midnight(one + timedelta(days=1), zone) - midnight(one, zone) != timedelta(days=1)
    ]
