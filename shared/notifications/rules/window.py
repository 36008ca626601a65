"""The hours in which text messages may go, by the wall clock of the recipient's own zone.

A night in which the clocks change is an hour longer or shorter by the clock that nobody sees; a
window from 09:00 to 20:00 opens when the recipient's clocks show 09:00, whatever the offset is.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo

_MINUTE = timedelta(minutes=1)
_DAYS = 3
"""After how many days at most it opens again."""


@dataclass(frozen=True, slots=True)
class Window:
    """From `opens` on, and before `closes`; over midnight if `closes` is the earlier one."""

    opens: int
    closes: int
    """Both in minutes since midnight; 1440 is the end of the day."""

    def is_open(self, now: datetime, zone: tzinfo) -> bool:
        """Whether messages may go."""
        wall = now.astimezone(zone)
        minute = wall.hour * 60 + wall.minute
        if self.opens < self.closes:
            return self.opens <= minute < self.closes
        return minute >= self.opens or minute < self.closes

    def next_open(self, now: datetime, zone: tzinfo) -> datetime:
        """The first instant from `now` on at which messages may go, in UTC.

        The clocks may jump over the opening; then it opens where they arrive, if that is within the
        window at all.
        """
        if self.is_open(now, zone):
            return now.astimezone(UTC)
        today = now.astimezone(zone).date()
        for days in range(_DAYS + 1):
            wall = datetime.combine(today + timedelta(days=days), self._opening())
            for at in _instants(wall, zone):
                if at >= now and self.is_open(at, zone):
                    return at
        raise ValueError(f"{self} never opens in {zone}")

    def _opening(self) -> time:
        return time(self.opens // 60, self.opens % 60)

    def __str__(self) -> str:
        return f"{_shown(self.opens)}-{_shown(self.closes)}"


def _instants(wall: datetime, zone: tzinfo) -> list[datetime]:
    """The instants at which clocks show that time; if they jump over it, the first one after the
    jump."""
    both = [wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)]
    there = [at for at in both if at.astimezone(zone).replace(tzinfo=None) == wall]
    if there:
        return sorted(set(there))
    earliest = min(both)  # by the offset after the jump: before it
    while earliest.astimezone(zone).replace(tzinfo=None) < wall:
        earliest += _MINUTE
    return [earliest]


def _shown(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"
