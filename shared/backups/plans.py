"""The backup plans: schedules whose task takes a `BackupPlan`; and how each one's backups stand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from shared.backups.catalog import Found
from shared.backups.entries import Backup
from shared.backups.standing import Standing, standing
from shared.engine.once import TAG
from shared.errors import Invalid
from shared.recurrence import Frequency
from shared.schedules.model import Schedule
from shared.tasks import Registry
from shared.tasks.backups import ALL, BackupPlan


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan and the schedule that it is."""

    schedule: Schedule
    plan: BackupPlan

    @property
    def id(self) -> str:
        return self.schedule.id

    @property
    def by_hand(self) -> bool:
        """Whether it is one run that a person asked for (`engine.once`), and owes no other."""
        what = self.schedule.definition
        return TAG in what.tags and what.recurrence.frequency is Frequency.ONCE


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


def standings(
    one: Planned, found: Found, sources: Iterable[str], now: datetime
) -> Iterator[Standing]:
    """How each database of a plan stands; `sources`: those of the settings. A source that has no
    backup yet goes by its name alone."""
    rows = {group[1:]: row for group, row in found.groups().items() if group[0] == one.id}
    named = list(sources) if one.plan.source == ALL else [one.plan.source]
    known = {source for source, _, _ in rows}
    missing: dict[tuple[str, str, str], list[Backup]] = {
        (name, "", ""): [] for name in named if name not in known
    }
    schedule = one.schedule
    for (source, database, scope), row in (rows | missing).items():
        good = newest_good(row, now)
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


def newest_good(row: Iterable[Backup], now: datetime) -> Backup | None:
    """The newest proved one of a row, newest first; one of the future only if there is no other:
    a clock was wrong."""
    good = [one for one in row if one.verified]
    past = [one for one in good if one.summary.started_at <= now]
    return next(iter(past or good), None)
