"""What a schedule owes at `now`: a pure function of (schedule, now, horizon).

1. Its occurrences from `next_run_at` to the horizon are taken, oldest first, at most `CAP`.
2. Those still to come are handed out, at most `AHEAD_CAP`: their messages wait for their effective
   time.
3. Of those already due, `catch_up` decides which start; every other one is recorded, as missed
   if its grace has passed and as skipped if a later one takes its place.
4. `max_runs` ends what starts; `next_run_at` moves behind the last one taken.

Of a schedule that turned before it caught up (paused, off, changed), what is owed is cancelled.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.recurrence import next_run
from shared.schedules import record
from shared.schedules.fold import count
from shared.schedules.job import Job, Status, is_manual, job_id
from shared.schedules.model import CatchUp, LiveJob, Schedule, Version

CAP = 50
"""Occurrences taken in one pass; rows of one transaction are limited to 100."""
LIVE_CAP = 100
"""Live jobs of one schedule; its row is limited to 32,000 characters for them."""
AHEAD_CAP = 80
"""Of them, those that wait for their due time: people may ask for runs all the same."""
PACE = 10
"""Runs of one schedule that `catch_up: all` lets wait or run at once."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What one pass does to one schedule."""

    before: Schedule
    after: Schedule
    start: tuple[LiveJob, ...]
    """To be handed out."""
    recorded: tuple[Job, ...]
    """Occurrences that end here: missed or skipped."""
    versions: tuple[Version, ...] = ()
    """The schedule's last, if `max_runs` is reached here."""

    @property
    def changes(self) -> bool:
        return self.before.progress != self.after.progress


@dataclass(frozen=True, slots=True)
class _Sorted:
    """What becomes of the occurrences that were taken, in order of their due times."""

    start: Sequence[datetime]
    passed_over: Sequence[datetime]
    upcoming: datetime | None


def plan(schedule: Schedule, now: datetime, horizon: datetime) -> Plan:
    """What `schedule` owes at `now`, looking ahead to `horizon`."""
    if not schedule.is_on:
        return given_up(schedule, schedule.progress.paused_at or now, now, "was paused")
    sort = _all if schedule.policy.catch_up is CatchUp.ALL else _latest
    sorted_out = sort(schedule, now, horizon)
    start, upcoming, versions = _limited(schedule, sorted_out, now)
    jobs = tuple(_job(schedule, at, now) for at in start)
    recorded = tuple(_recorded(schedule, at, now) for at in sorted_out.passed_over)
    progress = replace(
        schedule.progress,
        next_run_at=upcoming,
        live=(*schedule.progress.live, *jobs),
        handed_out=schedule.progress.handed_out + len(jobs),
    )
    return Plan(
        before=schedule,
        after=replace(schedule, progress=count(progress, recorded)),
        start=jobs,
        recorded=recorded,
        versions=versions,
    )


def given_up(schedule: Schedule, until: datetime, now: datetime, what: str) -> Plan:
    """One pass over what was due by `until` and was not handed out: it is recorded as cancelled.

    For a schedule that turns before it caught up; `what` says how it turned.
    """
    taken, upcoming = _take(schedule, until, CAP)
    reason = f"its schedule {what} before it was handed out"
    recorded = tuple(
        record.ended(schedule, job_id(schedule.id, at), at, Status.CANCELLED, now, reason)
        for at in taken
    )
    if upcoming is not None and upcoming > until and not schedule.is_on:
        upcoming = None
    progress = replace(schedule.progress, next_run_at=upcoming)
    after = replace(schedule, progress=count(progress, recorded))
    return Plan(before=schedule, after=after, start=(), recorded=recorded)


def jitter_of(schedule: Schedule, job_id: str) -> int:
    """Seconds from a job's due time to its effective time: always the same for one job."""
    most = 0 if is_manual(job_id) else schedule.policy.jitter_seconds
    digest = hashlib.sha256(job_id.encode()).digest() if most else b"\0"
    return int.from_bytes(digest[:8]) % (most + 1)


def crowded(schedule: Schedule) -> bool:
    """Whether so many jobs are live that it matters which of them ended: fold them first."""
    return len(schedule.progress.live) >= PACE


def _latest(schedule: Schedule, now: datetime, horizon: datetime) -> _Sorted:
    """Of what is due, the latest starts if its grace or `catch_up: latest` allows it."""
    room = min(CAP, LIVE_CAP - len(schedule.progress.live))
    taken, upcoming = _take(schedule, horizon, room)
    due = [at for at in taken if at <= now]
    ahead, upcoming = _fitting(taken[len(due) :], _room_ahead(schedule, now), upcoming)
    if not due:
        return _Sorted(ahead, [], upcoming)
    last_of_all = bool(ahead) or upcoming is None or upcoming > now
    in_time = not _too_late(schedule, due[-1], now)
    starts = last_of_all and (in_time or schedule.policy.catch_up is CatchUp.LATEST)
    return _Sorted([*due[-1:], *ahead] if starts else ahead, due[:-1] if starts else due, upcoming)


