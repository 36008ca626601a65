"""Batches as rows of the table of schedules.

| partition | row key | what |
|---|---|---|
| `batches:{project}` | `head:{inverted}:{job id}` | what is fixed of a batch; newest first |
| | `progress:{job id}` | how far it is (`Saved`); whoever holds its ETag writes |
| `all_batches` | `head:{inverted}:{job id}` | that there is that batch, of which project |
| `batch_files` | `{id}` | a file of items that was sent, or is being sent |
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeVar

from shared.batch.model import BatchState, Counts, Head, Outcome, Saved
from shared.errors import Damaged
from shared.projects import name_of
from shared.schedules.job import parse_id

T = TypeVar("T")

HEAD, PROGRESS = "head:", "progress:"
PARTITIONS, ALL, FILES = "batches:", "all_batches", "batch_files"
_LATEST = 10**10
"""Seconds since 1970, after anything that is due."""
_SHOWN = 200
"""Characters that are kept of the errors of the sample."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SentFile:
    """A file of items that somebody sends."""

    id: str
    project_id: int | None
    name: str
    created_at: datetime
    created_by: str
    size: int | None = None
    """In bytes; None while it is being sent."""
    etag: str = ""


def partition(project_id: int | None) -> str:
    return f"{PARTITIONS}{name_of(project_id)}"


def project_of(partition: str) -> int | None:
    """The project whose batches a partition has."""
    name = partition.removeprefix(PARTITIONS)
    return None if name == "none" else int(name)


def heads_before(at: datetime) -> str:
    """What is before the keys of batches that were due before then, and behind the others."""
    return f"{HEAD}{_LATEST - int(at.timestamp()):011d};"


def head_key(batch_id: str) -> str:
    seconds = int(parse_id(batch_id)[1].timestamp())
    return f"{HEAD}{_LATEST - seconds:011d}:{batch_id}"


def progress_key(batch_id: str) -> str:
    return f"{PROGRESS}{batch_id}"


def of_head(head: Head) -> dict[str, Any]:
    said = {
        "schedule_id": head.schedule_id,
        "project_id": head.project_id,
        "operation": head.operation,
        "dry_run": head.dry_run,
        "total": head.total,
        "epoch": head.epoch,
        "created_at": head.created_at.isoformat(),
        "ended": head.ended,
        "ended_at": head.ended_at and head.ended_at.isoformat(),
        "counts": head.counts.told(),
    }
    return {"said": json.dumps(said), "digests": json.dumps(list(head.digests))}


def to_head(row: Mapping[str, Any]) -> Head:
    """Raises `Damaged`."""

    def read() -> Head:
        said = json.loads(row["said"])
        return Head(
            id=str(row["RowKey"]).split(":", 2)[2],
            schedule_id=said["schedule_id"],
            project_id=said["project_id"],
            operation=said["operation"],
            dry_run=said["dry_run"],
            total=said["total"],
            epoch=said["epoch"],
            digests=json.loads(row["digests"]),
            created_at=datetime.fromisoformat(said["created_at"]),
            ended=said["ended"] and BatchState(said["ended"]),
            ended_at=said["ended_at"] and datetime.fromisoformat(said["ended_at"]),
            counts=Counts(**said["counts"]),
            place=str(row["RowKey"]),
        )

    return _readable(row, read)


def of_saved(saved: Saved) -> dict[str, Any]:
    said = {
        "epoch": saved.epoch,
        "job_id": saved.job_id,
        "state": saved.state,
        "chunk": saved.chunk,
        "spans": list(saved.spans),
        "closed": saved.closed.told(),
        "counts": saved.counts.told(),
        "base": saved.base.told(),
        "marked": list(saved.marked),
        "began_at": saved.began_at and saved.began_at.isoformat(),
        "began_done": saved.began_done,
        "updated_at": saved.updated_at and saved.updated_at.isoformat(),
        "reason": saved.reason,
    }
    sample = [replace(one, error=one.error[:_SHOWN], result="") for one in saved.sample]
    return {"said": json.dumps(said), "tail": _lines(saved.tail), "sample": _lines(sample)}


def to_saved(row: Mapping[str, Any]) -> Saved:
    """Raises `Damaged`."""

    def read() -> Saved:
        said = json.loads(row["said"])
        return Saved(
            epoch=said["epoch"],
            job_id=said["job_id"],
            state=BatchState(said["state"]),
            chunk=said["chunk"],
            spans=tuple((first, epoch) for first, epoch in said["spans"]),
            closed=Counts(**said["closed"]),
            counts=Counts(**said["counts"]),
            base=Counts(**said["base"]),
            tail=_outcomes(row["tail"]),
            marked=tuple(said["marked"]),
            sample=_outcomes(row["sample"]),
            began_at=said["began_at"] and datetime.fromisoformat(said["began_at"]),
            began_done=said["began_done"],
            updated_at=said["updated_at"] and datetime.fromisoformat(said["updated_at"]),
            reason=said["reason"],
            etag=row["etag"],
        )

    return _readable(row, read)


def of_file(file: SentFile) -> dict[str, Any]:
    said = {
        "project_id": file.project_id,
        "name": file.name,
        "created_at": file.created_at.isoformat(),
        "created_by": file.created_by,
        "size": file.size,
    }
    return {"said": json.dumps(said), "project": name_of(file.project_id)}


def to_file(row: Mapping[str, Any]) -> SentFile:
    """Raises `Damaged`."""

    def read() -> SentFile:
        said = json.loads(row["said"])
        at = datetime.fromisoformat(said.pop("created_at"))
        return SentFile(id=str(row["RowKey"]), created_at=at, etag=row["etag"], **said)

    return _readable(row, read)


def _lines(outcomes: Sequence[Outcome]) -> str:
    return "\n".join(one.line() for one in outcomes)


def _outcomes(text: str) -> tuple[Outcome, ...]:
    return tuple(Outcome.of_line(line) for line in text.splitlines())


def _readable(row: Mapping[str, Any], read: Callable[[], T]) -> T:
    try:
        return read()
    except (ValueError, KeyError, TypeError, IndexError) as error:
        text = f"the row {row.get('RowKey')} of a batch cannot be read: {error!r:.200}"
        raise Damaged(text) from error
