"""Whether a worker may start a job: a pure function of (schedule, ended jobs, now).

A message only names a job; this decides what it means at the moment:

1. The job ended: the message is spent.
2. It is not among the live jobs: it was never committed, or was taken back. The message is void.
3. It is running under a lease that holds, or waits for its time: ask again then.
4. It was told to stop, its schedule was deleted, or its attempts are used up: it ends here.
5. It was not begun, and its schedule was turned off: it ends here.
6. It was not begun, it is late, and so many later ones are due that `catch_up` would not start it:
   it ends here. So jobs handed out before an outage follow what the tick decides after one.
7. It was not begun, and another of its schedule has not ended: `overlap` decides. A job that a
   person asked for waits its turn, unless runs may go side by side. So does, with `catch_up: all`,
   a job that came due before the running one was begun, unless the latest replaces the others. A
   backfill's job goes after all others, and what it keeps waiting is not skipped for it.
8. It was not begun, and its grace has passed: it ends here. The time for which it waited for
   another of its schedule does not count.
9. It was not begun, and `catch_up: all` has an older one to start: that one first.
10. Otherwise it starts, or is taken over: the next attempt, under a new lease.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.recurrence import next_run
from shared.schedules.finish import finished
from shared.schedules.fold import fold
from shared.schedules.job import Job, Status, backfill_of, is_manual, job_id
from shared.schedules.model import CatchUp, LiveJob, Overlap, Schedule, Version
from shared.schedules.plan import grace_passed, jitter_of, passed_over
from shared.schedules.record import ended_live

SILENT = "the worker stopped in the middle of it, without a word"
"""The error of an attempt whose lease ended; nobody can know whether it had begun."""


@dataclass(frozen=True, slots=True)
class Spent:
    """The job ended already."""


@dataclass(frozen=True, slots=True)
class Void:
    """There is no such job (yet, or any more)."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Not now: ask again at `until`, or when the job that is in the way has ended."""

    until: datetime
    after: Schedule | None = None
    """The schedule with the others told to stop, to be committed first."""
    ended: tuple[Job, ...] = ()
    """Those of the others that nobody runs: they end in the same commit."""


@dataclass(frozen=True, slots=True)
class End:
    """The job ends here, without another attempt: `after` is the schedule without it."""

    after: Schedule
    job: Job
    versions: tuple[Version, ...] = ()


@dataclass(frozen=True, slots=True)
class Start:
    """The job may start: `after` is the schedule with the lease, to be committed first."""

    after: Schedule
    job: LiveJob
    taken_over: bool


@dataclass(frozen=True, slots=True)
class First:
    """The older job of this id comes first; ask again after it."""

    older: str


Claim = Spent | Void | Wait | First | End | Start

ON_TIME = timedelta(seconds=5)
"""A job that starts this late still counts as on time: a busy moment is no outage."""
_GLANCE = timedelta(seconds=5)
"""How often a job that a person asked for asks whether it may start, where others do not wait."""


def claim(
    schedule: Schedule,
    job_id: str,
    done: Mapping[str, Job],
    *,
    worker: str,
    now: datetime,
    lease: timedelta,
) -> Claim:
    """What a message for `job_id` means at `now`. `done`: the live jobs that have ended."""
    if job_id in done:
        return Spent()
    job = schedule.progress.find(job_id)
    if job is None:
        return Void()
    if job.lease_until is not None and job.lease_until > now:
        return _ours(schedule, job, now + lease) if job.worker == worker else Wait(job.lease_until)
    if job.cancel is not None:
        return _end(schedule, job, done, Status.CANCELLED, now, job.cancel)
    if schedule.deleted_at is not None:
        return _end(schedule, job, done, Status.CANCELLED, now, "its schedule was deleted")
    if job.available_at > now:
        return Wait(job.available_at)
    if job.attempt >= schedule.policy.max_attempts:
        return _given_up(schedule, job, done, now)
    if not job.begun:
        refused = (
            _turned_off(schedule, job, done, now)
            or _left_behind(schedule, job, done, now)
            or _overlapping(schedule, job, done, now, now + lease)
            or _too_late(schedule, job, done, now)
            or _overtaking(schedule, job, now)
        )
        if refused is not None:
            return refused
    started = replace(
        job,
        attempt=job.attempt + 1,
        started_at=now,
        first_started_at=job.first_started_at if job.begun else now,
        worker=worker,
        lease_until=now + lease,
        held=None,
        woken=False,
        taken_over=job.taken_over + job.running,
    )
    progress = fold(schedule.progress, done).put(started)
    return Start(replace(schedule, progress=progress), started, taken_over=job.running)


