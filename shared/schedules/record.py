"""Records of jobs: of live ones, from their schedules' rows, and of those that end unrun."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from shared.schedules.job import Job, Status, job_id
from shared.schedules.model import LiveJob, Schedule
from shared.schedules.owed import Owed
from shared.schedules.spent import NOTHING


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
        spent=None if live.spent == NOTHING else live.spent,
        held=live.held,
        taken_over=live.taken_over,
        trace=live.trace,
    )


def ended_live(
    schedule: Schedule, live: LiveJob, status: Status, now: datetime, reason: str
) -> Job:
    """A live job that ends without another attempt. If a worker had it, that one is gone."""
    return replace(
        of_live(schedule, live),
        status=status,
        finished_at=now,
        reason=reason,
        held=None,
        taken_over=live.taken_over + live.running,
    )


def ended(schedule: Schedule, due_at: datetime, status: Status, reason: str, now: datetime) -> Job:
    """The job of an occurrence that ends without running."""
    made = _bare(schedule, job_id(schedule.id, due_at), due_at, status)
    return replace(made, finished_at=now, reason=reason)


def stretch(schedule: Schedule, some: Owed, status: Status, reason: str, now: datetime) -> Job:
    """One job for occurrences that all end without running; for a single one, just its job."""
    made = ended(schedule, some.first, status, reason, now)
    return made if some.count == 1 else replace(made, count=some.count, last_due_at=some.last)


def within(stretch: Job, due_at: datetime) -> Job:
    """The job of one occurrence of a stretch; for the first occurrence, the stretch itself."""
    if due_at == stretch.due_at:
        return stretch
    return replace(
        stretch,
        id=job_id(stretch.schedule_id, due_at),
        due_at=due_at,
        count=1,
        last_due_at=None,
        stretch=stretch.id,
    )


def _bare(schedule: Schedule, name: str, due_at: datetime, status: Status) -> Job:
    return Job(
        id=name,
        schedule_id=schedule.id,
        schedule_name=schedule.definition.name,
        project_id=schedule.definition.project_id,
        task_type=schedule.definition.task_type,
        status=status,
        due_at=due_at,
        parameters=schedule.definition.task_parameters,
        schedule_tags=schedule.definition.tags,
    )
