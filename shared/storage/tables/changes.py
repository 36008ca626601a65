"""A change of a schedule as one transaction: its row, the due index, the jobs that end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from shared.audit.entry import Entry
from shared.schedules import audited
from shared.schedules.backfill import Backfill
from shared.schedules.job import Job
from shared.schedules.listed import changes_list
from shared.schedules.model import Schedule, Version
from shared.storage.tables import backfills, changed, entities, pending, readable, trouble
from shared.storage.tables.batch import Delete, Insert, Merge, Operation, Upsert


@dataclass(frozen=True, slots=True)
class Change:
    """One schedule's step from `before` (None: it is new) to `after`, with the jobs that end."""

    before: Schedule | None
    after: Schedule
    jobs: tuple[Job, ...] = ()
    """Jobs that end."""
    versions: tuple[Version, ...] = ()
    shortened: tuple[Job, ...] = ()
    """Ended jobs whose rows now stand for fewer occurrences."""
    gone: tuple[str, ...] = ()
    """Ids of ended jobs whose rows are removed, because a wrong clock recorded them."""
    ended: tuple[Version, ...] = ()
    """Versions whose rows are removed."""
    backfills: tuple[Backfill, ...] = ()
    """Backfills that begin or end."""
    audits: tuple[Entry, ...] = ()
    """What the audit is told: each change by a person or a task, and no ordinary run."""


def row_of(job: Job) -> Insert:
    """The operation that writes the row of an ended job; refused if the job ended before."""
    return Insert(entities.job_key(job.id), entities.job_properties(job))


def bare(job: Job, error: Exception) -> Job:
    """The job without the parts that may be too long for a row; its log says why."""
    said = f"its result and its log cannot be kept: {error}"
    return replace(job, result=None, log=said[:1000], parameters={}, error=(job.error or "")[:1000])


def without_length(change: Change, error: Exception) -> Change:
    """The change with bare jobs. Raises `error` if that makes no difference."""
    jobs = tuple(bare(job, error) for job in change.jobs)
    if jobs == change.jobs:
        raise error
    return replace(change, jobs=jobs)


def operations(
    change: Change, mark: str, now: datetime, *, repaired: bool = False
) -> Iterator[Operation]:
    """The operations of a change; `mark` distinguishes this write from all others. A transaction of
    them needs `changed.with_head`.

    `repaired`: the schedule's entry in the due index is missing, and is written again.
    """
    before, after = change.before, change.after
    yield from (row_of(job) for job in change.jobs)
    yield from trouble.of_change(before, after, change.jobs)
    yield from changed.of_change(before, after, now, mark)
    yield from (pending.row_of(entry) for entry in change.audits)
    yield from (backfills.row_of(one) for one in change.backfills)
    if (paused := audited.of_pause(before, after)) is not None:
        yield pending.row_of(paused)
    for version in change.versions:
        key = entities.version_key(version.schedule_id, version.since)
        yield Upsert(key, entities.version_properties(version))
    yield from (
        Upsert(entities.job_key(job.id), entities.job_properties(job)) for job in change.shortened
    )
    yield from (Delete(entities.job_key(job_id)) for job_id in change.gone)
    for version in change.ended:
        yield Delete(entities.version_key(version.schedule_id, version.since))
    properties = entities.engine_properties(after.progress) | {"commit": mark}
    if before is None or _user_side(before) != _user_side(after):
        properties |= readable.checked(entities.user_properties(after), properties, after)
    key = entities.schedule_key(after.id)
    yield Insert(key, properties) if before is None else Merge(key, before.etag, properties)
    old = before.progress.next_run_at if before is not None else None
    new = after.progress.next_run_at
    if old != new and old is not None and not repaired:
        yield Delete(entities.due_key(old, after.id))
    if (old != new or repaired) and new is not None:
        yield Insert(entities.due_key(new, after.id), {})


def rows_of(change: Change) -> int:
    """How many rows `operations` writes, at most; `changed.with_head` may add one for all changes
    of a transaction."""
    was = change.before.progress.next_run_at if change.before is not None else None
    moved = 0 if was == change.after.progress.next_run_at else 2
    gone = len(change.gone) + len(change.ended) + len(change.shortened)
    notes = trouble.most(change.jobs) + 2 * (change.after.progress.paused_reason is not None)
    written = len(change.jobs) + len(change.versions) + len(change.audits) + len(change.backfills)
    said = changes_list(change.before, change.after)
    return 1 + moved + written + gone + notes + said


def _user_side(schedule: Schedule) -> tuple[int, str]:
    return schedule.revision, schedule.configured
