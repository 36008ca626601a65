"""Hourly upkeep: makes missing copies and applies retention, plan by plan."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from shared.backups.drive.copies import to_drive
from shared.backups.drive.folder import Drive
from shared.backups.jobs.copy import copy_to
from shared.backups.jobs.prune import clear, verdicts
from shared.backups.jobs.result import fitting
from shared.backups.status.plans import Planned, Plans
from shared.backups.store.catalog import Catalog
from shared.backups.store.entries import Backup
from shared.errors import BelfryError, Cancelled
from shared.tasks.context import JobContext


@dataclass(slots=True)
class _Done:
    copied: int = 0
    removed: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)


class Upkeep:
    """The upkeep, bound to what it works on."""

    def __init__(
        self,
        catalog: Catalog,
        plans: Callable[[], Plans],
        drive: Callable[[], Drive | None],
    ) -> None:
        self._catalog = catalog
        self._plans = plans
        self._drive = drive

    def run(self, job: JobContext) -> Mapping[str, object]:
        """Look after every plan's backups. A failure is put into the result, and tried again next
        time; a plan that fails does not stop the others."""
        plans, done = self._plans(), _Done()
        for unreadable in plans.unreadable:
            done.failed[unreadable.id] = f"it cannot be read: {unreadable.error}"
        for one in plans.good:
            try:
                self._plan(one, job, done)
            except Cancelled:
                raise
            except BelfryError as error:
                done.failed[one.id] = str(error)
        return fitting({"copied": done.copied, "removed": done.removed, "failed": done.failed})

    def _plan(self, one: Planned, job: JobContext, done: _Done) -> None:
        found = self._catalog.look(check=job.check)
        for group, row in found.groups().items():
            if group[0] == one.id:
                done.failed |= to_drive(self._drive(), self._catalog, row, one.plan, job)
                self._copy(one, row, frozenset(found.away), job, done)
        gone, held = clear(self._catalog, found, one.id, one.plan.retention, job)
        done.removed += gone
        if held:
            done.failed[f"{one.id}: not removed"] = "; ".join(held)

    def _copy(
        self, one: Planned, row: list[Backup], away: frozenset[str], job: JobContext, done: _Done
    ) -> None:
        """Copy the backups that retention keeps to all destinations that the plan wants."""
        wanted = [
            each for each in self._catalog.wanted(one.plan.destinations) if each.name not in away
        ]
        now = job.clock.now()
        kept = {each.id for each in verdicts(row, one.plan.retention, now) if each.keep}
        for backup in row:
            job.check()
            lacks = {each.name for each in wanted} - {copy.destination for copy in backup.good}
            if backup.id not in kept or not backup.verified or not lacks:
                continue
            missing = copy_to(self._catalog, backup, wanted, job, tier=one.plan.tier)
            done.copied += len(lacks) - len(missing)
            done.failed |= {f"{backup.id} at {name}": why for name, why in missing.items()}
