"""What runs cost a month, from measured counts and list prices.

The prices are list prices in US dollars for one region (East US, locally redundant, pay as you
go), as last known to us; compare them before you rely on a sum. A transaction of many entities is
billed as one request.

https://azure.microsoft.com/pricing/details/storage/tables/
https://azure.microsoft.com/pricing/details/storage/queues/
https://azure.microsoft.com/pricing/details/functions/ (Consumption, with its free grants)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bench.belfry.counted import Counts

TABLE_REQUEST = 0.00036 / 10_000
QUEUE_REQUEST = 0.004 / 10_000
EXECUTION = 0.20 / 1_000_000
FREE_EXECUTIONS = 1_000_000
GB_SECOND = 0.000016
FREE_GB_SECONDS = 400_000

DAYS = 30
_CLOCKS_A_MINUTE = 2
"""The dispatcher's timer and the message that renews itself."""
_QUEUES = 6
_TICK = 3
"""Of a tick to tables, beside one for each shard: what the clocks know, notes, its heartbeat."""
_SWEEP = (7, 2)
"""Of a sweep to tables and to queues: each tick has one where something runs each minute."""
_POLLS_A_SECOND = 1
"""Of an instance that finds nothing: `maxPollingInterval` in host.json."""
_INSTANCE_GB = 0.5
_SECONDS_OF_A_MESSAGE = 1.5
"""For which it is received ahead of its time, and waits: one to two (`queue.AHEAD`)."""
_SECONDS_OF_A_RUN = 0.1
"""Of a task, beside what it does itself: its share of an execution."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PerRun:
    """Storage requests of one run, and executions of functions."""

    table: float
    queue: float
    executions: float

    @staticmethod
    def of(ticked: Counts, worked: Counts, runs: int, messages: int) -> PerRun:
        """From the counts of `runs` runs, which came in so many messages."""
        received_and_deleted = 2 * messages
        return PerRun(
            table=(ticked.table_requests + worked.table_requests) / runs,
            queue=(ticked.queue_requests + worked.queue_requests + received_and_deleted) / runs,
            executions=messages / runs,
        )


def table(alone: PerRun, together: PerRun, shards: int) -> Iterator[str]:
    """Lines: dollars a month at so many runs a day. `alone`: each run has its own message."""
    yield "dollars a month, at the list prices that bench/belfry/cost.py names:"
    yield f"  {'runs a day':>12} {'clocks and polls':>17} {'each alone':>11} {'fifty at once':>14}"
    idle = _idle(shards)
    for runs in (1_000, 100_000, 10_000_000):
        yield (
            f"  {runs:12,} {idle:17,.2f} {_runs(alone, runs):11,.2f} {_runs(together, runs):14,.2f}"
        )


def _idle(shards: int) -> float:
    """One instance that does nothing: ticks, and polls of its queues."""
    ticks = _CLOCKS_A_MINUTE * 60 * 24 * DAYS
    polls = _QUEUES * _POLLS_A_SECOND * 86_400 * DAYS
    tables, queues = _SWEEP
    tables += shards + _TICK
    return ticks * tables * TABLE_REQUEST + (polls + queues * ticks) * QUEUE_REQUEST


def _runs(one: PerRun, a_day: int) -> float:
    month = a_day * DAYS
    executions = max(0, month * one.executions - FREE_EXECUTIONS)
    lasts = _SECONDS_OF_A_MESSAGE + _SECONDS_OF_A_RUN
    seconds = max(0, month * one.executions * lasts * _INSTANCE_GB - FREE_GB_SECONDS)
    requests = month * (one.table * TABLE_REQUEST + one.queue * QUEUE_REQUEST)
    return requests + executions * EXECUTION + seconds * GB_SECOND
