"""The queue of the clock that is a message (`dispatch.queue_clock`)."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING

from shared.storage.failures import translated

if TYPE_CHECKING:
    from azure.storage.queue import QueueClient


class PulseQueue:
    """The queue. Raises `Unavailable` or `Refused` when the storage does."""

    def __init__(self, queue: QueueClient) -> None:
        self._queue = queue

    def send(self, text: str, after: timedelta) -> None:
        """Send a message that is not seen before `after` has passed; it does not expire."""
        seconds = max(0, math.ceil(after.total_seconds()))
        with translated("queue storage"):
            self._queue.send_message(text, visibility_timeout=seconds, time_to_live=-1)
