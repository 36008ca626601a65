"""`/api/v1/jobs`: what ran, runs and waits (C11); cancel one, run one again."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from shared.api.schemas import Cancel, JobList, JobOut, page_of
from shared.app import app
from shared.schedules.job import Status

router = APIRouter(prefix="/api/v1/jobs", tags=["jobs"])


@router.get("")
def list_jobs(
    schedule_id: Annotated[str | None, Query(alias="tags.schedule_id")] = None,
    status: Status | None = None,
    page: Annotated[int, Query(ge=1)] = 1,
    page_size: Annotated[int, Query(ge=1, le=100)] = 50,
) -> JobList:
    """Jobs, latest due first."""
    found = [
        job for job in app().manager.jobs(schedule_id) if status is None or job.status is status
    ]
    items, pages = page_of(found, page, page_size)
    return JobList(
        jobs=[JobOut.of(job) for job in items],
        total=len(found),
        page=page,
        page_size=page_size,
        pages=pages,
    )


@router.get("/{job_id}")
def read(job_id: str) -> JobOut:
    """One job, with its log."""
    return JobOut.of(app().manager.job(job_id), log=True)


@router.post("/{job_id}/cancel", status_code=202)
def cancel(job_id: str, request: Cancel | None = None) -> JobOut:
    """Cancel it: one that waits ends at once, one that runs is told to stop within seconds.

    A task that does not heed that runs to its end, and its job ends as it does.
    """
    reason = request.reason if request is not None else None
    return JobOut.of(app().control.cancel(job_id, reason))


@router.post("/{job_id}/retry", status_code=202)
def retry(job_id: str) -> JobOut:
    """Run it again, if it failed, was missed or was cancelled; the job that repeats it.

    It runs now, with its schedule's present parameters, though that is turned off. To ask twice
    makes one run; to run it once more, retry the job that repeated it.
    """
    return JobOut.of(app().control.retry(job_id))
