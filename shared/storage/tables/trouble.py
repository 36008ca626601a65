"""Notes of what people should be told: a job that is dead, runs that were missed, a schedule that
was paused. Each is written in the transaction that makes it so, and only then, so a run that goes
well costs no write. Whoever tells people removes it.

A job that a person asked for is left out: whoever asked looks at its outcome.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.schedules.job import Job, Status
from shared.schedules.model import Schedule
from shared.storage.tables.batch import Upsert
from shared.storage.tables.entities import stamp

PREFIX = "alert:"
_KINDS = {Status.FAILED: "job_dead", Status.MISSED: "run_missed"}
_PAUSED = "schedule_paused"
_ERROR = 500
_MOST = 2**31 - 1
"""The largest number that a row holds."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Trouble:
    """A note as it was read."""

    key: str
    """Of its row; identifies what happened."""
    kind: str
    """`job_dead`, `run_missed` or `schedule_paused`."""
    schedule_id: str
    name: str
    task_type: str
    job_id: str
    due_at: datetime
    due_until: datetime
    count: int
    """How many runs it stands for."""
    error: str


def of_job(job: Job) -> Iterator[Upsert]:
    """The note of a job that ended, if there is to be one."""
    if job.status in _KINDS and not job.manual:
        yield _note(job, job.count, job.due_until)


def of_change(before: Schedule | None, after: Schedule, jobs: Sequence[Job]) -> Iterator[Upsert]:
    """The notes of a change of a schedule: one for all runs that were missed, one for each job that
    is dead, and one if the schedule was paused."""
    own = [job for job in jobs if not job.manual]
    yield from (_note(job, job.count, job.due_until) for job in own if job.status is Status.FAILED)
    missed = [job for job in own if job.status is Status.MISSED]
    if missed:
        first = min(missed, key=lambda job: job.due_at)
        yield _note(first, sum(job.count for job in missed), max(job.due_until for job in missed))
    paused = after.progress.paused_at
    was_on = before is not None and before.progress.paused_reason is None
    if was_on and after.progress.paused_reason is not None and paused is not None:
        row = _row(after, _PAUSED, paused, after.progress.paused_reason)
        yield Upsert(f"{PREFIX}{_PAUSED}:{after.id}:{stamp(paused)}", row)


def most(jobs: Sequence[Job]) -> int:
    """How many notes `of_change` makes at most, besides the one of a pause."""
    return len(jobs) and 1 + sum(job.status is Status.FAILED for job in jobs)


def read(row: Mapping[str, Any]) -> Trouble:
    """The note in a row. Raises `LookupError`, `ValueError` or `TypeError` if it cannot be read."""
    if row["kind"] not in (*_KINDS.values(), _PAUSED):
        raise ValueError(f"{row['kind']!r} is no kind of note")
    return Trouble(
        key=row["RowKey"],
        kind=row["kind"],
        schedule_id=row["schedule_id"],
        name=row["name"],
        task_type=row["task_type"],
        job_id=row["job_id"],
        due_at=datetime.fromisoformat(row["due_at"]),
        due_until=datetime.fromisoformat(row["due_until"]),
        count=row["count"],
        error=row["error"],
    )


def _note(job: Job, count: int, until: datetime) -> Upsert:
    kind = _KINDS[job.status]
    return Upsert(
        f"{PREFIX}{kind}:{job.id}",
        {
            "kind": kind,
            "schedule_id": job.schedule_id,
            "name": job.schedule_name,
            "task_type": job.task_type,
            "job_id": job.id,
            "due_at": stamp(job.due_at),
            "due_until": stamp(until),
            "count": min(count, _MOST),
            "error": (job.error or job.reason or "")[:_ERROR],
        },
    )


def _row(schedule: Schedule, kind: str, at: datetime, error: str) -> dict[str, Any]:
    return {
        "kind": kind,
        "schedule_id": schedule.id,
        "name": schedule.definition.name,
        "task_type": schedule.definition.task_type,
        "job_id": "",
        "due_at": stamp(at),
        "due_until": stamp(at),
        "count": 1,
        "error": error[:_ERROR],
    }
