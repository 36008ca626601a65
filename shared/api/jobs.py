"""`/api/v1/jobs`: what ran, runs and waits (C11)."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from shared.api.schemas import JobList, JobOut, page_of
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
