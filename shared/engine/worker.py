"""Runs jobs: one message, one attempt.

1. Load the schedule and what ended of its live jobs; `schedules.claim` says what the message means.
2. To start: send a message that looks after the job when the lease ends (should this worker be
   killed, that message finds the lease expired and takes the job over), then commit the lease.
3. Run the task in a thread of its own; renew the lease meanwhile; stop it at its timeout.
4. Write the job's row, or for another attempt the delayed message and then the schedule's row.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from shared.clock import Clock
from shared.engine import retry
from shared.engine.attempt import Attempt
from shared.engine.tick import tell_ended
from shared.errors import BelfryError, LeaseLost
from shared.log import Event, JobLog, event, redact
from shared.schedules import claim as claims
from shared.schedules.job import Job, Status, parse_id
from shared.schedules.model import LiveJob, Schedule
from shared.schedules.record import of_live
from shared.storage.queue import JobQueue, Message
from shared.storage.schedules import Change, ScheduleTable
from shared.tasks import BackupService, JobContext, Registry, Result

_logger = logging.getLogger("belfry.worker")

_UNCOMMITTED = timedelta(seconds=30)
"""How long a message may be ahead of the commit it belongs to."""
_SECOND = timedelta(seconds=1)
_RESULT_LIMIT = 30_000
_ERROR_LIMIT = 4_000
_TRIES = 20
"""Races with other writers of one schedule's row before the message is tried again later."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Lease:
    """How long a worker holds a job without a word, and how often it says one."""

    length: timedelta = timedelta(seconds=60)
    renewal: timedelta = timedelta(seconds=20)

    @staticmethod
    def of(length: timedelta) -> Lease:
        """A lease of that length, renewed three times in it."""
        return Lease(length=length, renewal=length / 3)


