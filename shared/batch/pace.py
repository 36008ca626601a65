"""When the next item may begin, at so many a minute. Pure: time comes in as a number."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Pace:
    """Items begin evenly: one each `60 / per_minute` seconds. Time in which none could begin is
    not made up for by a burst."""

    per_minute: int | None
    """None for no limit."""
    free_at: float = 0.0
    """By a monotonic clock, in seconds: when the next may begin."""

    @property
    def _step(self) -> float:
        return 0.0 if self.per_minute is None else 60.0 / self.per_minute

    def allowed(self, now: float, most: int) -> int:
        """How many may begin now, at most `most`: one, unless they come more often than a call
        does."""
        if self.per_minute is None:
            return most
        if now < self.free_at:
            return 0
        behind = min(now - self.free_at, _CREDIT)
        return min(most, 1 + int(behind / self._step))

    def took(self, now: float, number: int) -> Pace:
        """After so many began."""
        if self.per_minute is None or not number:
            return self
        begin = max(self.free_at, now - _CREDIT)
        return replace(self, free_at=begin + number * self._step)

    def pause(self, now: float) -> float:
        """Seconds until the next may begin."""
        return 0.0 if self.per_minute is None else max(0.0, self.free_at - now)


_CREDIT = 0.25
"""Seconds that are made up for: as much as one turn of a loop may take."""
