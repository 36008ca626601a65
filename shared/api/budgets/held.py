"""What a person asks for is held against budgets before it is made."""

from __future__ import annotations

from shared.access import Caller
from shared.app import App
from shared.errors import Conflict
from shared.spending.model import Of


def within_budget(belfry: App, schedule_id: str, project_id: int | None) -> None:
    """Raise `Conflict`, which says why and what to do, if a budget of the schedule is used up."""
    refusal = belfry.meter.refusal(schedule_id, project_id)
    if refusal is not None:
        raise Conflict(
            f"{refusal}; whoever may set that budget runs it anyway by POST "
            f"/api/v1/schedules/{schedule_id}/execute with force"
        )


def may_force(belfry: App, by: Caller, schedule_id: str, project_id: int | None) -> None:
    """Raise `Conflict` if the budget of the project is used up, and the caller is none who may set
    it: else a project would be held by a budget only as long as it liked."""
    if by.projects is None:
        return
    refusal = belfry.meter.refusal(schedule_id, project_id, of=Of.PROJECT)
    if refusal is not None:
        raise Conflict(f"{refusal}; only a caller of all projects can force a run beyond it")
