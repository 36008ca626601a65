"""When an owner is told that a vaccination expires, and what its status is (P1, P2).

Days are the tenant's. A vaccination counts until the day before `expires_on`. Each threshold is
told once; the one that holds is the nearest that was reached. So if days were missed, the owner is
told once, of the threshold that holds now, and not of those that were passed.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta, tzinfo

from shared.recurrence import zone as zones


def day_of(instant: datetime, zone: tzinfo) -> date:
    """Which day it is in the zone."""
    return zones.wall_of(instant, zone).date()


def threshold(expires_on: date, today: date, thresholds: Sequence[int]) -> int | None:
    """The threshold that holds: the least of those that were reached; None if none was, or if the
    vaccination has expired."""
    left = (expires_on - today).days
    if left <= 0:
        return None
    return min((days for days in thresholds if left <= days), default=None)


def useful_until(
    expires_on: date, threshold: int, thresholds: Sequence[int], zone: tzinfo
) -> datetime:
    """When the next threshold is reached, or the vaccination expires: from then on the owner is
    not told of this one."""
    following = max((days for days in thresholds if days < threshold), default=0)
    day = expires_on - timedelta(days=following)
    return zones.first_instant(datetime.combine(day, time()), zone)
