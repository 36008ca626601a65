"""How fast a sync may go: so many items and bytes a second, whatever the number of its threads."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta

from shared.clock import Clock

_LOOK = 0.5
"""Seconds between two looks whether to end."""


class Pace:
    """A limit. Several threads may use it at once."""

    def __init__(
        self,
        clock: Clock,
        stop: threading.Event,
        check: Callable[[], None],
        *,
        bytes_per_second: float | None = None,
        items_per_second: float | None = None,
    ) -> None:
        self._clock = clock
        self._stop = stop
        self._check = check
        self._a_byte = 1 / bytes_per_second if bytes_per_second else 0.0
        self._an_item = 1 / items_per_second if items_per_second else 0.0
        self._free_at = clock.monotonic()
        self._lock = threading.Lock()

    def item(self, count: int = 1) -> None:
        """Wait until the next item may begin, or the next `count`. Raises what `check` raises, if
        it is to end."""
        self._take(count * self._an_item)

    def send(self, size: int) -> None:
        """Wait until so many bytes may be read and sent."""
        self._take(size * self._a_byte)

    def _take(self, seconds: float) -> None:
        self._check()
        if not seconds:
            return
        with self._lock:
            until = max(self._free_at, self._clock.monotonic())
            self._free_at = until + seconds
        while (left := until - self._clock.monotonic()) > 0:
            self._clock.wait(self._stop, timedelta(seconds=min(left, _LOOK)))
            self._check()
