"""A host as a process of its own: `python -m bench.belfry.host JSON`.

It takes messages as the Functions host does (eight at a time, twelve under way, polling every
0.1 to 1 s), keeps them invisible while it works, and ticks when it starts and then every
`tick_seconds` (0: never).
"""

from __future__ import annotations

import contextlib
import json
import sys
import threading
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bench.belfry.world import Jobs, app
from shared.app import App
from shared.storage.names import Names
from shared.storage.queue import parse

_BATCH = 8
_UNDER_WAY = 12
_INVISIBLE = 10
"""Seconds, renewed meanwhile: how long a killed host's messages stay hidden."""


class Host:
    """Polls, works, ticks; until it is killed."""

    def __init__(self, belfry: App, tick_seconds: float) -> None:
        self._belfry = belfry
        self._tick_seconds = tick_seconds
        self._queue: Any = belfry.connection.queue(Names(belfry.settings.prefix).queue)
        self._free = threading.Semaphore(_UNDER_WAY)

    def run(self, began: Path) -> None:
        """Write the time into `began`, then serve."""
        began.write_text(repr(time.time()))
        if self._tick_seconds:
            threading.Thread(target=self._tick, daemon=True).start()
        pause = 0.1
        while True:
            self._free.acquire()
            self._free.release()
            found = list(
                self._queue.receive_messages(
                    messages_per_page=_BATCH, max_messages=_BATCH, visibility_timeout=_INVISIBLE
                )
            )
            for message in found:
                self._free.acquire()
                threading.Thread(target=self._work, args=(message,), daemon=True).start()
            pause = 0.1 if found else min(pause * 1.5, 1.0)
            if not found:
                time.sleep(pause)

    def _tick(self) -> None:
        sweeps = 0
        while True:
            now = self._belfry.clock.now()
            self._belfry.dispatcher.tick(now, "bench")
            sweeps += 1
            if sweeps % 5 == 0:
                self._belfry.sweep.sweep(now)
            time.sleep(self._tick_seconds)

    def _work(self, message: Any) -> None:
        over = threading.Event()
        receipt = [message.pop_receipt]
        keeper = threading.Timer(_INVISIBLE / 2, self._keep, (message, receipt, over))
        keeper.daemon = True
        keeper.start()
        try:
            self._belfry.worker.work(parse(message.content))
        finally:
            over.set()
            keeper.cancel()
            self._free.release()
        with contextlib.suppress(Exception):  # it comes again, and is found spent
            self._queue.delete_message(message.id, receipt[0])

    def _keep(self, message: Any, receipt: list[str], over: threading.Event) -> None:
        while not over.is_set():
            with contextlib.suppress(Exception):
                changed = self._queue.update_message(
                    message.id, receipt[0], visibility_timeout=_INVISIBLE
                )
                receipt[0] = changed.pop_receipt
            over.wait(_INVISIBLE / 2)


def main(text: str) -> None:
    """Run a host until it is killed."""
    given = json.loads(text)
    keys = Path(given["keys"]) if given["keys"] else None
    jobs = Jobs(Path(given["ledger"]), given["seconds"], keys)
    belfry = app(
        given["connection_string"],
        given["prefix"],
        shards=given["shards"],
        jobs=jobs,
        lease_seconds=given["lease_seconds"],
    )
    belfry.table.get("warm")
    Host(belfry, given["tick_seconds"]).run(Path(given["began"]))


if __name__ == "__main__":
    main(sys.argv[1])
