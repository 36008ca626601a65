"""A schedule, in three parts that never share a field.

`Definition` and `Policy` are what the user decided; `Progress` is what the engine counted. The
user's side is written by the API, the engine's by the tick and the worker.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from shared.recurrence import Recurrence, next_run


class CatchUp(StrEnum):
    """What happens to occurrences that came due while nothing could run them."""

    NONE = "none"
    """The latest starts if it is within its grace; the others are recorded as missed."""
    LATEST = "latest"
    """The latest starts, however late; the others are recorded as missed."""
    ALL = "all"
    """Every one starts, however late, oldest first."""


class Overlap(StrEnum):
    """What happens to a run that comes due while an earlier one of its schedule still runs."""

    SKIP = "skip"
    """It is recorded as skipped."""
    ALLOW_ALL = "allow_all"
    """It runs beside it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """How the engine treats a schedule's runs."""

    misfire_grace_seconds: int = 900
    catch_up: CatchUp = CatchUp.NONE
    overlap: Overlap = Overlap.SKIP
    timeout_seconds: int = 600
    """Of one attempt."""
    max_attempts: int = 3
    retry_delay_seconds: int = 30
    """Before the second attempt; doubles with each further one, up to 15 minutes or itself."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Definition:
    """What is to run, and when."""

    name: str
    task_type: str
    recurrence: Recurrence
    project_id: int | None = None
    description: str = ""
    task_parameters: Mapping[str, object] = field(default_factory=dict)
    enabled: bool = True
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class LiveJob:
    """A job that has not ended, as its schedule's row holds it."""

    id: str
    due_at: datetime
    available_at: datetime
    """Not to be started before: its due time, or the end of its back-off."""
    attempt: int = 0
    """Attempts begun so far."""
    started_at: datetime | None = None
    worker: str | None = None
    """Who runs it, while `lease_until` lasts."""
    lease_until: datetime | None = None
    error: str | None = None
    """Of the attempt before."""

    @property
    def running(self) -> bool:
        return self.worker is not None


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """What the engine knows of a schedule."""

    next_run_at: datetime | None = None
    """The first occurrence that was not handed out yet; None if there is none to come."""
    live: tuple[LiveJob, ...] = ()
    """Jobs that have not ended, and ended ones that were not folded into the counts yet."""
    success_count: int = 0
    failure_count: int = 0
    skipped_count: int = 0
    missed_count: int = 0
    last_run_at: datetime | None = None
    last_error: str | None = None

    @property
    def run_count(self) -> int:
        return self.success_count + self.failure_count

    def find(self, job_id: str) -> LiveJob | None:
        """The live job of that id."""
        return next((job for job in self.live if job.id == job_id), None)

    def put(self, job: LiveJob) -> Progress:
        """With `job` added, or in the place of the one with its id."""
        others = tuple(other for other in self.live if other.id != job.id)
        return replace(self, live=(*others, job))


@dataclass(frozen=True, kw_only=True, slots=True)
class Schedule:
    """When a task runs, with which parameters, in which zone, under which policies."""

    id: str
    definition: Definition
    policy: Policy = Policy()
    progress: Progress = Progress()
    revision: int = 1
    """Grows with every change of the definition or the policy."""
    configured: str = ""
    """Of a system schedule: what code and settings last said, so that a change there is seen."""
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None = None
    etag: str = ""

    @property
    def is_active(self) -> bool:
        """Whether it will run again by itself."""
        on = self.definition.enabled and self.deleted_at is None
        return on and self.progress.next_run_at is not None

    def rescheduled(self, now: datetime) -> Schedule:
        """With `next_run_at` computed anew, and what was handed out ahead of its time taken back.

        A job that is not due yet belongs to the recurrence as it was: its message finds no job.
        """
        on = self.definition.enabled and self.deleted_at is None
        upcoming = next_run(self.definition.recurrence, now) if on else None
        kept = tuple(job for job in self.progress.live if not _ahead(job, now))
        return replace(self, progress=replace(self.progress, next_run_at=upcoming, live=kept))


def _ahead(job: LiveJob, now: datetime) -> bool:
    return job.attempt == 0 and job.due_at > now
