"""The queue listener's hold on a message: renewed while the function runs, so that no one else
gets it. (test_host.py has the rest; this needs a hold of seconds instead of ten minutes.)"""

from __future__ import annotations

import asyncio
from datetime import timedelta

from azure.storage.queue import QueueClient

from local.azurite import Azurite
from local.host.queues import Queue
from local.host.settings import QueueOptions
from local.host.worker import Function, Outcome, Worker

TRIGGER = {"type": "queueTrigger", "name": "msg", "queueName": "held", "connection": "STORAGE"}
OPTIONS = QueueOptions(max_polling_interval=timedelta(milliseconds=200), base64=False)


class _Slow(Worker):
    """A worker whose function takes longer than messages are held."""

    def __init__(self, seconds: float) -> None:
        super().__init__(None)
        self.seconds = seconds
        self.calls = 0
        self.ended = asyncio.Event()

    async def invoke(self, *_: object) -> Outcome:
        self.calls += 1
        await asyncio.sleep(self.seconds)
        self.ended.set()
        return Outcome(succeeded=True)


def test_a_message_stays_invisible_for_as_long_as_its_function_runs(azurite: Azurite) -> None:
    worker = _Slow(seconds=3.4)
    environ = {"STORAGE": azurite.connection_string}
    listener = Queue(
        worker, Function("slow", "slow", (TRIGGER,)), environ, OPTIONS, hold=timedelta(seconds=2)
    )

    async def run() -> None:
        stop = asyncio.Event()
        listening = asyncio.create_task(listener.run(stop))
        await worker.ended.wait()
        stop.set()
        await listening

    with QueueClient.from_connection_string(azurite.connection_string, "held") as queue:
        queue.create_queue()
        queue.send_message("once")
        asyncio.run(run())
        assert worker.calls == 1
        assert queue.get_queue_properties().approximate_message_count == 0
    listener.close()
