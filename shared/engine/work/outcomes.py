"""Writes outcomes: jobs that ended or go back to the queue. Wakes jobs that waited for them."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from shared.clock import Clock
from shared.engine.events import tell_ended
from shared.engine.work.attempt import Attempt
from shared.engine.work.budgets import Budgets
from shared.engine.work.judge import Again
from shared.engine.work.lease import Lease
from shared.engine.work.limits import Limits
from shared.engine.work.pacer import Pacer
from shared.engine.work.runs import Hands, Runs
from shared.errors import Conflict, LeaseLost
from shared.heartbeats.sender import Sender
from shared.heartbeats.signal import of_end
from shared.log import Event, event
from shared.schedules.claim import turn
from shared.schedules.finish import finished
from shared.schedules.job import Job, Status, run_of
from shared.schedules.listed import changes_state
from shared.schedules.model import LiveJob, Overlap, Schedule
from shared.storage.queues.jobs import JobQueue, Message
from shared.storage.tables.changes import Change
from shared.storage.tables.compare_and_set import compare_and_set
from shared.storage.tables.schedules import ScheduleTable

_logger = logging.getLogger("belfry.worker")


@dataclass(frozen=True, slots=True)
class _Counted:
    """A job that is counted in its schedule's row when it ends."""

    job: Job
    may_pause: bool
    """Whether its failure may pause the schedule, by the policy that held when it began."""


@dataclass(frozen=True, slots=True)
class Outcomes:
    """The stores that outcomes go to."""

    table: ScheduleTable
    queue: JobQueue
    limits: Limits
    clock: Clock
    pacer: Pacer
    heartbeats: Sender
    lease: Lease
    budgets: Budgets
    runs: Runs

    def end(self, over: Sequence[tuple[Attempt, Job]], hands: Hands | None = None) -> list[Job]:
        """Write the jobs' rows; returns the jobs that had not ended elsewhere before. `hands` begin
        what follows in workflows.

        A job that may pause its schedule, or change how it stands in lists, is written together
        with the schedule's row; so is one whose lease may be over by the time that it is written,
        because that row says whether another worker has the job.
        """
        counted = {
            job.id: _Counted(job, _may_pause(attempt.schedule, job))
            for attempt, job in over
            if _may_pause(attempt.schedule, job)
            or changes_state(attempt.schedule, job)
            or self._may_be_lost(attempt)
        }
        alone = [job for _, job in over if job.id not in counted]
        steps = [job for job in alone if run_of(job.schedule_id) is not None]
        alone = [job for job in alone if run_of(job.schedule_id) is None]
        won = self.table.end(alone)
        kept = [job for job, made in zip(alone, won, strict=True) if made]
        kept += self._end_with_schedules(list(counted.values()))
        kept += self.runs.end(steps, hands) if steps else ()
        for attempt, job in over:
            if job in kept:
                tell_ended(_logger, job)
                self.limits.release(attempt.schedule, job.id)
                self.heartbeats.send(of_end(attempt.schedule, job))
            else:
                event(
                    _logger,
                    Event.LEASE_LOST,
                    job_id=job.id,
                    error="another worker has it, or ended it",
                )
            if job not in steps:
                self.make_room(attempt.schedule)
        self.budgets.ended(kept)
        return kept

    def _may_be_lost(self, attempt: Attempt) -> bool:
        until = attempt.live.lease_until
        return until is None or until - self.clock.now() < self.lease.length / 2

    def end_with_schedule(self, job: Job) -> bool:
        """End a job and count it in its schedule's row at once; False if it ended before."""
        return self._end_counted(_Counted(job, True))

    def _end_counted(self, one: _Counted) -> bool:
        return compare_and_set(one.job.schedule_id, lambda: self._ended_with_schedule(one))

    def _end_with_schedules(self, jobs: Sequence[_Counted]) -> list[Job]:
        """The same for many jobs, of which those are returned that had not ended before. All are
        tried at once first: after an outage many fail together."""
        made = self._tried_together(jobs) if len(jobs) > 1 else set()
        return [one.job for one in jobs if one.job.id in made or self._end_counted(one)]

    def _tried_together(self, jobs: Sequence[_Counted]) -> set[str]:
        """End those that can be ended at once, one of each schedule; the ids of those that were."""
        one_each = {one.job.schedule_id: one for one in jobs}
        rows = self.table.many(one_each)
        lives = [live.id for one in rows.values() for live in one.progress.live if live.begun]
        known = self.table.ended(lives)
        found = (self._counted(one, one_each[one.id], known) for one in rows.values())
        changes = sorted(filter(None, found), key=lambda one: self.table.shard(one.after.id))
        won = self.table.commit(changes)
        made = [change for change, done in zip(changes, won, strict=True) if done]
        for change in made:
            tell_paused(change.before, change.after)
        return {job.id for change in made for job in change.jobs}

    def _ended_with_schedule(self, one: _Counted) -> bool | None:
        job = one.job
        schedule = self.table.get(job.schedule_id)
        earlier = self.table.job(job.id)
        if earlier is not None:  # ended by another worker, or by us, if the answer was lost
            return earlier.ended_as(job)
        change = self._counted(schedule, one, self.ended(schedule)) if schedule else None
        if change is None:
            return False
        if not self.table.commit([change])[0]:
            return None
        tell_paused(change.before, change.after)
        return True

    def _counted(
        self, schedule: Schedule, one: _Counted, ended: Mapping[str, Job]
    ) -> Change | None:
        """The end of a job, counted in its schedule's row; None if it is not this worker's."""
        job = one.job
        live = schedule.progress.find(job.id)
        if live is None or live.worker != job.worker or job.id in ended:
            return None
        own = {live.id: ended[live.id] for live in schedule.progress.live if live.id in ended}
        after, versions = finished(schedule, job, own, self.clock.now(), pauses=one.may_pause)
        return Change(schedule, after, (job,), versions)

    def again(self, attempt: Attempt, result: Again) -> bool:
        """Put the job back for another attempt; False if it is no longer this worker's."""
        now = self.clock.now()
        live, long = attempt.live, attempt.schedule.is_long
        message = Message((live.id,), now, long=long, trace=live.trace)
        self.queue.send(message, result.live.available_at)
        try:
            schedule_id = attempt.schedule.id
            waiting = compare_and_set(schedule_id, lambda: self._put_back(attempt, result))
        except (LeaseLost, Conflict):  # the sweep finds what is still in the row
            return False
        self.limits.release(attempt.schedule, attempt.live.id)
        if waiting.cancel is not None or waiting.available_at < result.live.available_at:
            self.queue.send(message, now)  # it ends or starts now, not after its delay
        _tell_again(attempt, result)
        return True

    def _put_back(self, attempt: Attempt, result: Again) -> LiveJob | None:
        """The job as it waits now. Raises `LeaseLost` if it is no longer this worker's."""
        live = attempt.live
        schedule = self.table.get(attempt.schedule.id)
        held = schedule.progress.find(live.id) if schedule is not None else None
        if schedule is None or held is None or held.worker != live.worker:
            raise LeaseLost(f"{live.id}: another worker has it")
        waiting = replace(result.live, cancel=held.cancel)
        if result.held and held.woken:  # what it waits for came before it waited
            waiting = replace(waiting, available_at=self.clock.now(), held=None, woken=False)
        after = replace(schedule, progress=schedule.progress.put(waiting))
        return waiting if self.table.commit([Change(schedule, after)])[0] else None

    def ended(self, schedule: Schedule) -> dict[str, Job]:
        """Of the schedule's live jobs, those that have ended, by id."""
        return self.table.ended(job.id for job in schedule.progress.live if job.begun)

    def make_room(self, schedule: Schedule) -> None:
        """After a job of the schedule ended, hand out the next of its backfill, and send a message
        for the job that waited for it. After a step of a run, hand out those that follow."""
        if run_of(schedule.id) is not None:
            self.runs.step(schedule.id)
            return
        policy = schedule.policy
        backfills = schedule.progress.backfill is not None
        if backfills:
            self.pacer.step(schedule.id)
        retries = policy.overlap is Overlap.SKIP and _waiting(schedule, self.clock.now())
        if policy.queues or retries or (backfills and policy.overlap is not Overlap.ALLOW_ALL):
            self.nudge(schedule.id)

    def nudge(self, schedule_id: str) -> None:
        """Send a message for the job that waited for another of its schedule to end.

        It is sent for one job at a time. A job that must wait on sends its own next message, so
        messages for all of them would pile up. All get one only if the latest job replaces the
        others.
        """
        now = self.clock.now()
        schedule = self.table.get(schedule_id)
        if schedule is None or not (ids := _waiting(schedule, now)):
            return
        replacing = schedule.policy.overlap is Overlap.CANCEL_OTHER
        wanted = ids if replacing else ids[:1]
        self.queue.send(Message(wanted, now, long=schedule.is_long), now)


