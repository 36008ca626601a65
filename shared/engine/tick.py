"""One pass of the dispatcher: a function of (stored state, now), whoever calls it and how often.

Messages go first, the commit second: a message whose job was never committed is void, so a crash
between the two loses nothing and repeats nothing. What is due within `LOOK_AHEAD` is handed out
with a message that waits for the second, so that a tick each minute gives runs on time (C13).
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.errors import NotFound
from shared.log import Event, event
from shared.schedules.job import Job, Status
from shared.schedules.model import LiveJob, Schedule
from shared.schedules.plan import Plan, plan
from shared.storage.meta import Meta
from shared.storage.queue import JobQueue, Message
from shared.storage.schedules import Change, Due, ScheduleTable

LOOK_AHEAD = timedelta(seconds=75)
"""A tick each minute, and a quarter of one for a tick that comes late."""
_PAGE = 25
_PASSES = 400
"""Pages a shard may take in one tick; what is left waits for the next."""
_LOST_MESSAGE = timedelta(minutes=2)

_logger = logging.getLogger("belfry.tick")


@dataclass(slots=True)
class Report:
    """What a tick did."""

    handed_out: int = 0
    recorded: int = 0
    lost: int = 0
    """Commits that another tick or a change of the schedule was faster than."""
    broken: int = 0


class Dispatcher:
    """The tick, bound to its stores."""

    def __init__(self, table: ScheduleTable, queue: JobQueue, meta: Meta) -> None:
        self._table = table
        self._queue = queue
        self._meta = meta

    def tick(self, now: datetime, clock: str) -> Report:
        """Hand out what is due; `clock` names the caller. A shard with nothing costs one query."""
        report = Report()
        for shard in self._table.shards:
            self._shard(shard, now, report)
        self._meta.beat(clock, now)
        event(
            _logger,
            Event.TICK_DONE,
            clock=clock,
            dispatched=report.handed_out,
            recorded=report.recorded,
            lost=report.lost,
            failed=report.broken,
        )
        return report

    def tick_one(self, schedule_id: str, now: datetime) -> Report:
        """The same for one schedule."""
        report = Report()
        schedule = self._table.get(schedule_id)
        if schedule is None:
            raise NotFound(f"there is no schedule {schedule_id!r}")
        while self._apply([plan(schedule, now, now + LOOK_AHEAD)], now, report):
            schedule = self._table.get(schedule_id)
            if schedule is None or not _owes(schedule, now):
                break
        return report

    def sweep(self, now: datetime) -> int:
        """Send messages again for jobs that should have been taken up long ago; how many.

        For a queue that was emptied by hand, or a message that was given up: nothing else can
        tell. It reads every schedule with live jobs, so it runs seldom.
        """
        sent = 0
        for schedule in self._table.busy():
            ended = self._table.ended(job.id for job in schedule.progress.live)
            for job in schedule.progress.live:
                if job.id not in ended and now - _expected(job) > _LOST_MESSAGE:
                    self._queue.send(Message(job.id, now), now)
                    sent += 1
        event(_logger, Event.SWEEP_DONE, sent=sent)
        return sent

    def _shard(self, shard: str, now: datetime, report: Report) -> None:
        stuck: set[str] = set()
        for _ in range(_PASSES):
            entries = self._table.due(shard, now + LOOK_AHEAD, _PAGE + len(stuck))
            fresh = [entry for entry in entries if entry.key not in stuck]
            if not fresh:
                return
            plans = [made for entry in fresh if (made := self._plan(entry, now, report))]
            self._apply(plans, now, report)
            moved = {made.before.id for made in plans if made.changes}
            stuck |= {entry.key for entry in fresh if entry.schedule_id not in moved}
            if report.lost:
                stuck |= {entry.key for entry in fresh}

    def _plan(self, entry: Due, now: datetime, report: Report) -> Plan | None:
        try:
            schedule = self._table.get(entry.schedule_id)
            if schedule is None or not _owes(schedule, now):
                return None
            return plan(schedule, now, now + LOOK_AHEAD)
        except (ValueError, KeyError, TypeError) as error:
            # A row that cannot be read must not stop the others; it is reported at every tick.
            report.broken += 1
            event(
                _logger,
                Event.SCHEDULE_BROKEN,
                level=logging.ERROR,
                schedule_id=entry.schedule_id,
                error=repr(error),
            )
            return None

    def _apply(self, plans: Iterable[Plan], now: datetime, report: Report) -> int:
        """Enqueue first, commit second; how many commits were won."""
        plans = [made for made in plans if made.changes]
        for made in plans:
            for job in made.start:
                self._queue.send(Message(job.id, now), job.available_at)
        won = self._table.commit([Change(made.before, made.after, made.recorded) for made in plans])
        for made, kept in zip(plans, won, strict=True):
            self._tell(made, kept, report)
        return sum(won)

    def _tell(self, made: Plan, kept: bool, report: Report) -> None:
        if not kept:
            report.lost += 1
            event(_logger, Event.COMMIT_LOST, schedule_id=made.before.id)
            return
        report.handed_out += len(made.start)
        report.recorded += len(made.recorded)
        for job in made.start:
            event(
                _logger,
                Event.JOB_QUEUED,
                schedule_id=made.after.id,
                job_id=job.id,
                due_at=job.due_at.isoformat(),
                next_run_at=made.after.progress.next_run_at,
            )
        for ended in made.recorded:
            tell_ended(_logger, ended)


def tell_ended(logger: logging.Logger, job: Job) -> None:
    """Log how a job ended."""
    level = logging.ERROR if job.status in (Status.FAILED, Status.MISSED) else logging.INFO
    event(
        logger,
        Event(f"job_{job.status.value}"),
        level=level,
        schedule_id=job.schedule_id,
        job_id=job.id,
        attempt=job.attempt or None,
        duration_seconds=job.duration_seconds,
        reason=job.reason,
        error=job.error,
    )


def _owes(schedule: Schedule, now: datetime) -> bool:
    upcoming = schedule.progress.next_run_at
    return upcoming is not None and upcoming <= now + LOOK_AHEAD


def _expected(job: LiveJob) -> datetime:
    """When somebody should have taken the job up."""
    return job.lease_until or job.available_at
