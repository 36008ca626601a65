"""`/api/v1/batches`: files of items, how batches stand, what became of their items (C12)."""

from __future__ import annotations

import binascii
from base64 import b64decode
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Path, Response

from shared.access import Caller
from shared.api import cursors, scope
from shared.api.batches.shapes import (
    BatchCounts,
    BatchFileList,
    BatchFileOut,
    BatchFilePart,
    BatchLinks,
    BatchList,
    BatchOut,
    BatchWhole,
    CompleteBatchFile,
    ItemList,
    ItemOut,
    NewBatchFile,
    OutcomeFile,
)
from shared.api.cursors import Cursor
from shared.api.deps import Asking, Provided
from shared.api.fields import formed
from shared.api.lists import PAGE_SIZE, PageSize
from shared.api.places import any_part
from shared.api.query import Number
from shared.app import App
from shared.audit.port import Action, Subject
from shared.batch.model import BatchState, ItemStatus
from shared.batch.operations import batch_id
from shared.batch.params import FILE_ID
from shared.batch.progress import Standing
from shared.batch.rows import SentFile
from shared.errors import Invalid, NotFound

router = APIRouter(prefix="/api/v1/batches", tags=["batches"])

_LINKED = timedelta(minutes=60)


any_part("batch_job", "files")
_ID = "/{job_id:batch_job}"

FileId = Annotated[
    str,
    Path(json_schema_extra={"pattern": f"^{FILE_ID}$"}),
    formed(FILE_ID, "it is no id of a file; GET /api/v1/batches/files lists them"),
]
PartNumber = Annotated[int, Path(ge=1, le=400)]


@router.post("/files", status_code=201)
def create_batch_file(app: Provided, by: Asking, new: NewBatchFile) -> BatchFileOut:
    """Begin a CSV file of items: send its parts, then complete it. A caller of one project makes it
    there. A project keeps 20 files, each for 30 days."""
    belfry = app()
    project_id = scope.new_project(by, new.project_id)
    subject = Subject("batch_file", new.name, project_id)
    with belfry.audit.changing(by, Action.CREATE, subject) as change:
        made = belfry.batches().files.begin(project_id, new.name, by.name)
        change.after = {"id": made.id, "name": made.name}
    return BatchFileOut.of(made)


@router.get("/files")
def list_batch_files(app: Provided, by: Asking, project_id: Number | None = None) -> BatchFileList:
    """The files of items of the caller's projects, or of one, newest first."""
    found = app().batches().files.all(by.among(project_id))
    return BatchFileList(files=[BatchFileOut.of(one) for one in found])


@router.put("/files/{file_id}/parts/{number}", status_code=204, response_class=Response)
def send_batch_file_part(
    app: Provided, by: Asking, file_id: FileId, number: PartNumber, part: BatchFilePart
) -> None:
    """Send a part. One that is sent again takes the place of the first. Parts of one file may come
    in any order."""
    belfry = app()
    file = _own_file(belfry, by, file_id)
    try:
        data = b64decode(part.content, validate=True)
    except (binascii.Error, ValueError):
        raise Invalid("content", "it is not base64") from None
    belfry.batches().files.put_part(file, number, data)


@router.post("/files/{file_id}/complete")
def complete_batch_file(
    app: Provided, by: Asking, file_id: FileId, request: CompleteBatchFile
) -> BatchFileOut:
    """Make the file of its parts. From then on a batch can name it, and it does not change."""
    belfry = app()
    file = _own_file(belfry, by, file_id)
    return BatchFileOut.of(belfry.batches().files.complete(file, request.parts))


@router.delete("/files/{file_id}", status_code=204, response_class=Response)
def delete_batch_file(app: Provided, by: Asking, file_id: FileId) -> None:
    """Delete a file. A batch that has begun has its items already."""
    belfry = app()
    file = _own_file(belfry, by, file_id)
    subject = Subject("batch_file", file.name, file.project_id)
    with belfry.audit.changing(by, Action.DELETE, subject, {"id": file.id}):
        belfry.batches().files.remove(file)


