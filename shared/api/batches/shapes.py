"""What the API takes and returns for batches."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import Field

from shared.api.fields import Input, Name, ProjectId, Whole
from shared.api.shown import Shown
from shared.batch.files import MOST_PARTS, PART
from shared.batch.model import BatchState, Head, ItemStatus, Outcome
from shared.batch.progress import Standing
from shared.batch.rows import SentFile

_BASE64 = -(-PART // 3) * 4


class NewBatchFile(Input):
    """A CSV file that is to be sent. Its first row has the names of the values."""

    name: Name
    """What people call it."""
    project_id: ProjectId | None = None


class BatchFilePart(Input):
    """A part of a file."""

    content: Annotated[str, Field(min_length=1, max_length=_BASE64)]
    """Its bytes in base64: up to 700,000 of them. A part may end anywhere, also within a row."""


class CompleteBatchFile(Input):
    """All parts of a file were sent."""

    parts: Annotated[Whole, Field(ge=1, le=MOST_PARTS)]
    """How many: those with the numbers from 1 to this one are the file."""


class BatchFileOut(Shown):
    """A file of items."""

    id: str
    project_id: int | None
    name: str
    size: int | None
    """In bytes; null until it is complete."""
    created_at: datetime
    created_by: str

    @classmethod
    def of(cls, file: SentFile) -> Self:
        return cls.model_validate(file)


class BatchFileList(Shown):
    files: list[BatchFileOut]


class ItemOut(Shown):
    """What became of one item."""

    index: int
    """Its place in the list, from 0 on."""
    item: str
    """Its `id`, or its first value."""
    status: ItemStatus
    """`unknown`: it was begun, a crash hid how it ended, and it must not be done twice."""
    error: str | None
    result: dict[str, Any] | None
    milliseconds: int

    @classmethod
    def of(cls, one: Outcome) -> Self:
        return cls(
            index=one.index,
            item=one.label,
            status=one.status,
            error=one.error or None,
            result=json.loads(one.result) if one.result else None,
            milliseconds=one.milliseconds,
        )


class ItemList(Shown):
    items: list[ItemOut]
    next_cursor: str | None
    """For the items after these, as `cursor`; null if there are none yet."""


class BatchCounts(Shown):
    """Items that ended, by how."""

    succeeded: int
    failed: int
    skipped: int
    unknown: int


class BatchOut(Shown):
    """A batch, as lists show it."""

    job_id: str
    """The job that began it."""
    schedule_id: str
    project_id: int | None
    operation: str
    dry_run: bool
    state: BatchState
    """`listing`: its items are being written down. `stopped`: too many of them failed."""
    total: int | None
    """How many items it has; null while they are being written down."""
    counts: BatchCounts
    created_at: datetime | None
    ended_at: datetime | None

    @classmethod
    def of(cls, head: Head, standing: Standing) -> Self:
        return cls(
            job_id=head.id,
            schedule_id=head.schedule_id,
            project_id=head.project_id,
            operation=head.operation,
            dry_run=head.dry_run,
            state=standing.saved.state,
            total=standing.total,
            counts=BatchCounts.model_validate(standing.saved.counts),
            created_at=head.created_at,
            ended_at=head.ended_at,
        )


class BatchWhole(BatchOut):
    """A batch, as it is shown alone."""

    latest_job_id: str
    """The job that works on it, or did last: a job that repeats one goes on with its batch."""
    job_status: str
    """Of that job."""
    reason: str | None
    """Why it stopped."""
    items_per_minute: float | None
    """Since its present attempt began."""
    seconds_left: float | None
    """At that rate."""
    updated_at: datetime | None
    errors: list[ItemOut]
    """The first ten."""


class BatchList(Shown):
    batches: list[BatchOut]
    next_cursor: str | None
    """For the batches after these, as `cursor`; null at the end."""


class OutcomeFile(Shown):
    """A file with outcomes, a JSON object a line, with `index`, `item`, `status`, and `error`,
    `result` and `milliseconds` if there is such."""

    url: str
    first: int
    """The index of its first item."""


class BatchLinks(Shown):
    """Links that read the outcomes until they expire; nothing else is reached by them."""

    files: list[OutcomeFile]
    complete: bool
    """Whether they have every item; else the rest is to come, or was not begun."""
    expires_at: datetime | None
