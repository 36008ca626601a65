"""Everything that a running task may use. It knows no storage account and reads no clock."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from shared.clock import Clock
from shared.errors import Cancelled, Misconfigured
from shared.log import JobLog

if TYPE_CHECKING:
    from shared.tasks.backups import BackupChecks, BackupService


class Services(Protocol):
    """What a task may ask before any job of it runs."""

    @property
    def backups(self) -> BackupChecks: ...


class Operations(Protocol):
    """What the engine offers to the tasks that look after itself; `engine.operations` does it.

    Each returns what the task's result is to be, as a JSON object.
    """

    def health(self, job: JobContext) -> Mapping[str, object]:
        """Look for clocks that fell silent, and report them."""

    def cleanup(self, job: JobContext) -> Mapping[str, object]:
        """Turn off schedules past their end (C14)."""

    def reconcile(self, job: JobContext) -> Mapping[str, object]:
        """Account for what all schedules were to run lately.

        Raises `Unexplained` if that does not add up.
        """


class NoOperations:
    """Of a job that no engine runs, such as in a test of one task: it is refused."""

    def health(self, job: JobContext) -> Mapping[str, object]:
        raise Misconfigured(f"{job.job_id} is run by no engine")

    def cleanup(self, job: JobContext) -> Mapping[str, object]:
        raise Misconfigured(f"{job.job_id} is run by no engine")

    def reconcile(self, job: JobContext) -> Mapping[str, object]:
        raise Misconfigured(f"{job.job_id} is run by no engine")


@dataclass(slots=True)
class JobProgress:
    """How far a job is. The engine keeps it where a person can read it while the job runs."""

    done: float | None = None
    """From 0 to 1; None if the job did not say."""

    def __call__(self, done: float, total: float = 1.0) -> None:
        """Say that `done` of `total` is done."""
        self.done = min(max(done / total, 0.0), 1.0) if total > 0 else None


@dataclass(frozen=True, kw_only=True, slots=True)
class JobContext:
    """One attempt of one job."""

    job_id: str
    schedule_id: str
    due_at: datetime
    """When the occurrence was due (for a manual run: when it was asked for)."""
    attempt: int
    """1 for the first."""
    clock: Clock
    log: JobLog
    backups: BackupService
    operations: Operations = field(default_factory=NoOperations)
    progress: JobProgress = field(default_factory=JobProgress)
    forced: bool = False
    """Whether a person asked for it who insists on what the task would leave out as needless."""
    stop: threading.Event
    """Set when the attempt must end: its timeout passed, its lease is lost, it was cancelled, or
    the instance is going down."""

    def check(self) -> None:
        """Raise `Cancelled` if the attempt must end. Long tasks call it between steps."""
        if self.stop.is_set():
            raise Cancelled("the attempt was told to stop")
