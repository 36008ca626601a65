"""What the API returns for a list of backup plans: readable ones, and those that cannot be read."""

from __future__ import annotations

from shared.api.lists import Paged
from shared.api.plans.shapes import PlanOut
from shared.api.shown import Shown, at


class UnreadablePlan(Shown):
    """A plan whose parameters no longer fit its task. It takes no backups; those it took are kept,
    and neither copied nor removed."""

    schedule_id: str = at("id")
    project_id: int | None = at("schedule.definition.project_id")
    name: str = at("schedule.definition.name")
    task_type: str = at("schedule.definition.task_type")
    enabled: bool = at("schedule.definition.enabled")
    error: str = at("what_to_do")
    """What does not fit, and how to mend it."""


class PlanList(Paged):
    plans: list[PlanOut]
    unreadable: list[UnreadablePlan]
    """All of them, on each page and for every source; they are not in `total`."""
