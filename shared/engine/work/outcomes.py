"""Writes outcomes: jobs that ended or go back to the queue. Wakes jobs that waited for them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from shared.clock import Clock
from shared.engine.events import tell_ended
from shared.engine.work.attempt import Attempt
from shared.engine.work.judge import Again
from shared.engine.work.limits import Limits
from shared.errors import Conflict, LeaseLost
from shared.log import Event, event
from shared.schedules.finish import finished
from shared.schedules.job import Job, Status
from shared.schedules.model import LiveJob, Overlap, Schedule
from shared.storage.queues.jobs import JobQueue, Message
from shared.storage.tables.changes import Change
from shared.storage.tables.compare_and_set import compare_and_set
from shared.storage.tables.schedules import ScheduleTable

_logger = logging.getLogger("belfry.worker")


@dataclass(frozen=True, slots=True)
class Outcomes:
    """The stores that outcomes go to."""

    table: ScheduleTable
    queue: JobQueue
    limits: Limits
    clock: Clock

    def end(self, over: Sequence[tuple[Attempt, Job]]) -> list[Job]:
        """Write the jobs' rows; returns the jobs that had not ended elsewhere before.

        A job that may pause its schedule is written together with the schedule's row.
        """
        alone = [(attempt, job) for attempt, job in over if not _may_pause(attempt.schedule, job)]
        won = self.table.end([job for _, job in alone])
        kept = [job for (_, job), made in zip(alone, won, strict=True) if made]
        kept += [
            job
            for attempt, job in over
            if _may_pause(attempt.schedule, job) and self.end_with_schedule(job)
        ]
        for attempt, job in over:
            if job in kept:
                tell_ended(_logger, job)
                self.limits.release(attempt.schedule, job.id)
            else:
                event(_logger, Event.LEASE_LOST, job_id=job.id, error="it ended elsewhere before")
            self.make_room(attempt.schedule)
        return kept

    def end_with_schedule(self, job: Job) -> bool:
        """End a job and count it in its schedule's row at once; False if it ended before."""
        return compare_and_set(job.schedule_id, lambda: self._ended_with_schedule(job))

    def _ended_with_schedule(self, job: Job) -> bool | None:
        now = self.clock.now()
        schedule = self.table.get(job.schedule_id)
        live = schedule.progress.find(job.id) if schedule is not None else None
        earlier = self.table.job(job.id)
        if earlier is not None:  # ended by another worker, or by us, if the answer was lost
            return earlier.worker == job.worker
        if schedule is None or live is None or live.worker != job.worker:
            return False
        after, versions = finished(schedule, job, self.ended(schedule), now)
        if not self.table.commit([Change(schedule, after, (job,), versions)])[0]:
            return None
        tell_paused(schedule, after)
        return True

    def again(self, attempt: Attempt, result: Again) -> bool:
        """Put the job back for another attempt; False if it is no longer this worker's."""
        now = self.clock.now()
        message = Message((attempt.live.id,), now, long=attempt.schedule.is_long)
        self.queue.send(message, result.live.available_at)
        try:
            schedule_id = attempt.schedule.id
            waiting = compare_and_set(schedule_id, lambda: self._put_back(attempt, result))
        except (LeaseLost, Conflict):  # the sweep finds what is still in the row
            return False
        self.limits.release(attempt.schedule, attempt.live.id)
        if waiting.cancel is not None:  # it ends now, not after its delay
            self.queue.send(message, now)
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
        after = replace(schedule, progress=schedule.progress.put(waiting))
        return waiting if self.table.commit([Change(schedule, after)])[0] else None

    def ended(self, schedule: Schedule) -> dict[str, Job]:
        """Of the schedule's live jobs, those that have ended, by id."""
        return self.table.ended(job.id for job in schedule.progress.live if job.begun)

    def make_room(self, schedule: Schedule) -> None:
        """After a job of the schedule ended, send a message for the job that waited for it."""
        policy = schedule.policy
        retries = policy.overlap is Overlap.SKIP and _waiting(schedule, self.clock.now())
        if policy.queues or retries:
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
    return tuple(job.id for job in sorted(waiting, key=lambda job: (job.effective_at, job.id)))


def _may_pause(schedule: Schedule, job: Job) -> bool:
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
        Event.JOB_GIVEN_BACK if result.given_back else Event.JOB_RETRY,
        level=logging.INFO if result.given_back else logging.WARNING,
        schedule_id=attempt.schedule.id,
        job_id=attempt.live.id,
        attempt=attempt.live.attempt,
        delay_seconds=round(result.delay.total_seconds(), 1),
        error=result.live.error,
    )
