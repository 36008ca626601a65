"""How a run stands: a bounded row. What is many (items, results, logs) is in rows of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class RunStatus(StrEnum):
    """Where a run stands."""

    RUNNING = "running"
    STOPPING = "stopping"
    """It starts no step any more, and waits for those under way."""
    COMPENSATING = "compensating"
    """What was done is being undone."""
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    COMPENSATION_FAILED = "compensation_failed"
    """Something could not be undone: a person must look."""


OPEN = frozenset({RunStatus.RUNNING, RunStatus.STOPPING, RunStatus.COMPENSATING})


class StepStatus(StrEnum):
    """Where a step stands. It moves downwards only, unless it is begun anew."""

    WAITING = "waiting"
    """For the steps that it needs."""
    RUNNING = "running"
    """Its jobs are handed out, or about to be."""
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    """Also if a person rejected it, or its time was over."""
    SKIPPED = "skipped"
    """Its `when` was false, or something that it needs was skipped."""
    NOT_RUN = "not_run"
    """Something that it needs failed, or its run ended before."""
    CANCELLED = "cancelled"


STEP_ENDED = frozenset(StepStatus) - {StepStatus.WAITING, StepStatus.RUNNING}


@dataclass(frozen=True, kw_only=True, slots=True)
class Fan:
    """The jobs of a step: one, or one for each item."""

    total: int = 1
    """How many there are to be."""
    only: tuple[int, ...] | None = None
    """The items that are done, if not all: those that had failed when it was begun anew."""
    each: bool = False
    """Whether it has items."""
    handed_out: int = 0
    open: tuple[int, ...] = ()
    """The items whose jobs have not ended; 0 for the job of a step without items."""
    succeeded: int = 0
    failed: tuple[int, ...] = ()
    """The items that failed."""

    @property
    def left(self) -> int:
        """How many were not handed out yet."""
        return (self.total if self.only is None else len(self.only)) - self.handed_out

    def next(self) -> int:
        """The item that is handed out next."""
        return self.handed_out if self.only is None else self.only[self.handed_out]


@dataclass(frozen=True, kw_only=True, slots=True)
class StepState:
    """One step of a run."""

    status: StepStatus = StepStatus.WAITING
    group: int = 0
    """How often it was begun anew."""
    started_at: datetime | None = None
    """When its first job was handed out: the due time of that job."""
    ended_at: datetime | None = None
    error: str = ""
    """Why it failed, in a few words; its jobs say more."""
    work: Fan | None = None
    undo: Fan | None = None
    """Its compensation, once that has begun."""
    undone_at: datetime | None = None
    """When its compensation was handed out."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """One run of a workflow."""

    id: str
    workflow_id: str
    name: str
    digest: str
    """The version of the definition that it began with, and ends with."""
    project_id: int | None
    given: Mapping[str, object]
    """What it was started with: the values of its inputs."""
    requested_by: str
    """The caller who asked for it; empty: a schedule did."""
    saved_by: str = ""
    """Who last changed the definition."""
    parent: str = ""
    """The job that waits for its end: a step of another run, or a job of a schedule."""
    depth: int = 0
    """How many runs are above it."""
    status: RunStatus = RunStatus.RUNNING
    outcome: RunStatus | None = None
    """Once it stops: how it will have ended, if all can be undone."""
    compensates: bool = False
    """Once it stops: whether what was done is undone."""
    reason: str = ""
    """Why it stopped."""
    redone: int = 0
    """How often it was begun anew after it had failed."""
    redone_by: frozenset[str] = frozenset()
    """Who asked for that."""
    started_at: datetime
    ended_at: datetime | None = None
    deadline: datetime | None = None
    steps: Mapping[str, StepState] = field(default_factory=dict)
    etag: str = ""

    @property
    def is_open(self) -> bool:
        """Whether it has not ended."""
        return self.status in OPEN
