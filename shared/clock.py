"""The only module that reads the clock or waits by it: everything else takes `now`, or holds a
`Clock`."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

_BOOT = getattr(time, "CLOCK_BOOTTIME", None)
"""The system's clock that counts on while the machine is suspended, if it has one."""


class Clock(Protocol):
    """Where time comes from, and what is waited by."""

    def now(self) -> datetime:
        """The present instant, aware, in UTC."""

    def monotonic(self) -> float:
        """Seconds since some fixed instant, by a clock that nobody sets; for durations only."""

    def wait(self, event: threading.Event, longest: timedelta) -> bool:
        """Wait until `event` is set, at most `longest`; whether it was set."""

    def sleep(self, duration: timedelta) -> None:
        """Wait that long, whatever happens."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Counts on while the machine is suspended, where the system can."""
        return time.monotonic() if _BOOT is None else time.clock_gettime(_BOOT)

    def wait(self, event: threading.Event, longest: timedelta) -> bool:
        return event.wait(longest.total_seconds())

    def sleep(self, duration: timedelta) -> None:
        time.sleep(duration.total_seconds())


class ManualClock:
    """A clock that stands still until it is moved; what tests use.

    To advance it is to let time pass. To set it is to correct it, as people do with a clock that
    was wrong: no time passes by that, so `monotonic` stays.
    """

    def __init__(self, now: datetime) -> None:
        self._now = now.astimezone(UTC)
        self._passed = timedelta()

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        """The seconds by which it was advanced."""
        return self._passed.total_seconds()

    def advance(self, by: timedelta) -> datetime:
        """Let that much time pass; the new instant."""
        self._now += by
        self._passed += by
        return self._now

    def set(self, now: datetime) -> None:
        """Set the clock to an instant."""
        self._now = now.astimezone(UTC)

    def wait(self, event: threading.Event, longest: timedelta) -> bool:
        """Wait for the event, at most `longest` in real time; this clock stands still meanwhile."""
        return event.wait(longest.total_seconds())

    def sleep(self, duration: timedelta) -> None:
        """Sleep in real time; this clock stands still meanwhile."""
        time.sleep(duration.total_seconds())
