"""Whether a worker may start a job: a pure function of (schedule, ended jobs, now).

A message only names a job; this decides what it means at the moment:

1. The job ended: the message is spent.
2. It is not among the live jobs: it was never committed, or taken back. The message is void.
3. It is running under a lease that holds, or waits for its time: ask again then.
4. A policy keeps it from running (`overlap`, a disabled schedule, its grace): it ends here.
5. Its attempts are used up by workers that died: it ends as failed.
6. Otherwise it starts, or is taken over: the next attempt, under a new lease.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.schedules.fold import fold
from shared.schedules.job import Job, Status, is_manual
from shared.schedules.model import CatchUp, LiveJob, Overlap, Schedule
from shared.schedules.record import ended


@dataclass(frozen=True, slots=True)
class Spent:
    """The job ended already."""


@dataclass(frozen=True, slots=True)
class Void:
    """There is no such job (yet, or any more)."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Not now: ask again at `until`."""

    until: datetime


@dataclass(frozen=True, slots=True)
class End:
    """The job ends here, without another attempt."""

    job: Job


@dataclass(frozen=True, slots=True)
class Start:
    """The job may start: `after` is the schedule with the lease, to be committed first."""

    after: Schedule
    job: LiveJob
    taken_over: bool


Claim = Spent | Void | Wait | End | Start


def claim(
    schedule: Schedule,
    job_id: str,
    done: Mapping[str, Job],
    *,
    worker: str,
    now: datetime,
    lease: timedelta,
) -> Claim:
    """What a message for `job_id` means at `now`. `done`: the ended ones of the live jobs."""
    if job_id in done:
        return Spent()
    job = schedule.progress.find(job_id)
    if job is None:
        return Void()
    if job.lease_until is not None and job.lease_until > now:
        return Wait(job.lease_until)
    if job.available_at > now:
        return Wait(job.available_at)
    if job.attempt == 0 and (refusal := _refusal(schedule, job, done, now)) is not None:
        return End(refusal)
    if job.attempt >= schedule.policy.max_attempts:
        return End(_given_up(schedule, job, now))
    return _start(schedule, job, done, worker=worker, now=now, lease=lease)


def _start(
    schedule: Schedule,
    job: LiveJob,
    done: Mapping[str, Job],
    *,
    worker: str,
    now: datetime,
    lease: timedelta,
) -> Start:
    started = replace(
        job, attempt=job.attempt + 1, started_at=now, worker=worker, lease_until=now + lease
    )
    progress = fold(schedule.progress, done).put(started)
    return Start(replace(schedule, progress=progress), started, taken_over=job.running)


def _refusal(
    schedule: Schedule, job: LiveJob, done: Mapping[str, Job], now: datetime
) -> Job | None:
    """How the job ends if a policy keeps it from starting."""
    manual = is_manual(job.id)
    late = now - job.due_at
    grace = timedelta(seconds=schedule.policy.misfire_grace_seconds)
    if not manual and not schedule.definition.enabled:
        reason = "its schedule was turned off before it started"
        return ended(schedule, job.id, job.due_at, Status.CANCELLED, now, reason)
    if not manual and schedule.policy.catch_up is CatchUp.NONE and late > grace:
        reason = f"no worker was free within misfire_grace_seconds ({int(grace.total_seconds())})"
        return ended(schedule, job.id, job.due_at, Status.MISSED, now, reason)
    running = [one for one in schedule.progress.live if one.running and one.id not in done]
    if running and schedule.policy.overlap is Overlap.SKIP:
        reason = f"{running[0].id} of the same schedule is still running (overlap: skip)"
        return ended(schedule, job.id, job.due_at, Status.SKIPPED, now, reason)
    return None


def _given_up(schedule: Schedule, job: LiveJob, now: datetime) -> Job:
    error = job.error or "the worker stopped in the middle of it, without a word"
    return replace(
        ended(schedule, job.id, job.due_at, Status.FAILED, now, "its attempts are used up"),
        attempt=job.attempt,
        started_at=job.started_at,
        worker=job.worker,
        error=f"attempt {job.attempt} of {schedule.policy.max_attempts}: {error}",
    )
