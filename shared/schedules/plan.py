"""What a schedule owes at `now`: a pure function of (schedule, now, horizon).

1. Its occurrences from `next_run_at` to the horizon are taken, oldest first, at most `CAP`.
2. Those still to come are handed out: their messages wait for the due time.
3. Of those already due, `catch_up` decides which start; every other one is recorded, as missed
   if its grace has passed and as skipped if a later one takes its place.
4. `next_run_at` moves behind the last one taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.recurrence import next_run
from shared.schedules import record
from shared.schedules.fold import count
from shared.schedules.job import Job, Status, job_id
from shared.schedules.model import CatchUp, LiveJob, Schedule

CAP = 50
"""Occurrences taken in one pass; rows of one transaction are limited to 100."""
LIVE_CAP = 100
"""Live jobs of one schedule; its row is limited to 32,000 characters for them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What one pass does to one schedule."""

    before: Schedule
    after: Schedule
    start: tuple[LiveJob, ...]
    """To be handed out."""
    recorded: tuple[Job, ...]
    """Occurrences that end here: missed or skipped."""

    @property
    def changes(self) -> bool:
        return self.before.progress != self.after.progress


def plan(schedule: Schedule, now: datetime, horizon: datetime) -> Plan:
    """What `schedule` owes at `now`, looking ahead to `horizon`."""
    room = min(CAP, LIVE_CAP - len(schedule.progress.live))
    taken, upcoming = _take(schedule, horizon, room)
    due = [at for at in taken if at <= now]
    starting, recorded = _sort_out(schedule, due, upcoming, now)
    starting += [at for at in taken if at > now]
    jobs = tuple(
        LiveJob(id=job_id(schedule.id, at), due_at=at, available_at=max(at, now)) for at in starting
    )
    progress = replace(schedule.progress, next_run_at=upcoming)
    for job in jobs:
        progress = progress.put(job)
    after = replace(schedule, progress=count(progress, recorded))
    return Plan(before=schedule, after=after, start=jobs, recorded=tuple(recorded))


def _take(
    schedule: Schedule, horizon: datetime, room: int
) -> tuple[list[datetime], datetime | None]:
    """The occurrences up to the horizon, at most `room`, and the one after them."""
    taken: list[datetime] = []
    upcoming = schedule.progress.next_run_at
    while upcoming is not None and upcoming <= horizon and len(taken) < room:
        taken.append(upcoming)
        upcoming = next_run(schedule.definition.recurrence, upcoming)
    return taken, upcoming


def _sort_out(
    schedule: Schedule, due: Sequence[datetime], upcoming: datetime | None, now: datetime
) -> tuple[list[datetime], list[Job]]:
    """(occurrences that start, occurrences that are recorded as missed or skipped)."""
    if not due or schedule.policy.catch_up is CatchUp.ALL:
        return list(due), []
    grace = timedelta(seconds=schedule.policy.misfire_grace_seconds)
    last_of_all = upcoming is None or upcoming > now
    latest = due[-1]
    starts = last_of_all and (now - latest <= grace or schedule.policy.catch_up is CatchUp.LATEST)
    passed_over = due[:-1] if starts else due
    return [latest] if starts else [], [_recorded(schedule, at, now, grace) for at in passed_over]


def _recorded(schedule: Schedule, due_at: datetime, now: datetime, grace: timedelta) -> Job:
    if now - due_at > grace:
        seconds = schedule.policy.misfire_grace_seconds
        late = int((now - due_at).total_seconds())
        reason = f"nothing could start it within misfire_grace_seconds ({seconds}): {late} s late"
        return record.ended(
            schedule, job_id(schedule.id, due_at), due_at, Status.MISSED, now, reason
        )
    reason = "a later occurrence was due as well, and runs in its place"
    return record.ended(schedule, job_id(schedule.id, due_at), due_at, Status.SKIPPED, now, reason)
