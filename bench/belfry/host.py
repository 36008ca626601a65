"""A host as a process of its own: `python -m bench.belfry.host JSON`.

It takes messages as the Functions host does: as host.json says, so many of each queue at once,
polled less and less often, hidden for ten minutes and again at half-time while it works. It ticks
when it starts and then every `tick_seconds`.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from azure.core.exceptions import AzureError

from bench.belfry.flows import FlowJobs
from bench.belfry.world import Jobs, app, receiving
from local.host.settings import QueueOptions, read_host_json
from shared.app import App
from shared.engine.dispatch.names import DISPATCHER
from shared.engine.work.worker import Worker
from shared.storage.names import Names
from shared.storage.queues.jobs import parse

_ROOT = Path(__file__).resolve().parents[2]
_SHORTEST_POLL = 0.1


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """What the host is to do."""

    connection_string: str
    prefix: str
    shards: int
    ledger: str
    began: str
    """The file into which it writes when it began to serve."""
    seconds: float = 0
    """What a job takes."""
    starts: bool = False
    """A job writes its line when it starts."""
    keys: str = ""
    """A folder of idempotency keys; none if empty."""
    at_once: int = 50
    """Jobs; 0: as it comes."""
    lease_seconds: int = 60
    tick_seconds: float = 60
    """0: never."""
    flows: bool = False
    """Its jobs are steps of workflows (`flows.FlowJobs`)."""
    hidden_seconds: int = 600
    """So long messages stay hidden that a killed host had taken."""


def lanes(belfry: App) -> list[tuple[str, Worker]]:
    """Each queue of jobs, and who works on it: a function each in the real host."""
    names = Names(belfry.settings.prefix)
    return [(names.queue, belfry.short_worker), (names.long_queue, belfry.long_worker)]


class Lane:
    """One queue's function."""

    def __init__(self, queue: Any, worker: Worker, options: QueueOptions, hidden: int) -> None:
        self._queue = queue
        self._worker = worker
        self._options = options
        self._hidden = hidden
        self._in_hand = 0
        self._changed = threading.Condition()

    def run(self) -> None:
        """Take messages and work on them, until the process is killed."""
        pause, longest = _SHORTEST_POLL, self._options.max_polling_interval.total_seconds()
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._in_hand <= self._options.new_batch_threshold)
            found = self._take()
            for message in found:
                threading.Thread(target=self._work, args=(message,), daemon=True).start()
            if found:
                pause = _SHORTEST_POLL
            else:
                time.sleep(pause)
                pause = min(pause * 1.5, longest)

    def _take(self) -> list[Any]:
        size = self._options.batch_size
        pages = self._queue.receive_messages(
            messages_per_page=size, max_messages=size, visibility_timeout=self._hidden
        )
        found = list(pages)
        with self._changed:
            self._in_hand += len(found)
        return found

    def _work(self, message: Any) -> None:
        over = threading.Event()
        renewing = threading.Thread(target=self._renew, args=(message, over), daemon=True)
        renewing.start()
        try:
            self._worker.work(parse(message.content))
        except Exception:  # as a function that failed: it comes back after a while
            self._end(message, over, renewing, back=True)
            raise
        else:
            self._end(message, over, renewing, back=False)

    def _end(
        self, message: Any, over: threading.Event, renewing: threading.Thread, *, back: bool
    ) -> None:
        over.set()
        renewing.join()
        try:
            if back:
                self._hide(message, int(self._options.visibility_timeout.total_seconds()))
            else:
                self._queue.delete_message(message.id, message.pop_receipt)
        except AzureError as error:  # it comes again, and is found spent
            print(f"message {message.id}: {error}", file=sys.stderr)
        finally:
            with self._changed:
                self._in_hand -= 1
                self._changed.notify_all()

    def _renew(self, message: Any, over: threading.Event) -> None:
        while not over.wait(self._hidden / 2):
            try:
                self._hide(message, self._hidden)
            except AzureError as error:
                print(f"message {message.id} not renewed: {error}", file=sys.stderr)

    def _hide(self, message: Any, seconds: int) -> None:
        changed = self._queue.update_message(
            message.id, message.pop_receipt, visibility_timeout=seconds
        )
        message.pop_receipt = changed.pop_receipt


def _tick(belfry: App, order: Order) -> None:
    while True:
        belfry.clocks.tick(DISPATCHER)
        time.sleep(order.tick_seconds)


def main(order: Order) -> None:
    """Run a host until it is killed."""
    keys, ledger = Path(order.keys) if order.keys else None, Path(order.ledger)
    jobs = Jobs(ledger, order.seconds, order.starts, keys)
    belfry = app(
        order.connection_string,
        order.prefix,
        shards=order.shards,
        jobs=FlowJobs(ledger, order.seconds) if order.flows else jobs,
        at_once=order.at_once,
        lease_seconds=order.lease_seconds,
    )
    belfry.table.get("warm")
    options = read_host_json(_ROOT, {}).queues
    work = [
        Lane(receiving(belfry, name), worker, options, order.hidden_seconds).run
        for name, worker in lanes(belfry)
    ]
    if order.tick_seconds:
        work.append(lambda: _tick(belfry, order))
    Path(order.began).write_text(repr(time.time()))
    threads = [threading.Thread(target=one) for one in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main(Order(**json.loads(sys.argv[1])))
