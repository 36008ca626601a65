"""The backup plans: schedules whose task takes a `BackupPlan`; and how each one's backups stand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from shared.backups.model import Report
from shared.backups.params import ALL, BackupPlan
from shared.backups.postgres.contents import Scope
from shared.backups.rules.restore_time import of_same, slowest
from shared.backups.rules.turns import Turn, turns
from shared.backups.status.discovered import Run, Runs
from shared.backups.status.recovery import Standing, back_to, none_of, standing
from shared.backups.store.catalog import Found
from shared.backups.store.entries import Backup
from shared.errors import Invalid
from shared.schedules.listed import is_once
from shared.schedules.model import Schedule
from shared.tasks import Registry


@dataclass(frozen=True, slots=True)
class _Plan:
    schedule: Schedule

    @property
    def id(self) -> str:
        return self.schedule.id

    @property
    def name(self) -> str:
        return self.schedule.definition.name

    @property
    def by_hand(self) -> bool:
        """Whether it is a single run that a person asked for, with no further runs to come."""
        return is_once(self.schedule)


@dataclass(frozen=True, slots=True)
class Planned(_Plan):
    """A plan, and the schedule that it is stored as."""

    plan: BackupPlan


@dataclass(frozen=True, slots=True)
class Unreadable(_Plan):
    """A plan that cannot be read, since its parameters no longer fit its task. It takes no backups,
    and those that it took are kept as they are."""

    error: str
    """Which parameter does not fit, and why."""

    @property
    def what_to_do(self) -> str:
        return f"{self.error}; mend it by PATCH /api/v1/schedules/{self.id}"


AnyPlan = Planned | Unreadable


def planned(schedules: Iterable[Schedule], registry: Registry) -> Iterator[AnyPlan]:
    """The backup plans among schedules, in their order."""
    for schedule in schedules:
        task = registry.find(schedule.definition.task_type)
        if task is None or not issubclass(task.params, BackupPlan):
            continue
        try:
            plan = task.parse(schedule.definition.task_parameters)
        except Invalid as error:
            yield Unreadable(schedule, str(error))
            continue
        except (TypeError, ValueError):  # somebody changed the row by hand
            yield Unreadable(schedule, "task_parameters: they are no object")
            continue
        assert isinstance(plan, BackupPlan)  # noqa: S101 (for the type checker)
        yield Planned(schedule, plan)


@dataclass(frozen=True, slots=True)
class Plans:
    """The plans at one time, each list in the order of the schedules."""

    good: list[Planned]
    unreadable: list[Unreadable]
    deleted: list[AnyPlan]
    """Plans whose schedules were deleted."""

    @classmethod
    def of(cls, schedules: Iterable[Schedule], registry: Registry) -> Plans:
        found = list(planned(schedules, registry))
        there = [one for one in found if one.schedule.deleted_at is None]
        return cls(
            [one for one in there if isinstance(one, Planned)],
            [one for one in there if isinstance(one, Unreadable)],
            [one for one in found if one.schedule.deleted_at is not None],
        )

    @property
    def there(self) -> list[AnyPlan]:
        return [*self.good, *self.unreadable]

    @property
    def lasting(self) -> list[AnyPlan]:
        """The plans that are not single runs."""
        return [one for one in self.there if not one.by_hand]


def standings(
    one: AnyPlan, found: Found, sources: Iterable[str], now: datetime, runs: Runs
) -> Iterator[Standing]:
    """How each database stands that the plan means now, even without a backup yet; if its name is
    not known then, by the source's name alone. `sources`: the names of all sources in the settings.

    For a plan that cannot be read: each database that it has backups of.
    """
    newest: dict[str, Run | None] = {}
    if isinstance(one, Unreadable):
        rows = _rows(one, found)
    else:
        named = list(sources) if one.plan.source == ALL else [one.plan.source]
        rows = _meant(one, named, found)
        newest = {
            source: runs.newest(one.plan, source, rows.values(), now)
            for source in {source for source, _, _ in rows}
        }
    schedule = one.schedule
    for (source, database, scope), row in rows.items():
        good, run = newest_good(row, now), newest.get(source)
        took = slowest(of_same(found.backups, source, database, scope))
        stand = standing(
            source=source,
            database=database,
            scope=scope,
            schedule_id=one.id,
            name=one.name,
            last_good=good.summary if good is not None else None,
            report=good.proof if good is not None else None,
            recurrence=schedule.definition.recurrence,
            on=schedule.is_on,
            since=schedule.updated_at,
            now=now,
            gone_at=run.at if run is not None and run.lacks(source, database, row) else None,
            suspicions=good.suspicions if good is not None else (),
            seconds=took.restore_seconds if took is not None else None,
        )
        if isinstance(one, Unreadable):
            stand = replace(stand, sentence=f"{stand.sentence}; its plan cannot be read")
        yield stand


_Key = tuple[str, str, str]
"""Source, database, scope."""


def _rows(one: AnyPlan, found: Found) -> dict[_Key, list[Backup]]:
    """The backups that the plan ever took, by database."""
    return {group[1:]: row for group, row in found.groups().items() if group[0] == one.id}


def _meant(one: Planned, named: list[str], found: Found) -> dict[_Key, list[Backup]]:
    """The plan's backups of each database that it means now, without those it meant once."""
    plan = one.plan
    scope = str(Scope(plan.schemas, plan.exclude_schemas))
    rows = {
        key: row for key, row in _rows(one, found).items() if key[0] in named and key[2] == scope
    }
    if isinstance(plan.databases, tuple):
        keys = [(plan.source, database, scope) for database in plan.databases]
        return {key: rows.get(key, []) for key in keys}
    if plan.databases is None:  # one database per source: the one that was backed up last
        last: dict[str, _Key] = {}
        for key, row in rows.items():
            other = last.setdefault(key[0], key)
            if row[0].summary.started_at > rows[other][0].summary.started_at:
                last[key[0]] = key
        rows = {key: rows[key] for key in rows if key in last.values()}
    known = {source for source, _, _ in rows}
    return rows | {(name, "", ""): [] for name in named if name not in known}


