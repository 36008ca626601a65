"""What a test gives to a task: a `JobContext` of its own, which no engine runs."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Coroutine

from shared.clock import Clock, SystemClock
from shared.errors import Misconfigured
from shared.log import JobLog
from shared.tasks import (
    BackupPlan,
    BackupService,
    JobContext,
    Params,
    RestoreOrder,
    Result,
    ScrubOrder,
    Task,
    VerifyOrder,
)


def job_of(
    backups: BackupService | None = None,
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
        backups=backups or _NoBackups(),
        stop=stop or threading.Event(),
    )


def result_of(task: Task, job: JobContext, params: Params) -> Result:
    """What the task returns, be its function plain or `async`."""
    returned = task.run(job, params)
    return asyncio.run(returned) if isinstance(returned, Coroutine) else returned


class _NoBackups:
    """Refuses all that a task could ask of backups."""

    def take(self, plan: BackupPlan, job: JobContext) -> Result:
        del plan
        raise _none(job)

    def verify(self, order: VerifyOrder, job: JobContext) -> Result:
        del order
        raise _none(job)

    def restore(self, order: RestoreOrder, job: JobContext) -> Result:
        del order
        raise _none(job)

    def watch(self, job: JobContext) -> Result:
        raise _none(job)

    def upkeep(self, job: JobContext) -> Result:
        raise _none(job)

    def scrub(self, order: ScrubOrder, job: JobContext) -> Result:
        del order
        raise _none(job)


def _none(job: JobContext) -> Misconfigured:
    return Misconfigured(f"the test of {job.job_id} gave it no backups")
