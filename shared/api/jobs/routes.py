"""`/api/v1/jobs`: jobs that ran, run or wait (C11); cancel one, run one again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Self

from fastapi import APIRouter, Query, Response
from pydantic import Field

from shared.api import cursors, links, scope
from shared.api.answers import told
from shared.api.budgets.held import within_budget
from shared.api.costs.shapes import JobCostOut
from shared.api.cursors import Cursor
from shared.api.deps import Asking, Provided
from shared.api.fields import Input
from shared.api.idempotency import Once
from shared.api.lists import PAGE_SIZE, Page, Paged, PageSize, Since, Until, counts, span
from shared.api.query import Number, ScheduleId
from shared.api.shown import Shown, at
from shared.engine.commands.agreed import Agreed
from shared.errors import Invalid
from shared.jobs.entry import Filter, Key, ceiling
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
    held: str | None
    """What it waits for, if it cannot go on yet, such as a person's approval."""
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
    trace_id: str | None
    """The trace of what caused it, in which each of its attempts is a span; null if none is kept
    (docs/tracing.md)."""
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
    next_cursor: str | None = None
    """Give it as `cursor`, with the same filters, for the jobs after these; null at the end."""


@router.get("")
def list_jobs(
    app: Provided,
    asking: Asking,
    schedule_id: ScheduleId | None = None,
    of_schedule: Annotated[ScheduleId | None, Query(alias="tags.schedule_id")] = None,
    project_id: Number | None = None,
    task_type: str | None = None,
    status: Status | None = None,
    since: Since = None,
    until: Until = None,
    page: Page = 1,
    page_size: PageSize = PAGE_SIZE,
    cursor: Cursor = None,
) -> JobList:
    """Jobs that fit every filter given, latest due first.

    To go through all of them, give `next_cursor` of each page as `cursor` of the next: jobs that
    begin or end meanwhile move no other to another page.

    `schedule_id` and `tags.schedule_id` are the same filter. `from` and `to` limit the due times:
    at or after `from`, and before `to`; ISO 8601 with an offset. Many occurrences in a row that
    ended alike without running are one job, with their `count`; it is listed if any of them was due
    then.
    """
    first, end = span(since, until)
    wanted = Filter(
        schedule_id=schedule_id or of_schedule,
        projects=asking.among(project_id),
        task_types=None if task_type is None else [task_type],
        status=status,
        since=None if first is None else ceiling(first),
        until=None if end is None else ceiling(end),
    )
    if schedule_id is not None and of_schedule not in (None, schedule_id):
        return JobList(jobs=[], **counts(0, page, page_size))
    belfry = app()
    to = cursors.bound(
        "jobs",
        asking,
        schedule_id=wanted.schedule_id,
        project_id=project_id,
        task_type=task_type,
        status=status,
        since=wanted.since,
        until=wanted.until,
    )
    if cursor is None:
        found = belfry.jobs.page(wanted, (page - 1) * page_size, page_size)
    elif page == 1:
        found = belfry.jobs.after(wanted, _place(cursors.read(belfry.meta, to, cursor)), page_size)
    else:
        raise Invalid("page", "leave it out where `cursor` says where the page begins")
    last = found.following
    return JobList(
        jobs=[JobOut.of(job) for job in found.jobs],
        next_cursor=None if last is None else cursors.write(belfry.meta, to, last),
        **counts(found.total, page, page_size),
    )


def _place(read: Sequence[int | str]) -> Key:
    until, job_id = read
    return int(until), str(job_id)


@router.get("/{job_id}")
def read_job(app: Provided, asking: Asking, job_id: str) -> JobOut:
    """One job, with its log. Each occurrence of a stretch can be read as a job too; it says which
    stretch it is part of."""
    belfry = app()
    return JobOut.whole(scope.job(belfry, asking, job_id), belfry.settings.prices)


@router.post("/{job_id}/cancel", status_code=202)
def cancel_job(app: Provided, by: Asking, job_id: str, request: Cancel | None = None) -> JobOut:
    """Cancel it: a job that waits ends at once; a job that runs is told to stop within seconds.

    If its task does not stop, it runs to its end, and the job ends as the task does.
    """
    belfry = app()
    scope.own_job(belfry, by, job_id)
    reason = request.reason if request is not None else None
    return JobOut.of(belfry.control.cancel(job_id, reason, by=by))


@router.post("/{job_id}/retry", status_code=202, response_model=JobOut, responses=links.REPEATED)
def retry_job(app: Provided, by: Asking, job_id: str, once: Once) -> Response:
    """Run it again, if it failed, was missed or was cancelled; returns the job that repeats it.

    It runs now, with its schedule's present parameters, even if the schedule is turned off. Asking
    twice makes one run; to run it once more, retry the job that repeated it. For a stretch, the
    occurrence whose id is given runs; with the stretch's own id that is the first. Refused while a
    budget of its schedule is used up.
    """
    belfry = app()
    found = scope.own_job(belfry, by, job_id)

    def make(_: Agreed) -> Response:
        within_budget(belfry, found.schedule_id, found.project_id)
        return told(JobOut.of(belfry.control.retry(job_id, by=by)), 202)

    return once.answered(belfry, make)
