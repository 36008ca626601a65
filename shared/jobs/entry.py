"""What the index of jobs holds of one job, and whether a job fits a filter."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.schedules.job import Job, Status, backfill_of, parse_id

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)

Key = tuple[int, str]
"""The place of a job in the order of the index: (when it was due last, its id)."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One job, as the index holds it. A job's entry never changes once the job has ended."""

    id: str
    status: Status
    task_type: str
    project_id: int | None
    until: int
    """When it was due; of a stretch: when the last of its occurrences was due. Seconds since
    1970."""
    count: int = 1
    """How many occurrences it stands for."""
    seconds: float | None = None
    """How long its last attempt ran."""
    began: int | None = field(default=None, compare=False)
    """When its last attempt began, in seconds since 1970. This, `late` and `taken_over` are for the
    totals: no chunk keeps them."""
    late: float | None = field(default=None, compare=False)
    """How many seconds after its effective time it began; None of a request."""
    taken_over: int = field(default=0, compare=False)
    """How often it was taken over from a worker that was gone."""

    @staticmethod
    def of(job: Job) -> Entry:
        """The entry of a job."""
        return Entry(
            id=job.id,
            status=job.status,
            task_type=job.task_type,
            project_id=job.project_id,
            until=epoch(job.due_until),
            count=job.count,
            seconds=job.duration_seconds,
            began=None if job.started_at is None else epoch(job.started_at),
            late=job.lateness_seconds,
            taken_over=job.taken_over,
        )

    @property
    def key(self) -> Key:
        """Its place in the order of the index."""
        return self.until, self.id

    @property
    def schedule_id(self) -> str:
        return self.id.partition("-")[0]

    @property
    def backfilled(self) -> bool:
        """Whether it belongs to a backfill: all that is counted counts such jobs apart."""
        return backfill_of(self.id) is not None

    @property
    def since(self) -> int:
        """When it was due; of a stretch: when the first of its occurrences was."""
        return self.until if self.count == 1 else epoch(parse_id(self.id)[1])

    def row(self) -> list[Any]:
        """As it is stored in the feed."""
        whose = [self.id, self.status.value, self.task_type, self.project_id]
        said = [*whose, self.until, self.count, self.seconds, self.began, self.late]
        return [*said, self.taken_over] if self.taken_over else said

    @staticmethod
    def from_row(row: Sequence[Any]) -> Entry:
        """The entry of such a row. Raises `ValueError` or `TypeError` for what is none."""
        job_id, status, task_type, project_id, until, count, seconds, *more = row
        began, late, *taken = more or (None, None)  # an older row has neither
        (taken_over,) = taken or (0,)
        return Entry(
            str(job_id),
            Status(status),
            str(task_type),
            project_id,
            int(until),
            count,
            seconds,
            began,
            late,
            int(taken_over),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Filter:
    """Which jobs are wanted: those that fit everything that is given."""

    schedule_id: str | None = None
    projects: Collection[int | None] | None = None
    """Jobs of these projects only; None: of all, and those that have none."""
    task_types: Collection[str] | None = None
    status: Status | None = None
    since: int | None = None
    """Jobs that were due then or later; of a stretch, if any of its occurrences was."""
    until: int | None = None
    """Jobs that were due before then."""

    def fits(self, entry: Entry) -> bool:
        """Whether a job is wanted."""
        return (
            (self.schedule_id is None or entry.schedule_id == self.schedule_id)
            and self.fits_group(entry.project_id, entry.task_type, entry.status)
            and (self.since is None or entry.until >= self.since)
            and (self.until is None or entry.since < self.until)
        )

    def fits_group(self, project_id: int | None, task_type: str, status: Status) -> bool:
        """Whether a job with these values is wanted, if its schedule and its time are."""
        return (
            (self.projects is None or project_id in self.projects)
            and (self.task_types is None or task_type in self.task_types)
            and (self.status is None or status is self.status)
        )


def epoch(at: datetime) -> int:
    """Whole seconds since 1970; an instant within a second counts as its beginning."""
    return (at - _EPOCH) // _SECOND


def ceiling(at: datetime) -> int:
    """Whole seconds since 1970; an instant within a second counts as its end. Due times are whole
    seconds, so "before `at`" and "before `ceiling(at)`" are the same for them."""
    return -((_EPOCH - at) // _SECOND)


def at_second(seconds: int) -> datetime:
    """The instant of `epoch`."""
    return _EPOCH + seconds * _SECOND
