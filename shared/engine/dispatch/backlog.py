"""Sharing a backlog: which shards have one, and which instance works each of them off.

A tick sends a message for each shard in which more than a page is due, and then starts on those
shards itself. Every instance that receives such a message does the same. The lock on a shard only
saves instances from doing the same work twice; the outcome is right without it.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from shared.clock import Clock
from shared.storage.queues.jobs import ShardQueue
from shared.storage.tables.locks import Locks

_HOLD = timedelta(minutes=2)


class Backlog:
    """The announcements and the locks, bound to their stores."""

    def __init__(self, queue: ShardQueue, locks: Locks, clock: Clock) -> None:
        self._queue = queue
        self._locks = locks
        self._clock = clock

    def announce(self, shard: str, now: datetime) -> None:
        """Tell every instance that the shard has a backlog."""
        self._queue.send(shard, now)

    @contextmanager
    def held(self, shard: str) -> Iterator[bool]:
        """Hold the shard while the block runs; yields whether nobody else holds it."""
        holder = secrets.token_hex(6)
        now = self._clock.now()
        alone = self._locks.take(f"shard:{shard}", holder, now, now + _HOLD)
        try:
            yield alone
        finally:
            if alone:
                self._locks.release(f"shard:{shard}", holder)
