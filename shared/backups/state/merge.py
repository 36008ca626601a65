"""Merges a schedule of a backup with the same schedule in the target of a restore.

Pure functions. The definition is the backup's. The progress is the target's if that is further
ahead: its jobs are done and must not run again. The ledger must add up afterwards, so occurrences
that neither of the two accounts for, since nothing ran then, are recorded as cancelled.

A schedule in the target may be a new one of the same id: the old one was lost, and an app that
started on an empty account made it again. Then both have a past, and the target's versions count as
later revisions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from shared.schedules.job import Job
from shared.schedules.model import Progress, Schedule, Version
from shared.schedules.plan import LIVE_CAP, given_up

_WHY = "was lost with the state it was in, and restored"


@dataclass(frozen=True, kw_only=True, slots=True)
class Merged:
    """What to write; nothing for a field that is empty."""

    owed: Schedule | None = None
    """Write this first, then merge again: it gives up what the target's schedule owes by now."""
    after: Schedule | None = None
    """The merged schedule; None: leave the target's as it is."""
    versions: Sequence[Version] = field(default_factory=tuple)
    jobs: Sequence[Job] = field(default_factory=tuple)
    """Occurrences that did not run while the state was lost, recorded as cancelled."""


def is_untouched(there: Schedule) -> bool:
    """Whether the schedule has never run, and has recorded nothing (missed, skipped) either."""
    counted = there.progress
    total = counted.success_count + counted.failure_count + counted.skipped_count
    total += counted.missed_count + counted.cancelled_count
    return total == 0 and not any(job.begun for job in counted.live)


def replaces(backup: Schedule, there: Schedule) -> bool:
    """Whether the backup's rows of a schedule simply replace the target's, since nothing was done
    there that the backup does not know of."""
    if backup.created_at != there.created_at:
        return is_untouched(there)
    upcoming, upcoming_there = backup.progress.next_run_at, there.progress.next_run_at
    return upcoming is not None and upcoming_there is not None and upcoming > upcoming_there


def merged(
    backup: Schedule, there: Schedule, versions_there: Sequence[Version], now: datetime
) -> Merged:
    """How to merge `backup` into `there`, which has the same id, if it does not replace it."""
    jobs: list[Job] = []
    versions: list[Version] = []
    basis = there
    if backup.created_at != there.created_at:
        owing = backup
        while owing.owes(there.created_at):
            made = given_up(owing, there.created_at, now, _WHY)
            jobs += made.recorded
            owing = made.after
        versions += [
            replace(one, revision=one.revision + backup.revision) for one in versions_there
        ]
        basis = replace(
            there,
            progress=_added(owing.progress, there.progress),
            revision=there.revision + backup.revision,
            created_at=backup.created_at,
        )
    wanted = replace(
        basis,
        definition=backup.definition,
        policy=backup.policy,
        configured=backup.configured,
        deleted_at=backup.deleted_at,
    )
    if wanted == there:
        return Merged()
    if _expectation(wanted) != _expectation(basis):
        if there.owes(now):
            made = given_up(there, now, now, _WHY)
            return Merged(owed=made.after, jobs=made.recorded)
        wanted = replace(wanted, revision=basis.revision + 1, updated_at=now).rescheduled(now)
        versions.append(Version.of(wanted, basis.floor(now), "restored"))
    elif wanted != basis:
        wanted = replace(wanted, revision=basis.revision + 1, updated_at=now)
    return Merged(after=wanted, versions=versions, jobs=jobs)


def _added(lost: Progress, there: Progress) -> Progress:
    """Both pasts in one: the counts are added, the rest is the target's."""
    known = {job.id for job in there.live}
    left = tuple(job for job in lost.live if job.id not in known)
    return replace(
        there,
        live=(*left, *there.live)[:LIVE_CAP],
        success_count=lost.success_count + there.success_count,
        failure_count=lost.failure_count + there.failure_count,
        skipped_count=lost.skipped_count + there.skipped_count,
        missed_count=lost.missed_count + there.missed_count,
        cancelled_count=lost.cancelled_count + there.cancelled_count,
        handed_out=lost.handed_out + there.handed_out,
        last_due_at=there.last_due_at or lost.last_due_at,
        last_run_at=there.last_run_at or lost.last_run_at,
    )


def _expectation(schedule: Schedule) -> tuple[object, ...]:
    """All that determines the schedule's expected occurrences."""
    return schedule.definition.recurrence, schedule.is_on, schedule.policy.max_runs
