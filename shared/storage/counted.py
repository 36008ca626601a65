"""Counts requests to storage, for whoever asks (`counting`): what a job's task did (P11).

An attempt of a request that is tried again counts too, since the service bills it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Literal, TypeAlias

Service: TypeAlias = Literal["tables", "blobs"]
"""What is counted apart; requests to queues count with those to tables."""


class Requests:
    """Counts. Several threads may add to them at once."""

    def __init__(self) -> None:
        self.tables = 0
        self.blobs = 0
        self._lock = threading.Lock()

    def add(self, service: Service) -> None:
        """Count one request."""
        with self._lock:
            if service == "tables":
                self.tables += 1
            else:
                self.blobs += 1


_counts: ContextVar[Requests | None] = ContextVar("requests", default=None)


@contextmanager
def counting(requests: Requests) -> Iterator[None]:
    """Count in `requests` what this thread sends in the block, and what the threads send that are
    given work by `shared.threads`."""
    before = _counts.set(requests)
    try:
        yield
    finally:
        _counts.reset(before)


def count(service: Service) -> None:
    """Count a request that is about to be sent."""
    found = _counts.get()
    if found is not None:
        found.add(service)
