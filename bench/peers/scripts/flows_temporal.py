"""Temporal's SDK, as a program of its own environment: `flows_temporal.py TASK PARAMETERS`.

One process is the worker and the client, on a server of its own.
"""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

from temporalio import activity, workflow  # type: ignore[import-not-found]
from temporalio.client import Client  # type: ignore[import-not-found]
from temporalio.worker import Worker  # type: ignore[import-not-found]

with workflow.unsafe.imports_passed_through():
    import flows  # type: ignore[import-not-found]

QUEUE = "bench"
LIMIT = {"start_to_close_timeout": timedelta(seconds=flows.settings["timeout"])}
LOOP = asyncio.new_event_loop()


class Site:
    """The client, once it is connected."""

    client: Any = None


@activity.defn  # type: ignore[untyped-decorator]
def link(run: str, before: dict[str, int]) -> dict[str, int]:
    """A step of a chain."""
    flows.step(run, before["number"])
    return {"number": before["number"] + 1}


@activity.defn  # type: ignore[untyped-decorator]
def first(run: str) -> dict[str, int]:
    """The step before the fan."""
    flows.step(run, 0)
    return {"number": 1}


@activity.defn  # type: ignore[untyped-decorator]
def one(run: str, number: int, before: dict[str, int]) -> dict[str, int]:
    """A step of the fan."""
    flows.step(run, number)
    return {"number": number * before["number"]}


@activity.defn  # type: ignore[untyped-decorator]
def join(run: str, results: list[dict[str, int]]) -> dict[str, int]:
    """The step after the fan."""
    flows.step(run, len(results) + 1)
    return {"sum": sum(one["number"] for one in results)}


@workflow.defn
class Chain:
    """Steps one after the other."""

    @workflow.run  # type: ignore[untyped-decorator]
    async def run(self, run: str, width: int) -> dict[str, int]:
        result = {"number": 0}
        for _ in range(width):
            result = await workflow.execute_activity(link, args=[run, result], **LIMIT)
        return result


@workflow.defn
class Fan:
    """One, many, one."""

    @workflow.run  # type: ignore[untyped-decorator]
    async def run(self, run: str, width: int) -> dict[str, int]:
        before = await workflow.execute_activity(first, args=[run], **LIMIT)
        results = await asyncio.gather(
            *[
                workflow.execute_activity(one, args=[run, number, before], **LIMIT)
                for number in range(1, width + 1)
            ]
        )
        ended: dict[str, int] = await workflow.execute_activity(
            join, args=[run, list(results)], **LIMIT
        )
        return ended


def soon(coroutine: Any) -> Any:
    """Its result, from the loop's thread."""
    return asyncio.run_coroutine_threadsafe(coroutine, LOOP).result()


def ready() -> None:
    """Connect, and work."""
    threading.Thread(target=LOOP.run_forever, daemon=True).start()
    Site.client = soon(Client.connect(flows.settings["url"]))
    soon(work())


async def work() -> None:
    """Start the worker. It runs as long as the process."""
    worker = Worker(
        Site.client,
        task_queue=QUEUE,
        workflows=[Chain, Fan],
        activities=[link, first, one, join],
        activity_executor=ThreadPoolExecutor(100),
    )
    Site.worker = LOOP.create_task(worker.run())  # type: ignore[attr-defined]


def begin(shape: str, run: str, width: int) -> flows.Wait:
    """Start a run."""
    kind = Chain if shape == "chain" else Fan
    handle = soon(Site.client.start_workflow(kind.run, args=[run, width], id=run, task_queue=QUEUE))
    return lambda: soon(handle.result())


if __name__ == "__main__":
    flows.main(begin, ready)