def kept_from(
    schedule: Schedule, job_id: str, done: Mapping[str, Job], now: datetime, reason: str
) -> End:
    """How a job ends that `claim` would start, and that may not run for another reason, such as a
    budget."""
    job = schedule.progress.find(job_id)
    if job is None:
        raise ValueError(f"{job_id} is not among the live jobs")
    return _end(schedule, job, done, Status.SKIPPED, now, reason)


def _ours(schedule: Schedule, job: LiveJob, until: datetime) -> Start:
    """The job of a worker that got the lease without learning so: its attempt is still to come."""
    mine = replace(job, lease_until=until)
    progress = schedule.progress.put(mine)
    return Start(replace(schedule, progress=progress), mine, taken_over=False)


def _turned_off(
    schedule: Schedule, job: LiveJob, done: Mapping[str, Job], now: datetime
) -> End | None:
    """How the job ends if its schedule keeps it from starting."""
    if schedule.is_on or is_manual(job.id):
        return None
    why = schedule.progress.paused_reason
    reason = f"its schedule was {f'paused: {why}' if why else 'turned off before it started'}"
    return _end(schedule, job, done, Status.CANCELLED, now, reason)


def _left_behind(
    schedule: Schedule, job: LiveJob, done: Mapping[str, Job], now: datetime
) -> End | None:
    """How a late job ends that was handed out before an outage, when the tick could not know yet
    which jobs `catch_up` would start; None if it may start."""
    if is_manual(job.id):
        return None
    waited = now - _waiting_since(schedule, job, done, now)
    if waited <= ON_TIME and not (now - job.available_at > ON_TIME and _replaced(schedule, job)):
        return None
    starts_all = schedule.policy.catch_up is CatchUp.ALL
    most = schedule.policy.catch_up_limit if starts_all else 1
    if not _due_after(schedule, job.due_at, now, most):
        return None
    status, reason = passed_over(schedule, job.due_at, now)
    return _end(schedule, job, done, status, now, reason)


def _replaced(schedule: Schedule, job: LiveJob) -> bool:
    """Whether a later occurrence has begun or ended that takes the place of this one: then it does
    not wait for that, but was left behind."""
    if schedule.policy.overlap is not Overlap.CANCEL_OTHER:
        return False
    later = [one.due_at for one in schedule.progress.live if one.begun and not is_manual(one.id)]
    ended = schedule.progress.last_due_at
    return max([*later, ended or job.due_at]) > job.due_at


def _overtaking(schedule: Schedule, job: LiveJob, now: datetime) -> First | None:
    """The older job that `catch_up: all` has to start first."""
    if is_manual(job.id) or schedule.policy.catch_up is not CatchUp.ALL:
        return None
    older = [one for one in _late(schedule, now) if turn(one) < turn(job)]
    return First(min(older, key=turn).id) if older else None


def _waiting_since(
    schedule: Schedule, job: LiveJob, done: Mapping[str, Job], now: datetime
) -> datetime:
    """Since when the job has lacked nothing but a worker."""
    rivals = (one for one in schedule.progress.live if one.begun and one.id not in done)
    if any(_keeps_waiting(schedule, one) for one in rivals):
        return now  # it waits its turn
    return max(job.available_at, _free_since(schedule, done) or job.available_at)


