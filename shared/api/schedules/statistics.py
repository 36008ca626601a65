"""`/api/v1/schedules/statistics`: schedules and their runs, counted (C9)."""

from __future__ import annotations

from fastapi import APIRouter

from shared.api.deps import Asking, Provided
from shared.api.lists import fitting
from shared.api.query import Number
from shared.api.shown import Shown
from shared.engine.commands.once import is_once
from shared.schedules.summary import summary

router = APIRouter(prefix="/api/v1/schedules/statistics", tags=["schedules"])


class SummaryOut(Shown):
    """Schedules and their runs, counted."""

    total_schedules: int
    enabled_schedules: int
    disabled_schedules: int
    total_runs: int
    """Jobs that succeeded or failed."""
    successful_runs: int
    failed_runs: int
    success_rate: float | None
    """In percent, to one decimal place; null before the first run."""
    by_frequency: dict[str, int]
    """How many schedules there are of each frequency; those that none has are left out."""


@router.get("/summary")
def summarize_schedules(
    app: Provided, asking: Asking, project_id: Number | None = None
) -> SummaryOut:
    """The schedules of a project, or all of them, and how their runs ended.

    Deleted schedules and those of single runs that people asked for are not counted.
    """
    belfry = app()
    wanted = {"definition.project_id": project_id}
    found = [
        belfry.manager.shown(one)
        for one in fitting(belfry.manager.schedules(), wanted)
        if asking.sees(one.definition.project_id) and not is_once(one)
    ]
    return SummaryOut.model_validate(summary(found))
