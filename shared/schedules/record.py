"""Records of jobs: of one that lives in its schedule's row, and of one that ends unrun."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from shared.schedules.job import Job, Status
from shared.schedules.model import LiveJob, Schedule


def of_live(schedule: Schedule, live: LiveJob) -> Job:
    """A job that has not ended."""
    status = Status.RUNNING if live.running else Status.QUEUED
    return replace(
        _bare(schedule, live.id, live.due_at, status),
        jitter=live.jitter,
        attempt=live.attempt,
        started_at=live.started_at,
        first_started_at=live.first_started_at,
        worker=live.worker,
        error=live.error,
        reason=live.cancel and f"told to stop: {live.cancel}",
    )


def ended_live(
    schedule: Schedule, live: LiveJob, status: Status, now: datetime, reason: str
) -> Job:
    """A live job that ends without another attempt."""
    return replace(of_live(schedule, live), status=status, finished_at=now, reason=reason)


def ended(
    schedule: Schedule, job_id: str, due_at: datetime, status: Status, now: datetime, reason: str
) -> Job:
    """A job that ends without running."""
    return replace(_bare(schedule, job_id, due_at, status), finished_at=now, reason=reason)


def _bare(schedule: Schedule, job_id: str, due_at: datetime, status: Status) -> Job:
    return Job(
        id=job_id,
        schedule_id=schedule.id,
        schedule_name=schedule.definition.name,
        project_id=schedule.definition.project_id,
        task_type=schedule.definition.task_type,
        status=status,
        due_at=due_at,
        parameters=schedule.definition.task_parameters,
    )
