"""Everything that a running task may use. It has no storage account, and reads no clock itself."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import datetime

from shared.clock import Clock
from shared.errors import Cancelled
from shared.log import JobLog


@dataclass(slots=True)
class JobProgress:
    """A job's progress. The engine stores it where a person can read it while the job runs."""

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
    schedule_name: str = ""
    project_id: int | None = None
    """The project of its schedule; it may touch nothing of another."""
    due_at: datetime
    """When the occurrence was due (for a manual run: when it was asked for)."""
    item: int | None = None
    """Its place in the list of a batch that calls the task for each item: what is done for the
    occurrence, is done for this item of it."""
    attempt: int
    """1 for the first."""
    clock: Clock
    log: JobLog
    progress: JobProgress = field(default_factory=JobProgress)
    dry_run: bool = False
    """Whether the task must change nothing, and say in its result what it would do."""
    forced: bool = False
    """Whether a person insists that the task also does what it would leave out as needless."""
    stop: threading.Event
    """Set when the attempt must end: its timeout passed, its lease is lost, it was cancelled, or
    the instance is shutting down."""

    def check(self) -> None:
        """Raise `Cancelled` if the attempt must end. Long tasks call it between steps."""
        if self.stop.is_set():
            raise Cancelled("the attempt was told to stop")
