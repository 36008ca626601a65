"""The backup plans: schedules whose task takes a `BackupPlan`; and how each one's backups stand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from shared.backups.catalog import Found
from shared.backups.standing import Standing, standing
from shared.errors import Invalid
from shared.schedules.model import Schedule
from shared.tasks import Registry
from shared.tasks.backups import BackupPlan


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan and the schedule that it is."""

    schedule: Schedule
    plan: BackupPlan

    @property
    def id(self) -> str:
        return self.schedule.id


def planned(schedules: Iterable[Schedule], registry: Registry) -> Iterator[Planned]:
    """The backup plans among schedules. One whose parameters no longer fit its task is left out:
    its job says what is wrong with them."""
    for schedule in schedules:
        task = registry.find(schedule.definition.task_type)
        if task is None or not issubclass(task.params, BackupPlan):
            continue
        try:
            plan = task.parse(schedule.definition.task_parameters)
        except Invalid:
            continue
        assert isinstance(plan, BackupPlan)  # noqa: S101 (for the type checker)
        yield Planned(schedule, plan)


def standings(one: Planned, found: Found, now: datetime) -> Iterator[Standing]:
    """How each database of a plan stands; one that has no backup yet goes by its source alone."""
    rows = [row for group, row in found.groups().items() if group[0] == one.id]
    schedule = one.schedule
    known: list[tuple[str, str, str]] = [row[0].group[1:] for row in rows] or [
        (one.plan.source, "", "")
    ]
    for (source, database, scope), row in zip(known, rows or [[]], strict=True):
        good = next((backup for backup in row if backup.verified), None)
        yield standing(
            source=source,
            database=database,
            scope=scope,
            schedule_id=one.id,
            last_good=good.summary if good is not None else None,
            report=good.proof if good is not None else None,
            recurrence=schedule.definition.recurrence,
            on=schedule.is_on,
            since=schedule.updated_at,
            now=now,
        )