@router.get("")
def list_batches(
    app: Provided,
    by: Asking,
    project_id: Number | None = None,
    page_size: PageSize = PAGE_SIZE,
    cursor: Cursor = None,
) -> BatchList:
    """The batches of the caller's projects, or of one, whose items are written down; the one that
    was due last comes first."""
    belfry = app()
    progress = belfry.batches().progress
    to = cursors.bound("batches", by, project_id=project_id)
    after = "" if cursor is None else str(cursors.read(belfry.meta, to, cursor)[0])
    found = progress.heads(by.among(project_id), after, page_size + 1)
    more = len(found) > page_size
    shown = found[:page_size]
    return BatchList(
        batches=[BatchOut.of(one, progress.standing_of(one)) for one in shown],
        next_cursor=cursors.write(belfry.meta, to, [shown[-1].place]) if more else None,
    )


@router.get(_ID)
def read_batch(app: Provided, by: Asking, job_id: str) -> BatchWhole:
    """How the batch of a job stands."""
    belfry = app()
    standing = _standing(belfry, by, job_id)
    head, saved = standing.head, standing.saved
    rate = standing.per_minute
    left = None if head is None else head.total - saved.counts.done
    going = rate and left is not None and saved.state is BatchState.RUNNING
    return BatchWhole(
        job_id=standing.id,
        schedule_id=standing.schedule_id,
        project_id=standing.project_id,
        operation="" if head is None else head.operation,
        dry_run=head is not None and head.dry_run,
        state=saved.state,
        total=standing.total,
        counts=BatchCounts.model_validate(saved.counts),
        created_at=head and head.created_at,
        ended_at=head and head.ended_at,
        latest_job_id=saved.job_id,
        job_status=belfry.manager.job(saved.job_id).status,
        reason=saved.reason or None,
        items_per_minute=rate,
        seconds_left=round((left or 0) / rate * 60, 1) if going and rate else None,
        updated_at=saved.updated_at,
        errors=[ItemOut.of(one) for one in saved.sample],
    )


@router.get(_ID + "/items")
def list_batch_items(
    app: Provided,
    by: Asking,
    job_id: str,
    status: ItemStatus | None = None,
    page_size: PageSize = PAGE_SIZE,
    cursor: Cursor = None,
) -> ItemList:
    """What became of its items so far, in the order of the list."""
    belfry = app()
    standing = _standing(belfry, by, job_id)
    to = cursors.bound("batch_items", by, batch=standing.id, status=status)
    since = 0 if cursor is None else int(cursors.read(belfry.meta, to, cursor)[0])
    found, after = belfry.batches().progress.page(standing, since, status, page_size)
    return ItemList(
        items=[ItemOut.of(one) for one in found],
        next_cursor=None if after is None else cursors.write(belfry.meta, to, [after]),
    )


@router.post(_ID + "/link")
def link_batch(app: Provided, by: Asking, job_id: str) -> BatchLinks:
    """Links that read its files of outcomes for an hour. While it is at work, and after it stopped,
    the last outcomes are not in a file yet; the list of its items has them."""
    belfry = app()
    standing = _standing(belfry, by, job_id)
    subject = Subject("batch", standing.id, standing.project_id)
    with belfry.audit.changing(by, Action.LINK, subject) as change:
        account = belfry.settings.storage.account_name
        links, until = belfry.batches().progress.links(standing, account, _LINKED)
        change.after = {"files": len(links), "expires_at": None if until is None else str(until)}
    return BatchLinks(
        files=[OutcomeFile(url=url, first=first) for first, url in links],
        complete=standing.saved.state is BatchState.COMPLETED,
        expires_at=until,
    )


def _own_file(belfry: App, by: Caller, file_id: str) -> SentFile:
    file = belfry.batches().files.get(file_id)
    by.hold(file.project_id, f"file {file_id!r}")
    return file


def _standing(belfry: App, by: Caller, job_id: str) -> Standing:
    """The batch of a job. Raises `NotFound`, also if the caller does not see the job."""
    job = scope.job(belfry, by, job_id)
    if job.task_type != "batch":
        raise NotFound(f"job {job_id!r} is no batch")
    return belfry.batches().progress.standing(job.project_id, batch_id(job.id))
