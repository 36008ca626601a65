"""What a schedule owes at `now`: a pure function of (schedule, now, horizon).

1. Of its occurrences due from `next_run_at` to now, however many, `catch_up` decides which start.
   The latest is found at once, so it does not wait until the older ones are written.
2. Every other one is recorded, as missed if its grace has passed and as skipped if a later one
   takes its place: up to `CAP` in rows of their own, more of them as stretches.
3. Those to come up to the horizon are handed out: their messages wait for their effective time.
4. `max_runs` limits what starts; `next_run_at` moves past the last one taken.

If a schedule turned before it caught up (paused, off, changed), what it owes is cancelled.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.recurrence import Recurrence, next_run
from shared.schedules import record
from shared.schedules.fold import count
from shared.schedules.job import Job, Status, backfill_of, is_manual, job_id
from shared.schedules.model import CatchUp, LiveJob, Schedule, Version
from shared.schedules.owed import Owed, each, latest, owed, parted

CAP = 50
"""Occurrences that one pass hands out, and that it records one by one; rows of one transaction are
limited to 100."""
LIVE_CAP = 100
"""Live jobs of one schedule; its row is limited to 32,000 characters for them."""
AHEAD_CAP = 80
"""How many of them may wait for their due time: that leaves room for runs that people ask for."""
PACE = 10
"""Runs of one schedule that `catch_up: all` lets wait or run at once."""

_REPLACED = "a later occurrence was due as well, and runs in its place"

Outcome = tuple[Status, str]
"""How an occurrence that does not run is recorded: its status and its reason."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What one pass does to one schedule."""

    before: Schedule
    after: Schedule
    start: tuple[LiveJob, ...]
    """Jobs to be handed out."""
    recorded: tuple[Job, ...]
    """Occurrences that end here unrun."""
    versions: tuple[Version, ...] = ()
    """The schedule's last version, if `max_runs` is reached here."""

    @property
    def changes(self) -> bool:
        return self.before.progress != self.after.progress

    def traced(self, trace: str | None) -> Plan:
        """The same, with `trace` as what causes the jobs that it hands out."""
        if trace is None or not self.start:
            return self
        start = tuple(replace(job, trace=trace) for job in self.start)
        progress = self.after.progress
        for job in start:
            progress = progress.put(job)
        return replace(self, start=start, after=replace(self.after, progress=progress))


@dataclass(frozen=True, slots=True)
class _Sorted:
    """What becomes of the occurrences that were taken."""

    start: Sequence[datetime]
    """In order of due time, all later than those of `passed_over`."""
    upcoming: datetime | None
    passed_over: Owed | None = None
    outcome: Outcome | None = None
    """How all that are passed over are recorded; None: a later one runs in the place of each."""


def plan(schedule: Schedule, now: datetime, horizon: datetime) -> Plan:
    """What `schedule` owes at `now`, looking ahead to `horizon`."""
    if not schedule.is_on:
        return given_up(schedule, schedule.progress.paused_at or now, now, "was paused")
    sort = _all if schedule.policy.catch_up is CatchUp.ALL else _latest
    found = sort(schedule, now, horizon)
    start, upcoming, versions = _limited(schedule, found, now)
    jobs = tuple(_job(schedule, at, now) for at in start)
    recorded = _recorded(schedule, found, now)
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
    """All that was due by `until` and was not handed out is recorded as cancelled.

    For a schedule that turns before it caught up; `what` says how it turned.
    """
    recorded: tuple[Job, ...] = ()
    upcoming = schedule.progress.next_run_at
    if (due := owed(schedule, until)) is not None:
        reason = f"its schedule {what} before it was handed out"
        recorded = _rows(schedule, due, (Status.CANCELLED, reason), now)
        upcoming = next_run(schedule.definition.recurrence, due.last)
    if upcoming is not None and upcoming > until and not schedule.is_on:
        upcoming = None
    progress = replace(schedule.progress, next_run_at=upcoming)
    after = replace(schedule, progress=count(progress, recorded))
    return Plan(before=schedule, after=after, start=(), recorded=recorded)


