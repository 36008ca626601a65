"""What the audit keeps of a change of a schedule or of its jobs (C17).

Pure functions. The engine counts runs all the time; what it counts is not kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import datetime

from shared.access import ENGINE, Caller
from shared.audit.entry import Entry
from shared.audit.port import Action, Subject
from shared.schedules.model import Schedule


def shown(schedule: Schedule) -> dict[str, object]:
    """What people decided of a schedule, and whether it is paused or deleted."""
    what = schedule.definition
    when, observance = what.recurrence, what.recurrence.calendar
    said = asdict(replace(what, recurrence=replace(when, calendar=None, stored=True)))
    if observance is not None:  # not their data, which a calendar's own entries tell of
        said["recurrence"]["calendar"] = {
            "rule": observance.rule.value,
            "calendars": [f"{one.name} ({one.id}), {one.version}" for one in observance.calendars],
        }
    return {
        **said,
        "policy": asdict(schedule.policy),
        "paused_reason": schedule.progress.paused_reason,
        "revision": schedule.revision,
        "deleted": schedule.deleted_at is not None,
    }


def of_schedule(
    by: Caller, action: Action, before: Schedule | None, after: Schedule, at: datetime
) -> Entry:
    """The entry of a change of a schedule (None: it is new)."""
    return Entry.of(
        by,
        action,
        Subject("schedule", after.id, after.definition.project_id),
        at,
        schedule_id=after.id,
        before=None if before is None else shown(before),
        after=shown(after),
    )


def of_request(
    by: Caller,
    action: Action,
    schedule: Schedule,
    at: datetime,
    what: Mapping[str, object],
    *,
    job_id: str | None = None,
) -> Entry:
    """The entry of what was asked of a schedule's jobs, or of one of them (`job_id`)."""
    project = schedule.definition.project_id
    subject = (
        Subject("schedule", schedule.id, project)
        if job_id is None
        else Subject("job", job_id, project)
    )
    return Entry.of(by, action, subject, at, schedule_id=schedule.id, after=what)


def of_unreadable(by: Caller, schedule_id: str, at: datetime) -> Entry:
    """The entry of the removal of a schedule whose row cannot be read; its project is not known."""
    subject = Subject("schedule", schedule_id)
    after = {"deleted": True, "unreadable": True}
    return Entry.of(by, Action.DELETE, subject, at, schedule_id=schedule_id, after=after)


def of_pause(before: Schedule | None, after: Schedule) -> Entry | None:
    """The entry of a pause, if that change is one: the engine pauses a schedule by itself."""
    at = after.progress.paused_at
    was_on = before is not None and before.progress.paused_reason is None
    if before is None or not was_on or after.progress.paused_reason is None or at is None:
        return None
    return of_schedule(ENGINE, Action.PAUSE, before, after, at)