@dataclass(frozen=True, slots=True)
class SourceStanding:
    """How one database stands, by all its backups, whichever plan took them."""

    source: str
    database: str
    """Empty if no backup shows its name yet."""
    scope: str
    best: Backup | None
    """The newest verified backup."""
    age_seconds: float | None
    """How much time's data is lost if the source is lost now."""
    took: Report | None
    """The slowest of its last proofs and restores, as an estimate of how long a restore takes; None
    if there is no verified backup."""
    oldest_proof: Turn | None
    """The verified copy whose last proof is the oldest."""
    sentence: str
    plans: list[Standing]
    """How it stands by each of its plans. A plan without a backup yet is listed with every database
    of its source."""


def by_source(stands: Iterable[Standing], found: Found, now: datetime) -> Iterator[SourceStanding]:
    """The standings of all plans, grouped and ordered by (source, database, scope).

    A backup counts even if its plan is gone or was a single run by hand.
    """
    rows: dict[tuple[str, str, str], list[Backup]] = {}
    for one in found.backups:
        rows.setdefault(one.group[1:], []).append(one)
    stands = list(stands)
    unnamed = {stand.source for stand in stands if not stand.database}
    keys = {(stand.source, stand.database, stand.scope) for stand in stands if stand.database}
    keys |= {key for key in rows if key[0] in unnamed}
    keys |= {(source, "", "") for source in unnamed - {source for source, _, _ in keys}}
    for source, database, scope in sorted(keys):
        mine = [
            stand
            for stand in stands
            if stand.source == source
            and (not stand.database or (stand.database, stand.scope) == (database, scope))
        ]
        row = rows.get((source, database, scope), [])
        best = newest_good(row, now)
        took = slowest(row) if best is not None else None
        oldest = next(iter(turns(row)), None)
        if best is None:
            sentence = none_of(source, database, scope)
            sentence += f" ({found.locked_out})" if found.locked else ""
        else:
            its = (
                s.sentence for s in mine if s.last_good is not None and s.last_good.id == best.id
            )
            sentence = next(its, None) or back_to(
                best.summary,
                best.proof,
                now,
                "UTC",
                best.suspicions,
                took.restore_seconds if took is not None else None,
            )
        yield SourceStanding(
            source=source,
            database=database,
            scope=scope,
            best=best,
            age_seconds=best.summary.age_seconds(now) if best is not None else None,
            took=took,
            oldest_proof=oldest,
            sentence=sentence,
            plans=mine,
        )


def newest_good(row: Iterable[Backup], now: datetime) -> Backup | None:
    """The newest verified backup of a row, which is ordered newest first. One dated in the future,
    by a wrong clock, only if there is no other."""
    good = [one for one in row if one.verified]
    past = [one for one in good if one.summary.started_at <= now]
    return next(iter(past or good), None)
