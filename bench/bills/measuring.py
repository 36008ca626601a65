"""Counts on this machine, with Azurite, what ticks, runs and requests do: requests to storage,
lines of log, seconds.

Belfry's own tasks run on an account without schedules of a company and without a database, as they
do on a quiet day; how often they run is counted from their times.
"""

from __future__ import annotations

import logging
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import functions
from bench.belfry.counted import Counted
from bench.belfry.counted import Counts as Requests
from bench.belfry.listed import Caller
from bench.belfry.measuring import account
from bench.belfry.world import Jobs, load, receiving
from bench.belfry.world import app as bench_app
from bench.bills.measured import NOTHING, Counts, Work
from shared.app import App, build
from shared.clock import SystemClock
from shared.engine.dispatch.names import DISPATCHER
from shared.recurrence import occurrences
from shared.settings import from_env
from shared.storage.names import Names
from shared.storage.queues.jobs import Message, parse
from shared.tasks import Registry, Task

_DAY, _JUST = timedelta(days=1), timedelta(seconds=1)
_A_DAY = datetime(2026, 11, 24, tzinfo=UTC)
"""A Tuesday: neither the weekly backup nor the weekly scores are due."""
_SENT = 2
"""Requests to queues of a message, beside sending it: received, deleted."""
_TOGETHER = 50
_SHARDS = 8


class _Lines(logging.Handler):
    """Counts what is logged."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.lines = self.bytes = 0

    def emit(self, record: logging.LogRecord) -> None:
        if record.name == "httpx":  # who asks here is no part of the app
            return
        self.lines += 1
        self.bytes += len(record.getMessage().encode())


class _Meter:
    """What is done while it runs."""

    def __init__(self, counted: Counted) -> None:
        self._counted = counted
        self._log = _Lines()
        logging.getLogger().setLevel(logging.INFO)  # as the worker has it
        logging.getLogger().addHandler(self._log)

    def of(self, call: Callable[[], object]) -> Work:
        """What the call does."""
        self._counted.take()
        lines, size, begin = self._log.lines, self._log.bytes, time.perf_counter()
        call()
        seconds = time.perf_counter() - begin
        return _work(self._counted.take(), self._log.lines - lines, self._log.bytes - size, seconds)

    def close(self) -> None:
        logging.getLogger().removeHandler(self._log)


def measured(ticks: int) -> Counts:
    """Everything; `ticks`: of how many the mean is taken."""
    tasks = list(functions.tasks())
    due = _due(tasks)
    with account() as text:
        with _metered(text, lambda transport: _own_app(text, tasks, transport)) as (belfry, meter):
            belfry.clocks.tick(DISPATCHER)
            tick = _mean(lambda: belfry.clocks.tick(DISPATCHER), ticks, meter)
            own = _own(belfry, meter, due)
            caller = Caller(belfry)
            caller.get("/schedules")
            request = _mean(lambda: caller.get("/schedules"), ticks, meter)
        handing, working = _run(text, 1)
        together = _run(text, _TOGETHER)
    queues, timers = _triggers(text)
    handed = sum(len(times) for times in due.values())
    return Counts(
        tick=tick,
        alone=handing.plus(working),
        together=together[0].plus(together[1]),
        own=own.plus(handing.times(handed)),
        own_runs=handed,
        own_moments=len({at for times in due.values() for at in times}),
        wake_ups=handed,
        request=request,
        queues=queues,
        timers=timers,
    )


def _own_app(text: str, tasks: list[Task], transport: object) -> App:
    settings = from_env({"AzureWebJobsStorage": text, "BELFRY_PREFIX": "own"})
    return build(settings, SystemClock(), Registry(tasks), transport=transport)


@contextmanager
def _metered(text: str, make: Callable[[object], App]) -> Iterator[tuple[App, _Meter]]:
    blobs = next(part for part in text.split(";") if part.startswith("BlobEndpoint="))
    counted = Counted(blobs.partition("=")[2])
    belfry = make(counted.transport())
    belfry.prepare()
    meter = _Meter(counted)
    try:
        yield belfry, meter
    finally:
        meter.close()


def _mean(call: Callable[[], object], times: int, meter: _Meter) -> Work:
    total = NOTHING
    for _ in range(times):
        total = total.plus(meter.of(call))
    return total.times(1 / times)


def _due(tasks: list[Task]) -> dict[str, list[datetime]]:
    """When each task is due on a day, if it needs no database of the company's: without one it is
    skipped, which costs as much as any short run."""
    return {
        task.name: list(occurrences(task.recurrence, _A_DAY - _JUST, _A_DAY + _DAY - _JUST))
        for task in tasks
        if task.recurrence is not None
    }


def _own(belfry: App, meter: _Meter, due: dict[str, list[datetime]]) -> Work:
    """One run of each of its own tasks, times how often it is due."""
    total = NOTHING
    for name, times in due.items():
        job_id = belfry.manager.run_now(name, force=True, send=False).job_id
        message = Message((job_id,), belfry.clock.now())
        total = total.plus(meter.of(partial(belfry.worker.work, message)).times(len(times)))
    return total


def _run(text: str, n: int) -> tuple[Work, Work]:
    """(handing it out, working on it) of a run of `n` that are due at the same time, whose task
    does nothing. What a tick costs that finds nothing is taken off."""
    prefix = f"runs{n}"

    def make(transport: object) -> App:
        return bench_app(text, prefix, shards=_SHARDS, jobs=Jobs(), transport=transport)

    with _metered(text, make) as (belfry, meter):

        def tick() -> object:
            return belfry.dispatcher.tick(belfry.clock.now(), "bench")

        tick()
        idle = meter.of(tick)
        load(belfry, n, time.time() - 3600)
        ticked = meter.of(tick)
        queue = receiving(belfry, Names(belfry.settings.prefix).queue)
        messages = [
            parse(one.content)
            for one in queue.receive_messages(messages_per_page=32, max_messages=32)
        ]
        worked = meter.of(lambda: [belfry.worker.work(one) for one in messages])
    handled = replace(NOTHING, queue=_SENT * len(messages))
    handed = ticked.plus(idle.times(-1)).plus(handled)
    return handed.times(1 / n), worked.times(1 / n)


def _work(found: Requests, lines: int, size: int, seconds: float) -> Work:
    return Work(
        table=found.table_requests,
        queue=found.queue_requests,
        blob_reads=found.blob_reads,
        blob_writes=found.blob_writes,
        lines=lines,
        bytes=size,
        seconds=seconds,
    )


def _triggers(text: str) -> tuple[int, int]:
    """(queues, timers) that functions wait for."""
    os.environ.setdefault("AzureWebJobsStorage", text)  # it does not start without
    import function_app

    kinds = Counter(
        binding.type
        for function in function_app.app.get_functions()
        for binding in function.get_bindings()
    )
    return kinds["queueTrigger"], kinds["timerTrigger"]
