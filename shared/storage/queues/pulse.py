"""The queue of the clock that is a message (`dispatch.queue_clock`)."""

from __future__ import annotations

import math
from datetime import timedelta

from shared.storage.failures import translated
from shared.storage.queues.queue import Queue


class PulseQueue:
    """The queue. Raises `Unavailable` or `Refused` if storage fails."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue

    def send(self, text: str, after: timedelta) -> None:
        """Send a message that stays invisible until `after` has passed; it does not expire."""
        seconds = max(0, math.ceil(after.total_seconds()))
        with translated("queue storage"):
            self._queue.put(text, seconds)