def passed_over(schedule: Schedule, due_at: datetime, now: datetime) -> Outcome:
    """How an occurrence that does not start, because a later one does, is recorded."""
    if schedule.policy.catch_up is CatchUp.ALL:
        return _cut_off(schedule)
    if _too_late(schedule, due_at, now):
        return grace_passed(schedule)
    return Status.SKIPPED, _REPLACED


def jitter_of(schedule: Schedule, job_id: str) -> int:
    """Seconds from a job's due time to its effective time: always the same for one job."""
    most = 0 if is_manual(job_id) else schedule.policy.jitter_seconds
    digest = hashlib.sha256(job_id.encode()).digest() if most else b"\0"
    return int.from_bytes(digest[:8]) % (most + 1)


def crowded(schedule: Schedule) -> bool:
    """Whether so many jobs are live that the ended ones must be folded first."""
    return len(schedule.progress.live) >= PACE


def _latest(schedule: Schedule, now: datetime, horizon: datetime) -> _Sorted:
    """The latest due occurrence starts if its grace or `catch_up: latest` allows it."""
    recurrence, upcoming = schedule.definition.recurrence, schedule.progress.next_run_at
    room = min(CAP, LIVE_CAP - len(schedule.progress.live))
    due = owed(schedule, now)
    if due is None:
        return _Sorted(*_take(recurrence, upcoming, horizon, _room_ahead(schedule, now, room)))
    if room <= 0:
        return _Sorted([], upcoming)
    following = next_run(recurrence, due.last)
    if schedule.policy.catch_up is not CatchUp.LATEST and _too_late(schedule, due.last, now):
        room = _room_ahead(schedule, now, room)
        ahead, upcoming = _take(recurrence, following, horizon, room)
        return _Sorted(ahead, upcoming, due, grace_passed(schedule))
    room = _room_ahead(schedule, now, room - 1)
    ahead, upcoming = _take(recurrence, following, horizon, room)
    before, _ = parted(recurrence, due, due.last)
    return _Sorted([due.last, *ahead], upcoming, before)


def _all(schedule: Schedule, now: datetime, horizon: datetime) -> _Sorted:
    """All that is due starts, `PACE` at once; what `catch_up_limit` cuts off is recorded."""
    recurrence, live = schedule.definition.recurrence, schedule.progress.live
    following, cut_off = schedule.progress.next_run_at, None
    start: list[datetime] = []
    if (due := owed(schedule, now)) is not None:
        wanted = latest(recurrence, due, schedule.policy.catch_up_limit)
        cut_off, _ = parted(recurrence, due, wanted[0])
        waiting = sum(job.due_at <= now and backfill_of(job.id) is None for job in live)
        start = wanted[: max(0, min(PACE - waiting, LIVE_CAP - len(live)))]
        if len(start) < len(wanted):
            return _Sorted(start, wanted[len(start)], cut_off, _cut_off(schedule))
        following = next_run(recurrence, due.last)
    room = _room_ahead(schedule, now, min(CAP, LIVE_CAP - len(live)) - len(start))
    ahead, upcoming = _take(recurrence, following, horizon, room)
    return _Sorted([*start, *ahead], upcoming, cut_off, _cut_off(schedule))


def _room_ahead(schedule: Schedule, now: datetime, room: int) -> int:
    """How many more may wait for their due time, if there is room for so many at all."""
    waiting = sum(job.due_at > now for job in schedule.progress.live)
    return max(0, min(room, AHEAD_CAP - waiting))


def _take(
    recurrence: Recurrence, upcoming: datetime | None, horizon: datetime, most: int
) -> tuple[list[datetime], datetime | None]:
    """The occurrences from `upcoming` to the horizon, at most `most`, and the one after them."""
    taken: list[datetime] = []
    while upcoming is not None and upcoming <= horizon and len(taken) < most:
        taken.append(upcoming)
        upcoming = next_run(recurrence, upcoming)
    return taken, upcoming


