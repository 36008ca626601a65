"""The only module that reads the clock: everything else takes `now`, or holds a `Clock`."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Where time comes from."""

    def now(self) -> datetime:
        """The present instant, aware, in UTC."""

    def wait(self, event: threading.Event, longest: timedelta) -> bool:
        """Wait until `event` is set, at most `longest`; whether it was set."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def wait(self, event: threading.Event, longest: timedelta) -> bool:
        return event.wait(longest.total_seconds())


class ManualClock:
    """A clock that stands still until it is moved; what tests use."""

    def __init__(self, now: datetime) -> None:
        self._now = now.astimezone(UTC)

    def now(self) -> datetime:
        return self._now

    def advance(self, by: timedelta) -> datetime:
        """Move the clock on; the new instant."""
        self._now += by
        return self._now

    def set(self, now: datetime) -> None:
        """Move the clock to an instant."""
        self._now = now.astimezone(UTC)

    def wait(self, event: threading.Event, longest: timedelta) -> bool:
        """Wait for the event, at most `longest` in real time; this clock stands still meanwhile."""
        return event.wait(longest.total_seconds())


def monotonic() -> float:
    """Seconds on a clock that never goes back; for measuring durations only."""
    return time.monotonic()


def elapsed() -> float:
    """Like `monotonic`, but counts on while the machine is suspended, where the system can."""
    counts_suspension = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if counts_suspension is None else time.clock_gettime(counts_suspension)
