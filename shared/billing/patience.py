"""How long Stripe is left alone after it failed several times: an outage must not cost each fee and
each tenant a time-out."""

from __future__ import annotations

import threading
from datetime import timedelta

from shared.clock import Clock

ENOUGH = 3
"""Failures in a row."""
PAUSE = timedelta(seconds=60)


class Patience:
    """One for each process. The errors of a single card or customer do not count."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._failures = 0
        self._until = 0.0

    def is_over(self) -> bool:
        """Whether Stripe shall not be asked now. After the pause, one failure is enough to begin
        another."""
        with self._lock:
            return self._failures >= ENOUGH and self._clock.monotonic() < self._until

    def failed(self) -> None:
        """Stripe did not answer, or could not."""
        with self._lock:
            self._failures += 1
            self._until = self._clock.monotonic() + PAUSE.total_seconds()

    def answered(self) -> None:
        """Stripe did what it was asked, or refused it."""
        with self._lock:
            self._failures = 0