def _keeps_waiting(schedule: Schedule, rival: LiveJob) -> bool:
    """Whether a job that has begun keeps a run of the schedule's own waiting."""
    if backfill_of(rival.id) is not None:
        return schedule.policy.overlap is not Overlap.ALLOW_ALL
    return schedule.policy.queues


def _free_since(schedule: Schedule, done: Mapping[str, Job]) -> datetime | None:
    """When the last job ended for which a run of the schedule's own waits; None if it waits for
    none."""
    progress = fold(schedule.progress, done)
    if schedule.policy.queues:
        ends = [progress.ended_at, progress.backfilled_at]
    else:
        ends = [progress.backfilled_at]
    if schedule.policy.overlap is Overlap.ALLOW_ALL:
        return None
    return max((one for one in ends if one is not None), default=None)


def _due_after(schedule: Schedule, due_at: datetime, now: datetime, many: int) -> bool:
    """Whether at least `many` occurrences after `due_at` were to start by now."""
    until = now if schedule.progress.next_run_at is not None else _last_handed_out(schedule, now)
    at = next_run(schedule.definition.recurrence, due_at)
    while at is not None and at <= until:
        jitter = jitter_of(schedule, job_id(schedule.id, at))
        many -= at + timedelta(seconds=jitter) <= now
        if many <= 0:
            return True
        at = next_run(schedule.definition.recurrence, at)
    return False


def _last_handed_out(schedule: Schedule, now: datetime) -> datetime:
    """The last due occurrence of a schedule that has none to come."""
    progress = schedule.progress
    due = [job.due_at for job in progress.live if not is_manual(job.id) and job.due_at <= now]
    return max([*due, progress.last_due_at] if progress.last_due_at else due, default=now)


def _late(schedule: Schedule, now: datetime) -> list[LiveJob]:
    """The schedule's own jobs that are due and that nobody has begun."""
    return [
        job
        for job in schedule.progress.live
        if not job.begun
        and job.cancel is None
        and job.available_at <= now
        and not is_manual(job.id)
    ]


def _too_late(
    schedule: Schedule,
    job: LiveJob,
    done: Mapping[str, Job],
    now: datetime,
    *,
    waited: bool = True,
) -> End | None:
    """How the job ends if its grace has passed. `waited`: count only from the end of another
    job."""
    policy = schedule.policy
    if is_manual(job.id) or policy.catch_up is not CatchUp.NONE:
        return None
    since = job.effective_at
    if waited:
        since = max(since, _free_since(schedule, done) or since)
    if now - since <= timedelta(seconds=policy.misfire_grace_seconds):
        return None
    status, reason = grace_passed(schedule)
    return _end(schedule, job, done, status, now, reason)


