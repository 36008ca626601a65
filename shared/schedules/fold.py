"""Count the jobs that ended: (progress, ended jobs) -> progress.

When a job ends, only one row is written: its own. Its schedule's counts are updated when the engine
next writes the schedule. Until then, a reader adds the ended jobs to what it shows. Both call this.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from shared.schedules.job import RAN, Job, Status
from shared.schedules.model import Progress


def fold(progress: Progress, ended: Mapping[str, Job]) -> Progress:
    """`progress` with each live job that is in `ended` counted and no longer live."""
    done = [ended[job.id] for job in progress.live if job.id in ended]
    live = tuple(job for job in progress.live if job.id not in ended)
    return count(replace(progress, live=live), done)


def count(progress: Progress, ended: Iterable[Job]) -> Progress:
    """`progress` with these jobs counted, in the order in which they ended. Each counts once; a
    stretch counts once for each of its occurrences."""
    for job in sorted(ended, key=lambda job: (job.finished_at or job.due_at, job.due_at)):
        progress = _one(progress, job)
    return progress


def _one(progress: Progress, job: Job) -> Progress:
    if job.backfill is not None:
        return _of_backfill(progress, job)
    if job.started_at is not None and job.finished_at is not None:
        last = max(job.finished_at, progress.ended_at or job.finished_at)
        progress = replace(progress, ended_at=last)
    if not job.manual:
        latest = max(job.due_until, progress.last_due_at or job.due_until)
        progress = replace(progress, last_due_at=latest)
    match job.status:
        case Status.SUCCEEDED:
            progress = replace(
                progress,
                success_count=progress.success_count + 1,
                failures_in_row=0,
                last_error=None,
            )
        case Status.FAILED:
            progress = replace(
                progress,
                failure_count=progress.failure_count + 1,
                failures_in_row=progress.failures_in_row + 1,
                last_error=job.error,
            )
        case Status.SKIPPED:
            return replace(progress, skipped_count=progress.skipped_count + job.count)
        case Status.MISSED:
            return replace(progress, missed_count=progress.missed_count + job.count)
        case Status.CANCELLED:
            return replace(progress, cancelled_count=progress.cancelled_count + job.count)
    if job.status in RAN and job.started_at is not None:
        latest = max(job.started_at, progress.last_run_at or job.started_at)
        return replace(progress, last_run_at=latest)
    return progress


def _of_backfill(progress: Progress, job: Job) -> Progress:
    """The progress with a backfill's job counted, which ended: in its backfill, and nowhere else.
    One that a person ran again is not counted at all."""
    ended = max(job.finished_at or job.due_at, progress.backfilled_at or job.due_at)
    progress = replace(progress, backfilled_at=ended)
    at = progress.backfill
    if at is None or at.id != job.backfill or job.retry_of is not None:
        return progress
    match job.status:
        case Status.SUCCEEDED:
            at = replace(at, succeeded=at.succeeded + 1)
        case Status.FAILED:
            at = replace(at, failed=at.failed + 1)
        case Status.CANCELLED:
            at = replace(at, cancelled=at.cancelled + 1)
        case _:
            at = replace(at, skipped=at.skipped + 1)
    return replace(progress, backfill=at)
