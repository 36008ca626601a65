"""What the API takes and returns for runs of workflows."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Self

from pydantic import Field

from shared.api.fields import Input
from shared.api.jobs.routes import JobOut
from shared.api.lists import Paged
from shared.api.shown import Shown
from shared.workflows.model import Definition, Step
from shared.workflows.state import Fan, Run, RunStatus, StepState, StepStatus
from shared.workflows.store import Arrived


class NewRun(Input):
    """A run that is to be started."""

    input: dict[str, Any] = Field(default_factory=dict)
    """The values of the workflow's inputs, by their names."""


class CancelRun(Input):
    """A request to cancel a run."""

    reason: str | None = Field(default=None, min_length=1, max_length=200)
    """Kept with the run."""


class NewEvent(Input):
    """An event for a run."""

    id: str | None = Field(default=None, min_length=1, max_length=200)
    """The sender's own id of it: the same id is the same event. Default: a hash of the data."""
    data: dict[str, Any] = Field(default_factory=dict)
    """What the step that waits for it returns as `data`; at most 20,000 characters of JSON."""


class ItemCounts(Shown):
    """The items of a `foreach`."""

    total: int
    succeeded: int
    failed: int
    open: int
    """How many run or wait."""

    @classmethod
    def of(cls, fan: Fan) -> Self:
        return cls(
            total=fan.total,
            succeeded=fan.succeeded,
            failed=len(fan.failed),
            open=len(fan.open),
        )


class RunStepOut(Shown):
    """One step of a run."""

    id: str
    task_type: str
    needs: list[str]
    status: StepStatus
    started_at: datetime | None
    ended_at: datetime | None
    error: str | None
    items: ItemCounts | None
    """Of a `foreach`."""
    undone: ItemCounts | None
    """Its compensation, once that has begun."""
    begun_anew: int
    """How often it was begun anew after it had failed."""

    @classmethod
    def of(cls, step: Step, state: StepState) -> Self:
        work = state.work
        return cls(
            id=step.id,
            task_type=step.call.task,
            needs=list(step.needs),
            status=state.status,
            started_at=state.started_at,
            ended_at=state.ended_at,
            error=state.error or None,
            items=ItemCounts.of(work) if work is not None and work.each else None,
            undone=ItemCounts.of(state.undo) if state.undo is not None else None,
            begun_anew=state.group,
        )


class RunOut(Shown):
    """A run of a workflow."""

    id: str
    workflow_id: str
    name: str
    version: str
    """The digest of the definition that it began with."""
    project_id: int | None
    status: RunStatus
    reason: str | None
    """Why it failed, or was cancelled."""
    requested_by: str
    started_at: datetime
    ended_at: datetime | None
    deadline: datetime | None
    parent_job_id: str | None
    """The job that waits for its end."""
    retries: int
    """How often it was begun anew after it had failed."""

    @classmethod
    def of(cls, run: Run) -> Self:
        return cls.model_validate(cls._said(run))

    @staticmethod
    def _said(run: Run) -> dict[str, Any]:
        return {
            "id": run.id,
            "workflow_id": run.workflow_id,
            "name": run.name,
            "version": run.digest,
            "project_id": run.project_id,
            "status": run.status,
            "reason": run.reason or None,
            "requested_by": run.requested_by,
            "started_at": run.started_at,
            "ended_at": run.ended_at,
            "deadline": run.deadline,
            "parent_job_id": run.parent or None,
            "retries": run.redone,
        }


class RunWhole(RunOut):
    """A run, step by step."""

    input: dict[str, Any]
    steps: list[RunStepOut]

    @classmethod
    def whole(cls, run: Run, definition: Definition) -> Self:
        steps = [RunStepOut.of(one, run.steps.get(one.id, StepState())) for one in definition.steps]
        return cls.model_validate({**cls._said(run), "input": dict(run.given), "steps": steps})


class RunList(Paged):
    runs: list[RunOut]


class StepJobList(Shown):
    """The jobs of a step."""

    jobs: list[JobOut]
    total: int


class RunEventOut(Shown):
    """An event that came for a run."""

    name: str
    at: datetime
    data: dict[str, Any]
    taken_by: str | None
    """The job whose wait it ended; null: none yet."""

    @classmethod
    def of(cls, event: Arrived) -> Self:
        return cls(
            name=event.name,
            at=event.at,
            data=dict(event.data),
            taken_by=event.taken_by or None,
        )


class RunEventList(Shown):
    events: list[RunEventOut]


class EventTaken(Shown):
    """What became of an event that was sent."""

    new: bool
    """False: the same event came before, and nothing was done."""
