"""Tasks that leave traces. What they do follows from their attempt; times are the fast clock's."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import cast

from functions.customers.batch import batch
from functions.customers.health_check import health_check
from functions.customers.webhook_delivery import webhook_delivery
from functions.operations.audit_upkeep import audit_upkeep
from functions.operations.index_upkeep import index_upkeep
from functions.operations.webhook_retries import webhook_retries
from functions.workflows.workflow_event import workflow_event
from functions.workflows.workflow_wait import workflow_wait
from shared.errors import Refused
from shared.tasks import JobContext, Params, Registry, Result, Task, task
from tests.soak.traces import Traces

TASKS = (
    "quick",
    "quick",
    "flaky",
    "flaky",
    "slow",
    "hangs",
    "heeds",
    "lasts",
    "limited",
    "coroutine",
)
"""What people's schedules run."""


_UPKEEP = (index_upkeep, audit_upkeep, webhook_retries)
_CUSTOMERS = (webhook_delivery, health_check, batch)
_OF_WORKFLOWS = (workflow_wait, workflow_event)
UPKEEP = tuple(one.name for one in _UPKEEP)
"""The service's own tasks that the soak runs; the people's schedules leave them out."""


class Item(Params):
    """An item of a batch."""

    number: int


class Seconds(Params):
    """How long it takes."""

    seconds: float = 0.0


def registry(traces: Traces, factor: int) -> Registry:
    """All of them, on a clock that is so many times as fast as life."""

    def traced(work: Callable[[JobContext], None]) -> Callable[[JobContext], Result]:
        def run(job: JobContext) -> Result:
            traces.begin(job)
            try:
                work(job)
                return {}
            finally:
                traces.write("end", job.job_id, job.attempt)

        return run

    def quick(job: JobContext) -> None:
        traces.effect(job)

    def flaky(job: JobContext) -> None:
        pause(job, 20 * chance(job, "time"))
        if chance(job, "fail") < 0.4:
            raise OSError("not this time")
        traces.effect(job)

    def refused(job: JobContext) -> None:
        raise Refused("the soak", "no, and no again")

    def slow(job: JobContext) -> None:
        _work(job, 10, 90 * chance(job, "time"))
        traces.effect(job)

    def lasts(job: JobContext) -> None:
        """Up to twenty minutes, if it may: a long job in earnest."""
        _work(job, 20, 60 * chance(job, "time"))
        traces.effect(job)

    def hangs(job: JobContext) -> None:
        if chance(job, "hang") < 0.3:
            pause(job, 1200, heed=False)
        traces.effect(job)

    def heeds(job: JobContext) -> None:
        pause(job, 400)
        job.check()
        traces.effect(job)

    async def coroutine(job: JobContext) -> Result:
        traces.begin(job)
        try:
            await asyncio.sleep(300 * chance(job, "time") / factor)
            traces.effect(job)
        finally:
            traces.write("end", job.job_id, job.attempt)
        return {}

    def sits(job: JobContext, params: Seconds) -> Result:
        """Just so long."""

        def sit(job: JobContext) -> None:
            pause(job, params.seconds)
            job.check()
            traces.effect(job)

        return traced(sit)(job)

    def item(job: JobContext, params: Item) -> Result:
        """What a batch does to an item, which must not be done twice; some fail."""
        traces.write("item", job.job_id, params.number)
        pause(job, 30 * chance(job, "time"))
        if chance(job, "fail") < 0.05:
            raise OSError("not this one")
        return {"number": params.number}

    plain = (quick, flaky, refused, slow, lasts, hangs, heeds)
    made = [task(work.__name__, for_projects=True)(traced(work)) for work in plain]
    made.append(task("limited", max_concurrent=3, for_projects=True)(traced(flaky)))
    made.append(task("coroutine")(coroutine))
    made.append(task("sits")(sits))
    made.append(task("item", for_projects=True)(item))
    made += [_real(real, traces) for real in (*_UPKEEP, *_CUSTOMERS, *_OF_WORKFLOWS)]
    return Registry(made)


def _real(real: Task, traces: Traces) -> Task:
    """A task of the service, traced. It has no time of its own, or its timer would be a clock."""

    def run(job: JobContext, **services: object) -> Result:
        traces.begin(job)
        try:
            made = cast(Result, real.run(job, **services))
            traces.effect(job)
            return made
        finally:
            traces.write("end", job.job_id, job.attempt)

    return replace(real, run=run, recurrence=None)


def chance(job: JobContext, what: str) -> float:
    """From 0 to 1: the same for the same attempt of the same job."""
    digest = hashlib.sha256(f"{what}:{job.job_id}:{job.attempt}".encode()).digest()
    return int.from_bytes(digest[:8]) / 2**64


def pause(job: JobContext, seconds: float, heed: bool = True) -> None:
    """Wait, until it is told to stop if it heeds that."""
    job.clock.wait(job.stop if heed else threading.Event(), timedelta(seconds=seconds))


def _work(job: JobContext, steps: int, seconds: float) -> None:
    """So many steps of so many seconds each."""
    for step in range(steps):
        pause(job, seconds)
        job.check()
        job.progress(step + 1, steps)