def _all(schedule: Schedule, now: datetime, horizon: datetime) -> _Sorted:
    """All that is due starts, `PACE` at once; what `catch_up_limit` cuts off is recorded.

    If more is due than one pass looks at, none of it starts: only the last of it is wanted.
    """
    limit = schedule.policy.catch_up_limit
    walked, upcoming = _take(schedule, horizon, CAP + limit)
    due = [at for at in walked if at <= now]
    if upcoming is not None and upcoming <= now:
        return _Sorted([], due[:CAP], due[CAP] if len(due) > CAP else upcoming)
    cut_off = due[: min(max(0, len(due) - limit), CAP)]
    live = schedule.progress.live
    waiting = sum(job.due_at <= now for job in live)
    room = max(0, min(PACE - waiting, LIVE_CAP - len(live)))
    start = due[len(cut_off) :][:room]
    left = due[len(cut_off) + len(start) :]
    if left:
        return _Sorted(start, cut_off, left[0])
    room = min(CAP - len(start), LIVE_CAP - len(live) - len(start), _room_ahead(schedule, now))
    fits, after = _fitting(walked[len(due) :], room, upcoming)
    return _Sorted([*start, *fits], cut_off, after)


def _room_ahead(schedule: Schedule, now: datetime) -> int:
    """How many more may wait for their due time."""
    return AHEAD_CAP - sum(job.due_at > now for job in schedule.progress.live)


def _fitting(
    ahead: Sequence[datetime], room: int, upcoming: datetime | None
) -> tuple[Sequence[datetime], datetime | None]:
    """(the first of `ahead` for which there is room, the occurrence after them)."""
    fits = ahead[: max(0, room)]
    return fits, ahead[len(fits)] if len(fits) < len(ahead) else upcoming


def _take(
    schedule: Schedule, horizon: datetime, most: int
) -> tuple[list[datetime], datetime | None]:
    """The occurrences up to the horizon, at most `most`, and the one after them."""
    taken: list[datetime] = []
    upcoming = schedule.progress.next_run_at
    while upcoming is not None and upcoming <= horizon and len(taken) < most:
        taken.append(upcoming)
        upcoming = next_run(schedule.definition.recurrence, upcoming)
    return taken, upcoming


def _limited(
    schedule: Schedule, found: _Sorted, now: datetime
) -> tuple[Sequence[datetime], datetime | None, tuple[Version, ...]]:
    """(what starts, the next occurrence, the last version) with `max_runs` applied."""
    left = schedule.runs_left
    if left is None or len(found.start) < left:
        return found.start, found.upcoming, ()
    start = found.start[:left]
    taken = [*found.passed_over, *start]
    end = Version(
        schedule_id=schedule.id,
        revision=schedule.revision,
        since=max(taken) if taken else _before(schedule.progress.next_run_at, now),
        recurrence=None,
        reason=f"max_runs ({schedule.policy.max_runs}) reached",
    )
    return start, None, (end,)


def _before(owed: datetime | None, now: datetime) -> datetime:
    """The last instant before an occurrence that is due by now; else now."""
    return now if owed is None else min(now, owed - timedelta(microseconds=1))


def _job(schedule: Schedule, due_at: datetime, now: datetime) -> LiveJob:
    name = job_id(schedule.id, due_at)
    jitter = jitter_of(schedule, name)
    available_at = max(due_at + timedelta(seconds=jitter), now)
    return LiveJob(id=name, due_at=due_at, available_at=available_at, jitter=jitter)


def _too_late(schedule: Schedule, due_at: datetime, now: datetime) -> bool:
    jitter = jitter_of(schedule, job_id(schedule.id, due_at))
    grace = timedelta(seconds=schedule.policy.misfire_grace_seconds + jitter)
    return now - due_at > grace


def _recorded(schedule: Schedule, due_at: datetime, now: datetime) -> Job:
    name = job_id(schedule.id, due_at)
    policy = schedule.policy
    if policy.catch_up is CatchUp.ALL:
        reason = f"more than catch_up_limit ({policy.catch_up_limit}) were due; it was too old"
        return record.ended(schedule, name, due_at, Status.MISSED, now, reason)
    if _too_late(schedule, due_at, now):
        late = int((now - due_at).total_seconds())
        grace = policy.misfire_grace_seconds
        reason = f"nothing could start it within misfire_grace_seconds ({grace}): {late} s late"
        return record.ended(schedule, name, due_at, Status.MISSED, now, reason)
    reason = "a later occurrence was due as well, and runs in its place"
    return record.ended(schedule, name, due_at, Status.SKIPPED, now, reason)
