"""What a test gives to a task: a `JobContext` of its own, which no engine runs."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping

from shared.clock import Clock, SystemClock
from shared.errors import Misconfigured
from shared.log import JobLog
from shared.tasks import BackupService, JobContext


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


class _NoBackups:
    def take(self, source: str, job: JobContext) -> Mapping[str, object]:
        raise Misconfigured(f"the test of {job.job_id} gave it no backups to take {source} with")
