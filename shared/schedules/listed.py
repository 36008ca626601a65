"""What lists say of a schedule, filter by and sort by: a pure function of its row.

A change of it is announced in the feed (`storage/tables/changed`), which the index of schedules
follows (`shared/listing`). An ordinary run changes nothing of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from shared.recurrence import Frequency
from shared.schedules.job import RAN, Job, Status, is_manual, run_of
from shared.schedules.model import Schedule

ONCE = "once"
"""The tag of a schedule that is only for one run that a person requested."""


class ScheduleState(StrEnum):
    """How a schedule stands."""

    HEALTHY = "healthy"
    """It runs, and its last run that ended did not fail."""
    FAILING = "failing"
    """Its last run that ended failed."""
    PAUSED = "paused"
    """It is turned off, or was paused because too many of its runs failed."""
    ENDED = "ended"
    """It is on, but nothing of it will run again by itself."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Listed:
    """What lists need of one schedule."""

    id: str
    name: str
    project_id: int | None
    task_type: str
    frequency: Frequency
    tags: tuple[tuple[str, str], ...]
    """Name and value of each; a tag without a value has an empty one."""
    calendars: tuple[str, ...]
    """The names of the calendars that it observes."""
    enabled: bool
    state: ScheduleState
    once: bool
    """Whether it was made for one run that a person requested."""
    system: bool
    """Whether it belongs to a built-in task."""
    revision: int
    """By which is known that people changed something of it, if only of what lists do not show."""
    created_at: datetime
    deleted_at: datetime | None


def listed(schedule: Schedule) -> Listed:
    """What lists need of the schedule."""
    what = schedule.definition
    observance = what.recurrence.calendar
    return Listed(
        id=schedule.id,
        name=what.name,
        project_id=what.project_id,
        task_type=what.task_type,
        frequency=what.recurrence.frequency,
        tags=tuple(sorted(what.tags.items())),
        calendars=tuple(observance.names) if observance else (),
        enabled=what.enabled,
        state=state(schedule),
        once=is_once(schedule),
        system=bool(schedule.configured),
        revision=schedule.revision,
        created_at=schedule.created_at,
        deleted_at=schedule.deleted_at,
    )


def state(schedule: Schedule) -> ScheduleState:
    """How it stands, by the jobs that its row counts."""
    progress = schedule.progress
    if not schedule.is_on:
        return ScheduleState.PAUSED
    if progress.next_run_at is None and all(is_manual(job.id) for job in progress.live):
        return ScheduleState.ENDED
    return ScheduleState.FAILING if progress.failures_in_row else ScheduleState.HEALTHY


def changes_list(before: Schedule | None, after: Schedule) -> bool:
    """Whether what is known of `after` differs from `before` (None: it is new). Steps of runs are
    in no list."""
    if run_of(after.id) is not None:
        return False
    if before is None or before.revision != after.revision or state(before) != state(after):
        return True
    if before.definition is after.definition and before.configured == after.configured:
        return before.deleted_at != after.deleted_at
    return listed(before) != listed(after)


def changes_state(schedule: Schedule, job: Job) -> bool:
    """Whether the end of `job` may change the state of its schedule. Such a job is counted in the
    schedule's row at once, so that the row says the state."""
    if not schedule.is_on or job.backfill is not None:
        return False
    failing = schedule.progress.failures_in_row > 0
    if job.status in RAN and failing != (job.status is Status.FAILED):
        return True
    return schedule.progress.next_run_at is None and not job.manual


def is_once(schedule: Schedule) -> bool:
    """Whether the schedule is only for one run that a person requested."""
    what = schedule.definition
    return ONCE in what.tags and what.recurrence.frequency is Frequency.ONCE