class Worker:
    """The worker, bound to its stores and the tasks."""

    def __init__(
        self,
        *,
        table: ScheduleTable,
        queue: JobQueue,
        registry: Registry,
        backups: BackupService,
        clock: Clock,
        name: Callable[[], str],
        lease: Lease | None = None,
    ) -> None:
        self._table = table
        self._queue = queue
        self._registry = registry
        self._backups = backups
        self._clock = clock
        self._name = name
        """Makes a new name for each attempt."""
        self._lease = lease or Lease()

    def work(self, message: Message) -> Job | None:
        """Do what the message asks for; the job if it ended here. Raises when storage fails."""
        schedule_id, _ = parse_id(message.job_id)
        worker = self._name()
        for _ in range(_TRIES):
            schedule = self._table.get(schedule_id)
            decision = self._decide(schedule, message, worker)
            match decision:
                case claims.Spent():
                    return None
                case claims.Void():
                    self._void(message)
                    return None
                case claims.Wait(until):
                    remaining = until - self._clock.now()
                    if remaining >= _SECOND:
                        self._defer(message, remaining)
                        return None
                    # A queue counts in whole seconds; the rest of one is waited for here.
                    self._clock.wait(threading.Event(), max(remaining, timedelta()))
                case claims.End(job):
                    return self._end(job)
                case claims.Start() if schedule is not None and self._take(schedule, decision):
                    return self._run(decision)
        raise LeaseLost(f"{message.job_id}: too many others write its schedule's row; try later")

    def _decide(self, schedule: Schedule | None, message: Message, worker: str) -> claims.Claim:
        if schedule is None:
            return claims.Void()
        now = self._clock.now()
        begun = {job.id for job in schedule.progress.live if job.attempt or job.due_at <= now}
        return claims.claim(
            schedule,
            message.job_id,
            self._table.ended(begun | {message.job_id}),
            worker=worker,
            now=now,
            lease=self._lease.length,
        )

    def _void(self, message: Message) -> None:
        """A message may be read before its commit lands: only an old one is surely void."""
        if self._clock.now() - message.sent_at < _UNCOMMITTED:
            self._defer(message, timedelta(seconds=1))
            return
        event(_logger, Event.MESSAGE_VOID, job_id=message.job_id)

    def _defer(self, message: Message, wait: timedelta) -> None:
        """Send the message again, to be seen after `wait`; it keeps its age."""
        self._queue.send(message, self._clock.now() + wait, self._clock.now())
        seconds = wait.total_seconds()
        event(
            _logger,
            Event.MESSAGE_DEFERRED,
            level=logging.DEBUG,
            job_id=message.job_id,
            delay_seconds=seconds,
        )

    def _take(self, schedule: Schedule, start: claims.Start) -> bool:
        """Commit the lease; False if somebody wrote the schedule in between."""
        now = self._clock.now()
        guard = Message(start.job.id, now)
        self._queue.send(guard, now + self._lease.length + timedelta(seconds=1))
        if not self._table.commit([Change(schedule, start.after)])[0]:
            return False
        event(
            _logger,
            Event.JOB_TAKEN_OVER if start.taken_over else Event.JOB_STARTED,
            schedule_id=schedule.id,
            job_id=start.job.id,
            attempt=start.job.attempt,
            lateness_seconds=(now - start.job.due_at).total_seconds(),
        )
        return True

    def _run(self, start: claims.Start) -> Job | None:
        schedule, live = start.after, start.job
        log = JobLog(
            _logger,
            {"schedule_id": schedule.id, "job_id": live.id},
            lambda: self._clock.now().isoformat(timespec="milliseconds"),
        )
        if live.error:
            log(f"attempt {live.attempt}; the one before: {live.error}")
        elif start.taken_over:
            log(f"attempt {live.attempt}; the worker of the one before stopped without a word")
        attempt = Attempt(self._execute, schedule, live, log)
        attempt.start()
        try:
            self._keep(attempt)
        except LeaseLost as lost:
            attempt.stop.set()
            event(_logger, Event.LEASE_LOST, job_id=live.id, error=str(lost))
            return None
        return self._settle(schedule, live, log, attempt)

    def _execute(
        self, schedule: Schedule, live: LiveJob, log: JobLog, stop: threading.Event
    ) -> Result:
        task = self._registry.get(schedule.definition.task_type)
        params = task.parse(schedule.definition.task_parameters)
        context = JobContext(
            job_id=live.id,
            schedule_id=schedule.id,
            due_at=live.due_at,
            attempt=live.attempt,
            clock=self._clock,
            log=log,
            backups=self._backups,
            stop=stop,
        )
        return _checked(task.name, task.run(context, params))

    def _keep(self, attempt: Attempt) -> None:
        """Wait for the attempt to end, renewing its lease. Raises `LeaseLost`."""
        begun = self._clock.now()
        limit = timedelta(seconds=attempt.schedule.policy.timeout_seconds)
        while not self._clock.wait(attempt.done, self._lease.renewal):
            if self._clock.now() - begun > limit:
                attempt.time_out(limit)
                return
            self._renew(attempt.live)

    def _renew(self, live: LiveJob) -> None:
        schedule_id, _ = parse_id(live.id)
        for _ in range(_TRIES):
            schedule = self._table.get(schedule_id)
            held = schedule.progress.find(live.id) if schedule is not None else None
            if schedule is None or held is None or held.worker != live.worker:
                raise LeaseLost("another worker has it, or it was taken back")
            renewed = replace(held, lease_until=self._clock.now() + self._lease.length)
            after = replace(schedule, progress=schedule.progress.put(renewed))
            if self._table.commit([Change(schedule, after)])[0]:
                return
        raise LeaseLost("too many others write its schedule's row")

    def _settle(
        self, schedule: Schedule, live: LiveJob, log: JobLog, attempt: Attempt
    ) -> Job | None:
        if attempt.failure is None:
            job = self._record(schedule, live, Status.SUCCEEDED, log)
            return self._end(replace(job, result=attempt.result))
        error = describe(attempt.failure)
        log(error, level=logging.ERROR)
        verdict = retry.after(attempt.failure, live.id, live.attempt, schedule.policy)
        if isinstance(verdict, retry.Again) and self._again(live, error, verdict.delay):
            return None
        reason = verdict.reason if isinstance(verdict, retry.GiveUp) else "its lease was lost"
        job = self._record(schedule, live, Status.FAILED, log)
        return self._end(replace(job, error=error, reason=reason))

    def _record(self, schedule: Schedule, live: LiveJob, status: Status, log: JobLog) -> Job:
        job = of_live(schedule, live)
        now = self._clock.now()
        return replace(job, status=status, finished_at=now, error=None, log=log.text())

    def _end(self, job: Job) -> Job | None:
        if not self._table.end(job):
            event(_logger, Event.LEASE_LOST, job_id=job.id, error="it ended elsewhere before")
            return None
        tell_ended(_logger, job)
        return job

    def _again(self, live: LiveJob, error: str, delay: timedelta) -> bool:
        """Put the job back for another attempt; False if it is no longer this worker's."""
        now = self._clock.now()
        self._queue.send(Message(live.id, now), now + delay)
        waiting = replace(
            live, worker=None, lease_until=None, available_at=now + delay, error=error
        )
        for _ in range(_TRIES):
            schedule = self._table.get(parse_id(live.id)[0])
            held = schedule.progress.find(live.id) if schedule is not None else None
            if schedule is None or held is None or held.worker != live.worker:
                return False
            after = replace(schedule, progress=schedule.progress.put(waiting))
            if self._table.commit([Change(schedule, after)])[0]:
                event(
                    _logger,
                    Event.JOB_RETRY,
                    level=logging.WARNING,
                    schedule_id=schedule.id,
                    job_id=live.id,
                    attempt=live.attempt,
                    delay_seconds=round(delay.total_seconds(), 1),
                    error=error,
                )
                return True
        return False


def describe(failure: BaseException) -> str:
    """A failure in one line, without secrets."""
    text = (
        str(failure) if isinstance(failure, BelfryError) else f"{type(failure).__name__}: {failure}"
    )
    return redact(text)[:_ERROR_LIMIT]


def _checked(task_name: str, result: Result) -> Result:
    """The result as JSON has it. Raises `ValueError` if it is none, or too large."""
    text = json.dumps(dict(result), default=str)
    if len(text) > _RESULT_LIMIT:
        raise ValueError(f"{task_name} returned {len(text)} characters; {_RESULT_LIMIT} are kept")
    checked: dict[str, object] = json.loads(text)
    return checked
