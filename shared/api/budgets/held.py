"""What a person asks for is held against budgets before it is made."""

from __future__ import annotations

from shared.app import App
from shared.errors import Conflict


def within_budget(belfry: App, schedule_id: str, project_id: int | None) -> None:
    """Raise `Conflict`, which says why and what to do, if a budget of the schedule is used up."""
    refusal = belfry.meter.refusal(schedule_id, project_id)
    if refusal is not None:
        raise Conflict(
            f"{refusal}; POST /api/v1/schedules/{schedule_id}/execute with force runs it anyway"
        )
