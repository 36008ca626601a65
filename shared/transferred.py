"""Counts the bytes that go to and come from places outside, for whoever asks (`counting`): what a
job's task moved (N7). The guarded client counts them at its sockets, so TLS and heads are in it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar


class Bytes:
    """A count. Several threads may add to it at once."""

    def __init__(self) -> None:
        self.moved = 0
        self._lock = threading.Lock()

    def add(self, count: int) -> None:
        """Count so many more."""
        with self._lock:
            self.moved += count


_counts: ContextVar[Bytes | None] = ContextVar("bytes", default=None)


@contextmanager
def counting(moved: Bytes) -> Iterator[None]:
    """Count in `moved` what this thread sends and receives in the block, and what the threads do
    that are given work by `shared.threads`. What was counted in a block counts in the one around it
    when it ends."""
    around = _counts.get()
    before = _counts.set(moved)
    try:
        yield
    finally:
        _counts.reset(before)
        if around is not None:
            around.add(moved.moved)


def count(moved: int) -> None:
    """Count bytes that were sent or received."""
    found = _counts.get()
    if found is not None:
        found.add(moved)