def _limited(
    schedule: Schedule, found: _Sorted, now: datetime
) -> tuple[Sequence[datetime], datetime | None, tuple[Version, ...]]:
    """(what starts, the next occurrence, the last version) with `max_runs` applied."""
    left = schedule.runs_left
    if left is None or len(found.start) < left:
        return found.start, found.upcoming, ()
    start = found.start[:left]
    taken = [*([found.passed_over.last] if found.passed_over else []), *start]
    end = Version(
        schedule_id=schedule.id,
        revision=schedule.revision,
        since=max(taken) if taken else _before(schedule.progress.next_run_at, now),
        recurrence=None,
        reason=f"max_runs ({schedule.policy.max_runs}) reached",
    )
    return start, None, (end,)


def _before(upcoming: datetime | None, now: datetime) -> datetime:
    """The last instant before an occurrence that is due by now; else now."""
    return now if upcoming is None else min(now, upcoming - timedelta(microseconds=1))


def _job(schedule: Schedule, due_at: datetime, now: datetime) -> LiveJob:
    name = job_id(schedule.id, due_at)
    jitter = jitter_of(schedule, name)
    available_at = max(due_at + timedelta(seconds=jitter), now)
    return LiveJob(id=name, due_at=due_at, available_at=available_at, jitter=jitter)


def _too_late(schedule: Schedule, due_at: datetime, now: datetime) -> bool:
    jitter = jitter_of(schedule, job_id(schedule.id, due_at))
    grace = timedelta(seconds=schedule.policy.misfire_grace_seconds + jitter)
    return now - due_at > grace


def _recorded(schedule: Schedule, found: _Sorted, now: datetime) -> tuple[Job, ...]:
    """The records of what is passed over."""
    recurrence, passed = schedule.definition.recurrence, found.passed_over
    if passed is None:
        return ()
    if found.outcome is not None:
        return _rows(schedule, passed, found.outcome, now)
    if passed.count > CAP:
        return tuple(_stretches(schedule, passed, now))
    due = each(recurrence, passed)
    return tuple(record.ended(schedule, at, *passed_over(schedule, at, now), now) for at in due)


def _rows(schedule: Schedule, some: Owed, outcome: Outcome, now: datetime) -> tuple[Job, ...]:
    """Records of occurrences that end alike: one for each, or one for all if they are many."""
    if some.count > CAP:
        return (record.stretch(schedule, some, *outcome, now),)
    due = each(schedule.definition.recurrence, some)
    return tuple(record.ended(schedule, at, *outcome, now) for at in due)


def _stretches(schedule: Schedule, passed: Owed, now: datetime) -> Iterator[Job]:
    """Missed as far as no occurrence can still be within its grace, skipped after that.

    So grace includes the whole of `jitter_seconds` here, not each occurrence's own jitter.
    """
    policy = schedule.policy
    longest = timedelta(seconds=policy.misfire_grace_seconds + policy.jitter_seconds)
    missed, skipped = parted(schedule.definition.recurrence, passed, now - longest)
    if missed is not None:
        yield record.stretch(schedule, missed, *grace_passed(schedule), now)
    if skipped is not None:
        yield record.stretch(schedule, skipped, Status.SKIPPED, _REPLACED, now)


def grace_passed(schedule: Schedule) -> Outcome:
    """How an occurrence whose grace passed before it could start is recorded."""
    grace = schedule.policy.misfire_grace_seconds
    return Status.MISSED, f"nothing could start it within misfire_grace_seconds ({grace})"


def _cut_off(schedule: Schedule) -> Outcome:
    limit = schedule.policy.catch_up_limit
    return Status.MISSED, f"more than catch_up_limit ({limit}) were due; it was too old"
