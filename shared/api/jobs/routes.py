"""`/api/v1/jobs`: jobs that ran, run or wait (C11); cancel one, run one again."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Self

from fastapi import APIRouter, Query
from pydantic import Field

from shared.api.costs.shapes import JobCostOut
from shared.api.deps import Asking, Provided
from shared.api.fields import Input
from shared.api.lists import PAGE_SIZE, Page, Paged, PageSize, Since, Until, fitting, page_of, span
from shared.api.query import Number, ScheduleId
from shared.api.shown import Shown, at
from shared.schedules.job import Job, Status
from shared.settings import Prices

router = APIRouter(prefix="/api/v1/jobs", tags=["jobs"])


class Cancel(Input):
    """A request to cancel a job."""

    reason: str | None = Field(default=None, min_length=1, max_length=200)
    """Kept with the job."""


class JobOut(Shown):
    """A job. A job that stands for many occurrences (`count`) is a stretch: that many in a row were
    missed, skipped or cancelled for one reason, for example after a long outage."""

    id: str
    schedule_id: str
    schedule_name: str
    project_id: int | None
    task_type: str
    status: Status
    manual: bool
    """Whether a person asked for it, rather than its schedule."""
    backfill_id: str | None = at("backfill")
    """The backfill that it belongs to, if any; such a job is no run of the schedule's own, and not
    counted as one."""
    retry_of: str | None
    """The job that it repeats, if it repeats one."""
    cancel_requested: bool
    """Whether it was told to stop, and has not ended yet."""
    due_at: datetime
    """Of a stretch: when the first of its occurrences was due."""
    last_due_at: datetime | None
    """Of a stretch: when the last of its occurrences was due."""
    count: int
    """How many occurrences it stands for: 1, or those of a stretch."""
    stretch_id: str | None = at("stretch")
    """The stretch that this occurrence is part of, if any."""
    effective_at: datetime
    """When it was to start: its due time and its jitter."""
    started_at: datetime | None
    """When its last attempt started."""
    first_started_at: datetime | None
    """When its first attempt started, even if it was given back as its instance went down."""
    finished_at: datetime | None
    duration_seconds: float | None
    """Of its last attempt; null if the job was cancelled while it waited for the next."""
    lateness_seconds: float | None
    """From its effective time to the start of its first attempt; null if a person asked for it."""
    attempt: int
    task_parameters: dict[str, Any] = at("parameters")
    result: dict[str, Any] | None
    error: str | None
    reason: str | None
    tags: dict[str, str]
    done: float | None = None
    """How far a running job says it is, from 0 to 1. Given for a single job."""
    log: str | None = None
    """Given for a single job; lists leave it out. For a running job: what it has logged so far."""
    cost: JobCostOut | None = None
    """What it used, and what that costs. Given for a single job that ended, if it ran."""

    @classmethod
    def of(cls, job: Job) -> Self:
        """As lists show it."""
        shown = cls.model_validate(job)
        shown.log = None
        return shown

    @classmethod
    def whole(cls, job: Job, prices: Prices) -> Self:
        """As it is shown alone."""
        shown = cls.model_validate(job)
        if job.spent is not None:
            shown.cost = JobCostOut.of(job.spent, prices)
        return shown


class JobList(Paged):
    jobs: list[JobOut]


@router.get("")
def list_jobs(
    app: Provided,
    schedule_id: ScheduleId | None = None,
    of_schedule: Annotated[ScheduleId | None, Query(alias="tags.schedule_id")] = None,
    project_id: Number | None = None,
    task_type: str | None = None,
    status: Status | None = None,
    since: Since = None,
    until: Until = None,
    page: Page = 1,
    page_size: PageSize = PAGE_SIZE,
) -> JobList:
    """Jobs that fit every filter given, latest due first.

    `schedule_id` and `tags.schedule_id` are the same filter. `from` and `to` limit the due times:
    at or after `from`, and before `to`; ISO 8601 with an offset. Many occurrences in a row that
    ended alike without running are one job, with their `count`; it is listed if any of them was due
    then.
    """
    wanted = {
        "schedule_id": of_schedule,
        "project_id": project_id,
        "task_type": task_type,
        "status": status,
    }
    first, end = span(since, until)
    found = app().manager.jobs(schedule_id or of_schedule, first, end)
    items, told = page_of(fitting(found, wanted), page, page_size)
    return JobList(jobs=[JobOut.of(job) for job in items], **told)


@router.get("/{job_id}")
def read_job(app: Provided, job_id: str) -> JobOut:
    """One job, with its log. Each occurrence of a stretch can be read as a job too; it says which
    stretch it is part of."""
    belfry = app()
    return JobOut.whole(belfry.manager.job(job_id), belfry.settings.prices)


@router.post("/{job_id}/cancel", status_code=202)
def cancel_job(app: Provided, by: Asking, job_id: str, request: Cancel | None = None) -> JobOut:
    """Cancel it: a job that waits ends at once; a job that runs is told to stop within seconds.

    If its task does not stop, it runs to its end, and the job ends as the task does.
    """
    reason = request.reason if request is not None else None
    return JobOut.of(app().control.cancel(job_id, reason, by=by))


@router.post("/{job_id}/retry", status_code=202)
def retry_job(app: Provided, by: Asking, job_id: str) -> JobOut:
    """Run it again, if it failed, was missed or was cancelled; returns the job that repeats it.

    It runs now, with its schedule's present parameters, even if the schedule is turned off. Asking
    twice makes one run; to run it once more, retry the job that repeated it. For a stretch, the
    occurrence whose id is given runs; with the stretch's own id that is the first.
    """
    return JobOut.of(app().control.retry(job_id, by=by))