def _waiting(schedule: Schedule, now: datetime) -> tuple[str, ...]:
    waiting = [job for job in schedule.progress.live if not job.begun and job.available_at <= now]
    return tuple(job.id for job in sorted(waiting, key=turn))


def _may_pause(schedule: Schedule, job: Job) -> bool:
    if job.backfill is not None:
        return False
    return job.status is Status.FAILED and schedule.policy.pause_after_failures is not None


def tell_paused(before: Schedule | None, after: Schedule) -> None:
    """Log if the schedule was paused."""
    if before is None:
        return
    if before.progress.paused_reason is None and after.progress.paused_reason is not None:
        event(
            _logger,
            Event.SCHEDULE_PAUSED,
            level=logging.ERROR,
            schedule_id=after.id,
            reason=after.progress.paused_reason,
        )


def _tell_again(attempt: Attempt, result: Again) -> None:
    event(
        _logger,
        Event.JOB_HELD
        if result.held
        else (Event.JOB_GIVEN_BACK if result.given_back else Event.JOB_RETRY),
        level=logging.INFO if result.given_back or result.held else logging.WARNING,
        schedule_id=attempt.schedule.id,
        job_id=attempt.live.id,
        attempt=attempt.live.attempt,
        trace_id=attempt.live.trace_id,
        delay_seconds=round(result.delay.total_seconds(), 1),
        error=result.live.error,
        reason=result.live.held,
    )
