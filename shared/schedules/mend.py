"""What a clock that was ahead did to a schedule, and how it is put right, as far as that goes.

A pure function of (schedule, its jobs that ended and are still to come, now), taken step by step,
since a transaction is limited:

1. What ran stays: its occurrence gets no second job. What was recorded as missed or skipped, and is
   still to come, is expected again, and its record is removed.
2. If nothing that ran is later, `next_run_at` goes back to before it, and what was handed out for
   later is taken back: whoever ticks hands it out anew.
3. Between now and what ran too early, occurrences are handed out here, as many as there is room
   for; the others stay as they were recorded.
4. A lease, or the time at which a job may start, that lies further ahead than is possible is moved
   nearer.

A schedule that turned since (changed, paused, off, deleted) gets only 4: its last version says what
was expected until then, and that was recorded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.recurrence import count_runs, last_run, next_run
from shared.schedules.job import Job, Status, is_manual, job_id
from shared.schedules.model import LiveJob, Progress, Schedule, Version
from shared.schedules.plan import AHEAD_CAP, jitter_of

MOST = 80
"""Records that one step removes; rows of one transaction are limited to 100."""
_SLACK = timedelta(minutes=1)
"""More than clocks may differ by."""
_LIMIT = "max_runs"
_UNRUN = (Status.MISSED, Status.SKIPPED)


@dataclass(frozen=True, kw_only=True, slots=True)
class Mended:
    """One step. It may not be the last."""

    before: Schedule
    after: Schedule
    gone: tuple[str, ...] = ()
    """Jobs whose records are removed: they did not run, and are expected again."""
    shortened: tuple[Job, ...] = ()
    """The record of a stretch that went on from the past into the future: it ends now."""
    versions: tuple[Version, ...] = ()
    ended: tuple[Version, ...] = ()
    """Versions that are removed: they said when `max_runs` was reached."""
    send: tuple[LiveJob, ...] = ()
    """Jobs for which a message is to be sent, to be seen when they are available."""

    @property
    def again(self) -> int:
        """How many occurrences are expected again."""
        return _unrun_count(self.before.progress) - _unrun_count(self.after.progress)


def _unrun_count(progress: Progress) -> int:
    return progress.missed_count + progress.skipped_count


def is_suspect(schedule: Schedule, now: datetime, lease: timedelta) -> bool:
    """Whether a clock that was ahead may have changed the schedule, judging by its row alone."""
    progress = schedule.progress
    recorded = progress.last_due_at is not None and progress.last_due_at > now
    return recorded or any(
        _is_ahead(job, now) or _freed(schedule, job, now, lease) != job for job in progress.live
    )


def mended(
    schedule: Schedule,
    jobs: Sequence[Job],
    versions: Sequence[Version],
    now: datetime,
    lease: timedelta,
) -> Mended | None:
    """The next step; None if there is nothing to put right.

    `jobs`: the schedule's own ended jobs that are due later than now, and the stretch that began
    before now and ends later, if there is one.
    """
    later = [version for version in versions if version.since > now]
    turned = any(not version.reason.startswith(_LIMIT) for version in later)
    step = None
    if schedule.is_on and not turned:
        step = _expected_again(schedule, jobs, later, now)
    return _near(step or Mended(before=schedule, after=schedule), now, lease)


def _expected_again(
    schedule: Schedule, jobs: Sequence[Job], limits: Sequence[Version], now: datetime
) -> Mended | None:
    """Of the jobs that did not run, the latest are removed first: so `next_run_at` is never later
    than an expected occurrence that has neither record nor job."""
    to_come = [job for job in jobs if _is_unrun(job) and job.due_at > now]
    unrun = sorted(to_come, key=lambda job: job.due_at)
    across = next((job for job in jobs if _is_unrun(job) and job.due_at <= now), None)
    taken = [job.due_until for job in jobs if job not in to_come and job is not across]
    taken += [job.due_at for job in schedule.progress.live if job.begun and not is_manual(job.id)]
    floor = max([now, *taken])
    beyond = [job for job in unrun if job.due_at > floor]
    gone = beyond[-MOST:]
    if len(gone) < len(beyond):
        return _step(schedule, gone, [], jobs, (), floor, gone[0].due_at, None, now)
    if floor > now:
        across = None  # its later part cannot be told from what ran too early
    back = next_run(schedule.definition.recurrence, floor)
    between = unrun[: len(unrun) - len(gone)]
    return _step(schedule, gone, between, jobs, limits, floor, back, across, now)


def _step(
    schedule: Schedule,
    gone: Sequence[Job],
    between: Sequence[Job],
    jobs: Sequence[Job],
    limits: Sequence[Version],
    floor: datetime,
    back: datetime | None,
    across: Job | None,
    now: datetime,
) -> Mended | None:
    """Whoever ticks expects `gone` again from `back` on, and the part of `across` that is to come;
    what was `between` now and what ran too early is handed out here."""
    progress = schedule.progress
    shortened = None if across is None else _until(schedule, across, now)
    if back is not None and progress.next_run_at is not None:
        back = min(back, progress.next_run_at)
    live = tuple(job for job in progress.live if not _is_after(job, back))
    counted = progress.handed_out - (len(progress.live) - len(live))
    after = replace(schedule, progress=replace(progress, live=live, handed_out=max(0, counted)))
    again = _fitting(between, _room(after, MOST - len(gone)))
    waiting = tuple(_waiting(schedule, at) for job in again for at in _occurrences(schedule, job))
    if not gone and not waiting and shortened is None:
        return None
    cut = []
    if across is not None and shortened is not None:
        cut = [replace(across, count=across.count - shortened.count)]
        jobs = [shortened if job is across else job for job in jobs]
    progress = replace(
        _forgotten(after.progress, [*gone, *again, *cut], jobs),
        live=(*live, *waiting),
        handed_out=after.progress.handed_out + len(waiting),
        next_run_at=back,
    )
    after = replace(schedule, progress=progress)
    names = {job.id for job in (*gone, *again)}
    versions: tuple[Version, ...] = ()
    if after.runs_left == 0:
        after = replace(after, progress=replace(progress, next_run_at=None))
        versions = (_last(after, floor),)
    return Mended(
        before=schedule,
        after=after,
        gone=tuple(sorted(names)),
        shortened=() if shortened is None else (shortened,),
        versions=versions,
        ended=tuple(one for one in limits if all(one.since != new.since for new in versions)),
        send=waiting,
    )


def _until(schedule: Schedule, stretch: Job, now: datetime) -> Job:
    """The stretch, cut to the occurrences that were due by now."""
    due = schedule.definition.recurrence
    before = stretch.due_at - timedelta(microseconds=1)
    count, last = count_runs(due, before, now), last_run(due, before, now)
    return replace(stretch, count=max(1, count), last_due_at=last if count > 1 else None)


def _fitting(jobs: Sequence[Job], room: int) -> list[Job]:
    """The first jobs whose occurrences there is room for; a stretch is taken whole or not at
    all."""
    found: list[Job] = []
    for job in jobs:
        if job.count <= room:
            found.append(job)
            room -= job.count
    return found


def _occurrences(schedule: Schedule, job: Job) -> list[datetime]:
    """The due times that a record stands for."""
    at: datetime | None = job.due_at
    found: list[datetime] = []
    while at is not None and at <= job.due_until:
        found.append(at)
        at = next_run(schedule.definition.recurrence, at)
    return found


def _last(schedule: Schedule, floor: datetime) -> Version:
    """The version of a schedule that expects nothing after the jobs that it has."""
    live = [job.due_at for job in schedule.progress.live if not is_manual(job.id)]
    return Version(
        schedule_id=schedule.id,
        revision=schedule.revision,
        since=max([floor, *live]),
        recurrence=None,
        reason=f"{_LIMIT} ({schedule.policy.max_runs}) reached",
    )


def _room(schedule: Schedule, most: int) -> int:
    """How many more may be handed out ahead."""
    room = min(most, AHEAD_CAP - len(schedule.progress.live))
    left = schedule.runs_left
    return max(0, room if left is None else min(room, left))


def _is_after(job: LiveJob, back: datetime | None) -> bool:
    """Whether it was handed out for a time at or after `back`, from which ticks hand out anew."""
    own = not job.begun and not is_manual(job.id)
    return own and back is not None and job.due_at >= back


def _forgotten(progress: Progress, gone: Sequence[Job], jobs: Sequence[Job]) -> Progress:
    """The progress without what the jobs `gone` added: counts, and the latest due time if
    theirs."""
    missed = sum(job.count for job in gone if job.status is Status.MISSED)
    skipped = sum(job.count for job in gone) - missed
    stay = [job.due_until for job in jobs if job not in gone]
    return replace(
        progress,
        missed_count=max(0, progress.missed_count - missed),
        skipped_count=max(0, progress.skipped_count - skipped),
        last_due_at=max(stay, default=None),
    )


def _near(step: Mended, now: datetime, lease: timedelta) -> Mended | None:
    """The step, plus freeing jobs that are held longer than is possible; None if nothing
    changes."""
    progress = step.after.progress
    freed = [(job, _freed(step.after, job, now, lease)) for job in progress.live]
    live = tuple(after for _, after in freed)
    send = tuple(after for before, after in freed if after != before)
    made = replace(
        step,
        after=replace(step.after, progress=replace(progress, live=live)),
        send=(*step.send, *send),
    )
    return made if made.after != made.before else None


def _freed(schedule: Schedule, job: LiveJob, now: datetime, lease: timedelta) -> LiveJob:
    """The job, held no longer than is possible: by a lease, or until it may start."""
    if job.lease_until is not None:
        longest = now + lease
        return job if job.lease_until <= longest + _SLACK else replace(job, lease_until=longest)
    if job.begun:
        policy = schedule.policy
        longest_pause = max(policy.retry_delay_seconds, policy.max_retry_delay_seconds)
        late = job.available_at > now + timedelta(seconds=2 * longest_pause) + _SLACK
        return replace(job, available_at=now) if late else job
    wanted = now if is_manual(job.id) else max(job.effective_at, now)
    return job if job.available_at <= wanted + _SLACK else replace(job, available_at=wanted)


def _waiting(schedule: Schedule, due_at: datetime) -> LiveJob:
    name = job_id(schedule.id, due_at)
    jitter = jitter_of(schedule, name)
    at = due_at + timedelta(seconds=jitter)
    return LiveJob(id=name, due_at=due_at, available_at=at, jitter=jitter)


def _is_unrun(job: Job) -> bool:
    return job.status in _UNRUN and job.attempt == 0 and job.started_at is None


def _is_ahead(job: LiveJob, now: datetime) -> bool:
    """Whether it was begun before it was due."""
    return job.begun and not is_manual(job.id) and job.due_at > now + _SLACK
