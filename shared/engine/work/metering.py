"""Measures what attempts use (`schedules.spent`): shares of the process's time, requests, and
bytes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from shared import transferred
from shared.clock import Clock
from shared.schedules.spent import NOTHING, Spent
from shared.storage.counted import Requests, counting


class Metering:
    """Divides the time of a process among the attempts that run in it: while n run, each gets 1/n
    of each second. So the shares of all attempts add up to the time in which any ran."""

    def __init__(self, clock: Clock, memory_gb: float) -> None:
        """`memory_gb`: of an instance."""
        self.memory_gb = memory_gb
        self._clock = clock
        self._lock = threading.Lock()
        self._running = 0
        self._seconds = 0.0
        """The share that an attempt would have by now that had run all the time."""
        self._at = clock.monotonic()

    def begin(self) -> float:
        """Count one more attempt as running; what `seconds` is for it now."""
        with self._lock:
            self._go_on()
            self._running += 1
            return self._seconds

    def end(self) -> float:
        """Count one attempt less; what `seconds` is for it now."""
        with self._lock:
            self._go_on()
            self._running -= 1
            return self._seconds

    def seconds(self) -> float:
        """The share, now, of an attempt that had run all the time."""
        with self._lock:
            self._go_on()
            return self._seconds

    def _go_on(self) -> None:
        now = self._clock.monotonic()
        if self._running:
            self._seconds += (now - self._at) / self._running
        self._at = now


class Meter:
    """What one attempt uses."""

    def __init__(self, metering: Metering) -> None:
        self._metering = metering
        self._requests = Requests()
        self._bytes = transferred.Bytes()
        self._from: float | None = None
        self._to: float | None = None

    @contextmanager
    def running(self) -> Iterator[None]:
        """Measure what is done in the block, by this thread and those that it gives work to."""
        self._from = self._metering.begin()
        try:
            with counting(self._requests), transferred.counting(self._bytes):
                yield
        finally:
            self._to = self._metering.end()

    @property
    def spent(self) -> Spent:
        """What it used so far."""
        if self._from is None:
            return NOTHING
        until = self._metering.seconds() if self._to is None else self._to
        return Spent(
            gb_seconds=(until - self._from) * self._metering.memory_gb,
            table_requests=self._requests.tables,
            blob_requests=self._requests.blobs,
            transfer_bytes=self._bytes.moved,
        )
