"""What a test gives to a task: a `JobContext` of its own, which no engine runs."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Coroutine

from shared.clock import Clock, SystemClock
from shared.log import JobLog
from shared.tasks import JobContext, Params, Result, Task


def job_of(
    *,
    attempt: int = 1,
    stop: threading.Event | None = None,
    clock: Clock | None = None,
) -> JobContext:
    """A job that is due now, by `clock`.

    Afterwards `job.log.text()` is what the task said, and `job.progress.done` how far it came. To
    set `job.stop` tells it to end.
    """
    clock = clock or SystemClock()
    return JobContext(
        job_id="nightly:2026",
        schedule_id="nightly",
        due_at=clock.now(),
        attempt=attempt,
        clock=clock,
        log=JobLog(logging.getLogger("test"), {}, lambda: "t"),
        stop=stop or threading.Event(),
    )


def result_of(
    task: Task, job: JobContext, params: Params | None = None, **services: object
) -> Result:
    """What the task returns, be its function plain or `async`; `services` by their names in it."""
    named = {} if task.takes.params is None else {task.takes.params: params or task.params()}
    returned = task.run(job, **named, **services)
    return asyncio.run(returned) if isinstance(returned, Coroutine) else returned
