"""`/api/v1/syncs`: the runs of syncs, and what each changed (C12)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from shared.api.deps import Asking, Provided
from shared.api.lists import PAGE_SIZE, Page, Paged, PageSize, counts
from shared.api.query import DIGITS, Number, ScheduleId
from shared.api.shown import Shown
from shared.sync.model import Did, SyncStatus

router = APIRouter(prefix="/api/v1/syncs", tags=["syncs"])

Part = Annotated[int, Field(ge=0, le=10**9), DIGITS]
"""The number of a part of the report, from 0 on."""


class SyncCountsOut(Shown):
    """How many items (blobs, entities, rows) had which outcome."""

    copied: int
    same: int
    """The destination had them."""
    deleted: int
    kept: int
    """The destination's own are newer (`protect_newer`)."""
    changed: int
    """They were changed again and again meanwhile; the next run looks at them again."""
    failed: int
    bytes: int
    """Of what was copied."""
    files: int
    """Of a database: the files, besides the manifest."""


class SyncOut(Shown):
    """A run of a sync."""

    job_id: str
    schedule_id: str
    project_id: int | None
    kind: str
    """container, table or database."""
    source: str
    """The source's target."""
    destination: str
    status: SyncStatus
    error: str
    """Why it failed, or why an attempt did; empty if none did."""
    due_at: datetime
    began_at: datetime
    changed_at: datetime
    """When this was written last; after the end, when it ended."""
    counts: SyncCountsOut
    segments: int
    """The parts of its report."""


class SyncList(Paged):
    syncs: list[SyncOut]


class SyncItemOut(Shown):
    """What became of an item; of a database, a file."""

    name: str
    did: Did = Did.COPIED
    bytes: int
    reason: str = ""
    rows: int | None = None
    """Of a file."""
    sha256: str | None = None
    """Of a file."""


class SyncItemList(Shown):
    """A part of a report. Items that were the same are not in it."""

    job_id: str
    items: list[SyncItemOut]
    next_part: int | None
    """Null if this is the last."""


@router.get("")
def list_syncs(
    app: Provided,
    by: Asking,
    project_id: Number | None = None,
    schedule_id: ScheduleId | None = None,
    page: Page = 1,
    page_size: PageSize = PAGE_SIZE,
) -> SyncList:
    """The latest runs of syncs, newest first, at most 1,000; 100 of each schedule are kept."""
    skip = (page - 1) * page_size
    found, total = app().syncs.page(by.among(project_id), schedule_id, skip, page_size)
    return SyncList(
        syncs=[SyncOut.model_validate(one) for one in found], **counts(total, page, page_size)
    )


@router.get("/{job_id}")
def read_sync(app: Provided, by: Asking, job_id: str) -> SyncOut:
    """The run of that job: how far it is, or what it did."""
    return SyncOut.model_validate(app().syncs.run(by.projects, job_id))


@router.get("/{job_id}/items")
def list_sync_items(app: Provided, by: Asking, job_id: str, part: Part = 0) -> SyncItemList:
    """What the run of that job changed, in the order in which it did, part by part."""
    syncs = app().syncs
    run = syncs.run(by.projects, job_id)
    items = [SyncItemOut.model_validate(dict(line)) for line in syncs.report(run, part)]
    more = part + 1 if part + 1 < run.segments else None
    return SyncItemList(job_id=job_id, items=items, next_part=more)
