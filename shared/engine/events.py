"""Logs jobs that ended."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace

from shared.log import Event, event
from shared.schedules.job import Job, Status


def tell_ended(logger: logging.Logger, job: Job) -> None:
    """Log how a job ended."""
    level = logging.ERROR if job.status in (Status.FAILED, Status.MISSED) else logging.INFO
    event(
        logger,
        Event(f"job_{job.status.value}"),
        level=level,
        schedule_id=job.schedule_id,
        job_id=job.id,
        count=job.count if job.count > 1 else None,
        due_at=job.due_at if job.count > 1 else None,
        last_due_at=job.last_due_at,
        attempt=job.attempt or None,
        trace_id=job.trace_id,
        duration_seconds=job.duration_seconds,
        reason=job.reason,
        error=job.error,
    )


def tell_unrun(logger: logging.Logger, jobs: Sequence[Job]) -> None:
    """Log which of a schedule's occurrences ended without running (oldest first), with one line for
    all that ended in the same way."""
    alike: dict[tuple[Status, str | None], list[Job]] = {}
    for job in jobs:
        alike.setdefault((job.status, job.reason), []).append(job)
    for some in alike.values():
        first, count = some[0], sum(job.count for job in some)
        all_of_them = replace(first, count=count, last_due_at=some[-1].due_until)
        tell_ended(logger, first if count == 1 else all_of_them)
