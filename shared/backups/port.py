"""The backup service as tasks see it: types alone, so that a task loads no code of backups."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol

from shared.backups.params import BackupPlan, RestoreOrder, ScrubOrder, VerifyOrder
from shared.tasks import JobContext, Proposed


class BackupService(Protocol):
    """Takes, proves, copies, keeps and restores backups (`service`).

    A method that does a task's work returns the job's result, as a JSON object. `check_plan` and
    `check_order` check that what is asked for exists, before a job of it runs. Each method may
    raise a `BelfryError`.
    """

    def check_plan(self, plan: BackupPlan, new: Collection[str]) -> None:
        """Raise `Invalid` if one of the fields `new` names something that does not exist."""

    def check_order(self, order: RestoreOrder | VerifyOrder) -> None:
        """Raise `Invalid` if there is no such backup or it cannot be restored to that target,
        `Conflict` if it must not be relied upon."""

    def take(self, plan: BackupPlan, job: JobContext) -> Mapping[str, object]:
        """Back up what the plan says, prove it, copy it, and apply the plan's retention."""

    def verify(self, order: VerifyOrder, job: JobContext) -> Mapping[str, object]:
        """Prove a backup again. Raises `Damaged`."""

    def restore(self, order: RestoreOrder, job: JobContext) -> Mapping[str, object]:
        """Restore a backup."""

    def watch(self, job: JobContext) -> Mapping[str, object]:
        """Log how old backups are, alert where one is missing, and mail the outcome of jobs."""

    def upkeep(self, job: JobContext) -> Mapping[str, object]:
        """Make the copies that are missing, and apply retention."""

    def scrub(self, order: ScrubOrder, job: JobContext) -> Mapping[str, object]:
        """Prove a share of the backups again, those with the oldest proof first. Raises
        `Damaged`."""


def plan_fits(plan: BackupPlan, proposed: Proposed, backups: BackupService) -> None:
    """The parameter check of tasks that take a plan."""
    backups.check_plan(plan, proposed.new)


def order_fits(
    order: RestoreOrder | VerifyOrder,
    proposed: Proposed,  # noqa: ARG001, an order is new as a whole
    backups: BackupService,
) -> None:
    """The parameter check of tasks that take an order."""
    backups.check_order(order)
