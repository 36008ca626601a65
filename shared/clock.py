"""The only module that reads the clock or sleeps. All other code takes `now` as an argument, or is
given a `Clock`."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

_BOOT = getattr(time, "CLOCK_BOOTTIME", None)
"""The system's clock that also runs while the machine is suspended, if it has one."""


class Clock(Protocol):
    """Tells the time, measures durations, and waits."""

    def now(self) -> datetime:
        """The present instant, aware, in UTC."""

    def monotonic(self) -> float:
        """Seconds since an unspecified instant, by a clock that nobody sets; for durations only."""

    def wait(self, event: threading.Event, longest: timedelta) -> bool:
        """Wait until `event` is set, but at most `longest`; whether it is set."""

    def sleep(self, duration: timedelta) -> None:
        """Wait for `duration`, whatever happens."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Goes on while the machine is suspended, if the system has a clock that does."""
        return time.monotonic() if _BOOT is None else time.clock_gettime(_BOOT)

    def wait(self, event: threading.Event, longest: timedelta) -> bool:
        return event.wait(longest.total_seconds())

    def sleep(self, duration: timedelta) -> None:
        time.sleep(duration.total_seconds())


class FixedClock:
    """A clock that stands at one instant, for a dry run; durations and waits are real ones."""

    def __init__(self, at: datetime, real: Clock) -> None:
        """`real` measures durations, and waits."""
        self._at = at.astimezone(UTC)
        self._clock = real

    def now(self) -> datetime:
        return self._at

    def monotonic(self) -> float:
        return self._clock.monotonic()

    def wait(self, event: threading.Event, longest: timedelta) -> bool:
        return self._clock.wait(event, longest)

    def sleep(self, duration: timedelta) -> None:
        self._clock.sleep(duration)


class ManualClock:
    """A clock for tests, which stands still until a test moves it.

    `advance` lets time pass. `set` corrects the clock, as people do with a clock that is wrong: no
    time passes, so `monotonic` stays the same.
    """

    def __init__(self, now: datetime) -> None:
        self._now = now.astimezone(UTC)
        self._passed = timedelta()

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        """The seconds by which the clock was advanced."""
        return self._passed.total_seconds()

    def advance(self, by: timedelta) -> datetime:
        """Let that much time pass; returns the new instant."""
        self._now += by
        self._passed += by
        return self._now

    def set(self, now: datetime) -> None:
        """Set the clock to an instant."""
        self._now = now.astimezone(UTC)

    def wait(self, event: threading.Event, longest: timedelta) -> bool:
        """Wait for the event, at most `longest` in real time; this clock does not move."""
        return event.wait(longest.total_seconds())

    def sleep(self, duration: timedelta) -> None:
        """Sleep in real time; this clock does not move."""
        time.sleep(duration.total_seconds())
