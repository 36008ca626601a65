"""A queue trigger as the Functions host serves one, with what host.json says.

It receives up to `batchSize` messages when no more than `newBatchThreshold` are in hand, and hides
them for ten minutes: those of a host that is killed come back that late. What a function raised
gives its message back, and after `maxDequeueCount` deliveries it is a dead letter.

https://learn.microsoft.com/azure/azure-functions/functions-bindings-storage-queue
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

from shared.app import App
from shared.engine.work.threads import Threads
from shared.storage.failures import translated
from shared.storage.names import Names
from shared.storage.queues.jobs import parse, parse_long
from tests import sdk
from tests.soak.pace import SPEED

_HOST = json.loads((Path(__file__).resolve().parents[2] / "host.json").read_text())
_SAID = _HOST["extensions"]["queues"]
BATCH: int = _SAID["batchSize"]
THRESHOLD: int = _SAID["newBatchThreshold"]
IN_HAND = BATCH + THRESHOLD
"""Messages that a host has in hand at most."""
_DELIVERIES: int = _SAID["maxDequeueCount"]
_HIDDEN = 600 // SPEED
"""Seconds for which a received message cannot be seen. The host prolongs that; no job of the soak
lasts so long that it would have to."""
_RETURNED = 1
"""Seconds after which a message comes back that a function raised on (`visibilityTimeout`)."""
_used, _alone = threading.Event(), threading.Lock()
"""Whether the SDK read messages before. The first time it makes its classes ready, which fails if
two threads do so at once."""
_SHORTEST, _LONGEST = 0.1, 1.0
"""Seconds from one look into an empty queue to the next; the latter is `maxPollingInterval`."""


class Listener:
    """One of the two workers' triggers. `safe` calls what may fail; None if it did."""

    def __init__(self, app: App, *, long: bool, safe: Callable[[Callable[[], Any]], Any]) -> None:
        names = Names(app.settings.prefix)
        self._app = app
        self._long = long
        self._safe = safe
        self._queue: Any = sdk.queue(app, names.long_queue if long else names.queue)
        self._hands = Threads("message")
        self._in_hand = 0
        self._changed = threading.Condition()

    def listen(self) -> None:
        """Receive, and have handled, for good."""
        pause = _SHORTEST
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._in_hand <= THRESHOLD)
            found: list[Any] = self._safe(self._receive) or []
            with self._changed:
                self._in_hand += len(found)
            for message in found:
                self._hands.call(partial(self._handle, message))
            if found:
                pause = _SHORTEST
            else:
                time.sleep(pause)
                pause = min(2 * pause, _LONGEST)

    def _handle(self, message: Any) -> None:
        try:
            if message.dequeue_count > _DELIVERIES:
                done = self._safe(lambda: self._give_up(message.content))
            else:
                done = self._safe(lambda: self._work(message.content))
                if done is None and message.dequeue_count >= _DELIVERIES:
                    done = self._safe(lambda: self._give_up(message.content))
            self._safe(lambda: self._delete(message) if done else self._give_back(message))
        finally:
            with self._changed:
                self._in_hand -= 1
                self._changed.notify()

    def _work(self, text: str) -> bool:
        """As `functions._azure` does."""
        read = self._app.poison.read(text, parse_long if self._long else parse)
        if read is not None:
            worker = self._app.long_worker if self._long else self._app.short_worker
            worker.work(read.received(self._app.clock.now()))
        return True

    def _give_up(self, text: str) -> bool:
        """As the functions do that take what is in the poison queues."""
        self._app.poison.handle(text, long=self._long)
        return True

    def _receive(self) -> list[Any]:
        turn: AbstractContextManager[object] = nullcontext() if _used.is_set() else _alone
        with turn, translated("queue storage"):
            found = list(
                self._queue.receive_messages(
                    messages_per_page=BATCH, max_messages=BATCH, visibility_timeout=_HIDDEN
                )
            )
        if found:
            _used.set()
        return found

    def _give_back(self, message: Any) -> None:
        with translated("queue storage"):
            self._queue.update_message(
                message.id, message.pop_receipt, visibility_timeout=_RETURNED
            )

    def _delete(self, message: Any) -> None:
        with translated("queue storage"):
            self._queue.delete_message(message.id, message.pop_receipt)
