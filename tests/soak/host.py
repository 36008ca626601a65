"""A host as a process: ticks, sweeps, and takes messages as the Functions host does, until killed.

What leaves the engine and is no `BelfryError` goes to the file `crashes`: there must be none.
"""

from __future__ import annotations

import os
import sys
import threading
import time
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from shared.errors import BelfryError
from shared.storage.failures import translated
from shared.storage.names import Names
from shared.storage.queue import parse
from tests.soak.world import FastClock, Setup, Traces, app

_BATCH = 8
_UNDER_WAY = 16
_INVISIBLE = 4
"""Seconds, renewed at half-time: how long a killed host's messages stay hidden."""
_TICK = 1.5
_TRIES = 5
"""Deliveries of a message before it counts as poison."""


class Host:
    """Polls, works, ticks; until it is killed."""

    def __init__(self, setup: Setup) -> None:
        self._folder = setup.folder
        self._app = app(setup, Traces(setup.folder, FastClock(setup.epoch)))
        self._queue: Any = self._app.connection.queue(Names(setup.prefix).queue)
        self._free = threading.Semaphore(_UNDER_WAY)

    def run(self) -> None:
        threading.Thread(target=self._tick, daemon=True).start()
        while True:
            self._free.acquire()
            self._free.release()
            found: list[Any] = self._safe(self._receive) or []
            for message in found:
                self._free.acquire()
                threading.Thread(target=self._handle, args=(message,), daemon=True).start()
            if not found:
                time.sleep(0.2)

    def _receive(self) -> list[Any]:
        with translated("queue storage"):
            return list(
                self._queue.receive_messages(
                    messages_per_page=_BATCH, max_messages=_BATCH, visibility_timeout=_INVISIBLE
                )
            )

    def _tick(self) -> None:
        for number in range(10**9):
            now = self._app.clock.now()
            self._safe(partial(self._app.dispatcher.tick, now, "soak"))
            if number % 4 == 3:
                self._safe(partial(self._app.sweep.sweep, now))
            time.sleep(_TICK)

    def _handle(self, message: Any) -> None:
        over = threading.Event()
        keeper = threading.Thread(target=self._keep, args=(message, over), daemon=True)
        keeper.start()
        if message.dequeue_count > _TRIES:
            done = self._safe(lambda: self._poisoned(message.content))
        else:
            done = self._safe(lambda: self._app.worker.work(parse(message.content)))
        over.set()
        keeper.join()
        if done is not None:  # else it comes again, when it is seen again
            self._safe(lambda: self._delete(message))
        self._free.release()

    def _poisoned(self, text: str) -> bool:
        self._app.poison.handle(text)
        return True

    def _keep(self, message: Any, over: threading.Event) -> None:
        while not over.wait(_INVISIBLE / 2):
            self._safe(lambda: self._hide(message))

    def _hide(self, message: Any) -> None:
        with translated("queue storage"):
            changed = self._queue.update_message(
                message.id, message.pop_receipt, visibility_timeout=_INVISIBLE
            )
            message.pop_receipt = changed.pop_receipt

    def _delete(self, message: Any) -> None:
        with translated("queue storage"):
            self._queue.delete_message(message.id, message.pop_receipt)

    def _safe(self, what: Callable[[], Any]) -> Any:
        """What it returns; None if it failed as things may."""
        try:
            return what()
        except BelfryError as error:
            print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
        except Exception:
            with (self._folder / "crashes").open("a") as file:
                file.write(f"{os.getpid()}\n{traceback.format_exc()}\n")
        return None


if __name__ == "__main__":
    Host(Setup.of(sys.argv[1])).run()
