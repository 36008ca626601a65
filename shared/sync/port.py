"""What the task `sync` asks of the service. Only types, so the task imports nothing else of it."""

from __future__ import annotations

from typing import Protocol

from shared.sync.plan import SyncPlan
from shared.tasks import JobContext, Proposed, Result


class SyncService(Protocol):
    """Copies (`service`)."""

    def check(self, plan: SyncPlan, project_id: int | None) -> None:
        """Raise `Invalid` unless the plan's targets exist in that project and go together."""

    def sync(self, plan: SyncPlan, job: JobContext) -> Result:
        """Copy what the plan says; the counts. Raises `Refused`, `Unavailable`, `NotFound`,
        `Conflict` and what else may go wrong; another attempt goes on where this one was."""


def plan_fits(plan: SyncPlan, proposed: Proposed, syncs: SyncService) -> None:
    """The check of the task's parameters."""
    syncs.check(plan, proposed.project_id)