def _overlapping(
    schedule: Schedule, job: LiveJob, done: Mapping[str, Job], now: datetime, later: datetime
) -> End | Wait | None:
    """What `overlap` says; None if nothing is in the way. `later`: when to ask again at the
    latest."""
    overlap = schedule.policy.overlap
    if overlap is Overlap.ALLOW_ALL:
        return None
    if is_manual(job.id):
        if overlap is Overlap.SKIP:  # what runs may not know that this waits for it
            later = min(later, now + _GLANCE)
        overlap = Overlap.BUFFER_ALL  # a person asked for it: it neither gives way nor interrupts
    others = [one for one in schedule.progress.live if one.id != job.id and one.id not in done]
    begun = [one for one in others if one.begun and not _gives_way(one, job, overlap)]
    held_up = False
    if not is_manual(job.id):  # a backfill's job is no run that it could overlap: it waits for that
        own = [one for one in begun if backfill_of(one.id) is None]
        begun, held_up = own, len(own) < len(begun)
    if _catches_up(schedule, job, begun) and overlap is not Overlap.CANCEL_OTHER:
        overlap = Overlap.BUFFER_ALL
    waiting = [one for one in others if not one.begun and one.available_at <= now]
    mine = turn(job)
    before = [one for one in waiting if turn(one) < mine]
    rivals = begun + [one for one in waiting if not is_manual(one.id)]
    if overlap is Overlap.CANCEL_OTHER and any(turn(one) > mine for one in rivals):
        last = max(rivals, key=turn).id
        reason = f"{last} came due as well, and runs in its place (overlap: cancel_other)"
        return _end(schedule, job, done, Status.SKIPPED, now, reason)
    if begun and overlap is Overlap.SKIP:
        reason = f"{begun[0].id} of the same schedule has not ended (overlap: skip)"
        return _end(schedule, job, done, Status.SKIPPED, now, reason)
    one_waits = overlap is Overlap.BUFFER_ONE or (held_up and overlap is Overlap.SKIP)
    if (begun or held_up) and before and one_waits:
        reason = f"{before[0].id} waits already (overlap: {overlap})"
        return _end(schedule, job, done, Status.SKIPPED, now, reason)
    if begun and overlap is Overlap.CANCEL_OTHER:
        told = all(one.cancel is not None for one in begun)
        late = None if told else _too_late(schedule, job, done, now, waited=False)
        return late or _others_stopped(schedule, begun, job, now, later)
    if begun or (before and overlap in (Overlap.BUFFER_ONE, Overlap.BUFFER_ALL)):
        return Wait(later)
    if held_up:
        return Wait(min(later, now + _GLANCE))
    return None


def _gives_way(one: LiveJob, job: LiveJob, overlap: Overlap) -> bool:
    """Whether an earlier occurrence only waits for a person, so that the newer asks in its place:
    then the approval of the earlier does not count any more (`shared.approvals`)."""
    own = not is_manual(one.id) and not is_manual(job.id)
    return overlap is Overlap.SKIP and own and one.asks and turn(one) < turn(job)


def _catches_up(schedule: Schedule, job: LiveJob, begun: Sequence[LiveJob]) -> bool:
    """Whether all late jobs are to start, and those that run now did not yet run when this one came
    due: then it did not overlap, but was late itself."""
    return schedule.policy.catch_up is CatchUp.ALL and all(
        one.first_started_at is not None and one.first_started_at > job.effective_at
        for one in begun
    )


def turn(job: LiveJob) -> tuple[bool, datetime, str]:
    """The order of jobs that wait for each other: by when they were due, a backfill's last."""
    return backfill_of(job.id) is not None, job.effective_at, job.id


def _others_stopped(
    schedule: Schedule, begun: Sequence[LiveJob], job: LiveJob, now: datetime, later: datetime
) -> Wait:
    """Jobs that run are told to stop; jobs that nobody runs end, so that none waits for them."""
    progress = schedule.progress
    ended: list[Job] = []
    for one in begun:
        told = replace(one, cancel=one.cancel or f"{job.id} came due (cancel_other)")
        if one.lease_until is not None and one.lease_until > now:
            progress = progress if told == one else progress.put(told)
        else:
            ended.append(ended_live(schedule, told, Status.CANCELLED, now, told.cancel or ""))
    progress = fold(progress, {record.id: record for record in ended})
    after = None if progress == schedule.progress else replace(schedule, progress=progress)
    return Wait(now if len(ended) == len(begun) else later, after, tuple(ended))


def _end(
    schedule: Schedule,
    job: LiveJob,
    done: Mapping[str, Job],
    status: Status,
    now: datetime,
    reason: str,
) -> End:
    record = ended_live(schedule, job, status, now, reason)
    after, versions = finished(schedule, record, done, now)
    return End(after, record, versions)


def _given_up(schedule: Schedule, job: LiveJob, done: Mapping[str, Job], now: datetime) -> End:
    error = job.error or SILENT
    record = replace(
        ended_live(schedule, job, Status.FAILED, now, "its attempts are used up"),
        error=f"attempt {job.attempt} of {schedule.policy.max_attempts}: {error}",
    )
    after, versions = finished(schedule, record, done, now)
    return End(after, record, versions)
