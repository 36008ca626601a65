"""Clocks for tests, beside `ManualClock`."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

from shared.clock import ManualClock, SystemClock


class HastyClock(ManualClock):
    """Who waits by it waits no time: the clock moves on instead."""

    def __init__(self, now: datetime = datetime(2026, 11, 20, 3, tzinfo=UTC)) -> None:
        super().__init__(now)

    def wait(self, event: threading.Event, longest: timedelta) -> bool:
        if not event.is_set():
            self.advance(longest)
        return event.is_set()

    def sleep(self, duration: timedelta) -> None:
        self.advance(duration)


class SkippingClock(SystemClock):
    """The machine's clock, but time may be skipped, as if some work had taken so long."""

    def __init__(self, skipped: timedelta = timedelta()) -> None:
        self._skipped = skipped

    def now(self) -> datetime:
        return super().now() + self._skipped

    def monotonic(self) -> float:
        return super().monotonic() + self._skipped.total_seconds()

    def skip(self, time: timedelta) -> None:
        """Go on as if so much time had passed."""
        self._skipped += time
