"""What the API returns for a list of backup plans: readable ones, and those that cannot be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from shared.api.lists import Paged
from shared.api.plans.shapes import PlanOut

if TYPE_CHECKING:
    from shared.backups.status.plans import Unreadable


class UnreadablePlan(BaseModel):
    """A plan whose parameters no longer fit its task. It takes no backups; those it took are kept,
    and neither copied nor removed."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    schedule_id: str
    project_id: int | None
    name: str
    task_type: str
    enabled: bool
    error: str
    """What does not fit, and how to mend it."""

    @staticmethod
    def of(one: Unreadable) -> UnreadablePlan:
        what = one.schedule.definition
        return UnreadablePlan(
            schedule_id=one.id,
            project_id=what.project_id,
            name=what.name,
            task_type=what.task_type,
            enabled=what.enabled,
            error=one.what_to_do,
        )


class PlanList(Paged):
    model_config = ConfigDict(use_attribute_docstrings=True)

    plans: list[PlanOut]
    unreadable: list[UnreadablePlan]
    """All of them, on each page and for every source; they are not in `total`."""
