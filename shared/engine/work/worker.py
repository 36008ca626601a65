"""Runs jobs: one message names some, and each gets one attempt.

1. A message arrives a moment before its time. Read the schedules, and which of their live jobs
   have ended; then wait until it is time.
2. `schedules.claim` says what the message means for each job.
3. For the jobs that start: commit the leases, and send a guard (`guards`), which becomes visible
   when the leases end. If this worker is killed, the worker that receives the guard takes the jobs
   over.
4. Run each task in a thread of its own (`pool`), and store the outcome (`batch`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from shared import tracing
from shared.clock import Clock
from shared.engine.events import tell_ended
from shared.engine.work.batch import Batch
from shared.engine.work.budgets import Full, Over
from shared.engine.work.guards import Guards
from shared.engine.work.lease import Lease
from shared.engine.work.limits import Limits
from shared.engine.work.look import Look, look
from shared.engine.work.outcomes import tell_paused
from shared.engine.work.pool import PATIENCE, WorkerPool
from shared.errors import BelfryError, LeaseLost, NotFound
from shared.heartbeats.signal import of_end
from shared.log import Event, event
from shared.schedules import claim as claims
from shared.schedules.job import Job, Status, backfill_of, parse_id, run_of
from shared.schedules.lost import OVERDUE
from shared.schedules.model import LiveJob, Schedule
from shared.storage.queues.jobs import JobQueue, Message
from shared.storage.tables.changes import Change
from shared.storage.tables.compare_and_set import TRIES
from shared.storage.tables.schedules import Running, ScheduleTable

_logger = logging.getLogger("belfry.worker")

_GLANCE = 0.05
"""Seconds from one look at a batch's own jobs to the next, while more of them wait for threads."""
_UNCOMMITTED = timedelta(seconds=90)
"""How long a message may be ahead of its commit: longer than any call to storage takes."""
_SECOND = timedelta(seconds=1)
_SOON = timedelta(seconds=3)
"""The worker waits for jobs that are due this soon: messages arrive a second or two early."""
_LANDING = timedelta(seconds=0.05)
"""The commit that follows a message is usually done within this time."""
_SKEW = timedelta(seconds=5)
"""How much the clocks of two instances may differ."""
_TELLING = timedelta(seconds=5)
"""How long a call waits at its end until its heartbeats are sent."""
_FULL = timedelta(seconds=5)
"""When to try a job again if one of its limits is reached."""


@dataclass(slots=True)
class _Round:
    """What is decided for some jobs, each of a different schedule."""

    changes: list[Change] = field(default_factory=list)
    then: list[Callable[[], object]] = field(default_factory=list)
    """What follows each change that was made."""
    starting: list[str] = field(default_factory=list)
    later: dict[datetime, list[str]] = field(default_factory=dict)
    """Jobs to send a message for again, by the time of the message."""
    young: list[str] = field(default_factory=list)
    """Jobs that are not committed yet, but may be in a moment."""
    soon: datetime | None = None
    """Until when some jobs wait here."""
    again: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)
    """Jobs that belong in the other queue."""
    dead: dict[str, bool] = field(default_factory=dict)
    """Jobs that block others and whose worker is gone; the value says whether they are long."""


class Worker:
    """The worker, bound to its stores and its pool.

    `long`: whether it runs long jobs or short ones; jobs of the other kind are sent to their queue.
    None: it runs what it is given, for a person's command.
    """

    def __init__(
        self,
        *,
        table: ScheduleTable,
        queue: JobQueue,
        pool: WorkerPool,
        limits: Limits,
        clock: Clock,
        name: Callable[[], str],
        lease: Lease,
        long: bool | None = None,
    ) -> None:
        self._table = table
        self._queue = queue
        self._pool = pool
        self._limits = limits
        self._clock = clock
        self._name = name
        """Makes a new name for each attempt."""
        self._lease = lease
        self._long = long

    def work(self, message: Message) -> list[Job]:
        """Do what the message asks for; returns the jobs that ended here. Raises if storage fails.

        Only as many jobs are begun as the pool has places for. The others wait for a free place,
        and go back to the queue if that takes long. The call returns when all that it began has
        ended, or when a younger call has taken over the rest (`pool`).
        """
        ended: list[Job] = []
        failure: BelfryError | None = None
        asked = message if self._long is None else replace(message, long=self._long)
        with self._pool.batch() as batch:
            try:
                self._rounds(asked, batch, ended)
            except BelfryError as error:  # what was begun goes on
                failure = error
            ended += batch.finish()
        self._pool.outcomes.heartbeats.flush(_TELLING)
        if failure is not None:
            raise failure
        return ended

    def stop(self) -> None:
        """Begin nothing more, and tell what runs to stop."""
        self._pool.stop()

    def drain(self, patience: timedelta) -> None:
        """Begin nothing more, and give back the running jobs that stop when told."""
        self._pool.drain(patience)

    def _rounds(self, message: Message, batch: Batch, ended: list[Job]) -> None:
        pending = _named(dict.fromkeys(message.job_ids))
        fresh = True
        known = self._before_its_time(pending)
        for _ in range(TRIES + 2 * len(pending)):
            if not pending:
                return
            places = self._places(len(pending), batch, ended)
            if places == 0:
                self._put_back(message, pending)
                return
            now, rest = _by_schedule(pending, places)
            before = batch.begun
            try:
                decided = self._round(message, now, batch, ended, known)
            finally:
                self._pool.free(places - (batch.begun - before))
            if fresh and decided.young and self._clock.now() - message.sent_at < _SECOND:
                self._clock.wait(self._pool.draining, _LANDING)
                decided.again += decided.young
                decided.young = []
            self._ask_later(message, decided)
            self._wait_until(decided.soon)
            fresh, known = False, None
            pending = list(dict.fromkeys(decided.again + rest))
            if pending:
                ended += batch.tend()
        if pending:
            raise LeaseLost(f"{pending[0]}: too many others write its schedule's row; try later")

    def _places(self, most: int, batch: Batch, ended: list[Job]) -> int:
        """Up to `most` free places; 0 if none comes free for long. Attempts that end meanwhile are
        written down, since they may be what holds the places."""
        until = self._clock.monotonic() + PATIENCE
        while not (places := self._pool.places(most, _GLANCE if batch.busy else PATIENCE)):
            if self._pool.draining.is_set() or self._clock.monotonic() > until:
                return 0
            ended += batch.tend()
        return places

    def _before_its_time(self, job_ids: list[str]) -> Look | None:
        """Wait until jobs that come due in a moment are due; what was read of them before that."""
        due = min((parse_id(job_id)[1] for job_id in job_ids), default=None)
        if due is None or not timedelta() < due - self._clock.now() <= _SOON:
            return None
        known = look(self._table, job_ids).lasting()
        self._wait_until(due)
        return known

    def _wait_until(self, at: datetime | None) -> None:
        """Wait until `at` if that is near, or until this process is told to end."""
        remaining = timedelta() if at is None else at - self._clock.now()
        if timedelta() < remaining <= _SOON:
            self._clock.wait(self._pool.draining, remaining)

    def _round(
        self,
        message: Message,
        job_ids: list[str],
        batch: Batch,
        ended: list[Job],
        known: Look | None,
    ) -> _Round:
        """Decide on each of the jobs, which are of different schedules, and carry that out."""
        decided = _Round()
        read = look(self._table, job_ids, known)
        for job_id in job_ids:
            schedule = read.schedules.get(parse_id(job_id)[0])
            if schedule is not None and self._long not in (None, schedule.is_long):
                decided.elsewhere.append(job_id)
            else:
                self._decide(decided, schedule, job_id, read.done, batch, ended, message)
        failure: BelfryError | None = None
        won = self._commit(decided, batch, message.trace)
        for made, follow, change in zip(won, decided.then, decided.changes, strict=True):
            if made:
                try:
                    follow()
                except BelfryError as error:  # the others' leases were committed too: begin them
                    failure = error
            else:
                decided.again += [
                    job_id for job_id in job_ids if parse_id(job_id)[0] == change.after.id
                ]
        if failure is not None:
            raise failure
        return decided

    def _commit(self, decided: _Round, batch: Batch, trace: str | None) -> list[bool]:
        """Make the changes, and meanwhile send the guard of the jobs that start; it finds nothing
        to do for jobs that are not committed. `trace`: the message's."""
        if not decided.starting:
            return self._table.commit(decided.changes)
        now = self._clock.now()
        guard = Message(tuple(decided.starting), now, long=bool(self._long), trace=trace)
        until = now + self._lease.length + _SECOND
        sending = self._pool.threads.call(lambda: self._queue.send(guard, until))
        won = self._table.commit(decided.changes)
        try:
            batch.guard(Guards.of(sending.result(), guard.job_ids))
        except BelfryError as error:  # if this worker dies, the sweep finds its jobs
            event(_logger, Event.STORAGE_AWAY, level=logging.WARNING, error=str(error))
        return won

    def _decide(
        self,
        decided: _Round,
        schedule: Schedule | None,
        job_id: str,
        done: dict[str, Job],
        batch: Batch,
        ended: list[Job],
        message: Message,
    ) -> None:
        now = self._clock.now()
        if schedule is None:
            decided.young.append(job_id)
            return
        worker = batch.names.setdefault(job_id, self._name())
        decision = claims.claim(
            schedule, job_id, done, worker=worker, now=now, lease=self._lease.length
        )
        if isinstance(decision, claims.Start):
            match self._pool.outcomes.budgets.ask(schedule, decision.job):
                case Over(reason):
                    decision = claims.kept_from(schedule, job_id, done, now, reason)
                case Full():
                    decided.later.setdefault(now + _FULL, []).append(job_id)
                    return
        if isinstance(decision, claims.Spent | claims.Void) and backfill_of(job_id) is not None:
            # whoever ended the job may have been killed before it handed out the next
            self._pool.outcomes.pacer.step(schedule.id)
        if isinstance(decision, claims.Spent) and run_of(schedule.id) is not None:
            self._pool.outcomes.runs.step(schedule.id)
        if isinstance(decision, claims.End | claims.Wait):
            decided.dead.update(_dead(schedule, job_id, done, now))
        match decision:
            case claims.Void() if schedule.updated_at > message.sent_at + _SKEW:
                _tell_void(message, job_id)  # it was taken back
            case claims.Void():
                decided.young.append(job_id)
            case claims.Wait(until, after, others):
                if after is not None:
                    decided.changes.append(Change(schedule, after, others))
                    decided.then.append(lambda: _tell_all(others))
                if _is_spare(schedule.progress.find(job_id), message):
                    _tell_void(message, job_id)
                elif until - now >= _SECOND:
                    decided.later.setdefault(until, []).append(job_id)
                else:
                    decided.soon = max(until, decided.soon or until)
                    decided.again.append(job_id)
            case claims.First(older):
                if older in batch.names:  # it was asked for here, and does not start now
                    decided.later.setdefault(now + _FULL, []).append(job_id)
                else:
                    decided.again += [older, job_id]
            case claims.End(after, job, versions):
                # what a worker that died left behind
                said = self._table.running(job.id) if job.worker is not None else None
                over = job if said is None else replace(job, log=said.log)
                change = Change(schedule, after, (over,), versions)
                decided.changes.append(change)
                decided.then.append(lambda: self._end(change, ended, said))
            case claims.Start(after, live, taken_over):
                if not self._limits.take(schedule, job_id, now, now + self._lease.length):
                    decided.later.setdefault(now + _FULL, []).append(job_id)
                    return
                # later attempts go on with what caused the first, be it unknown
                if live.trace is None and live.attempt == 1 and job_id in message.job_ids:
                    live = replace(live, trace=message.trace)
                    after = replace(after, progress=after.progress.put(live))
                decided.starting.append(job_id)
                decided.changes.append(Change(schedule, after))
                decided.then.append(lambda: batch.begin(after, live, taken_over))

    def _end(self, made: Change, ended: list[Job], said: Running | None) -> None:
        """After a job ended without another attempt, do what follows."""
        (job,) = made.jobs
        tell_ended(_logger, job)
        tell_paused(made.before, made.after)
        self._pool.outcomes.heartbeats.send(of_end(made.after, job))
        ended.append(job)
        self._pool.outcomes.budgets.ended([job])
        if said is not None:
            self._table.unsay(job.id)
        in_the_way = any(live.begun for live in made.after.progress.live)
        if job.status is not Status.SKIPPED or not in_the_way:
            self._pool.outcomes.make_room(made.after)

    def _ask_later(self, message: Message, decided: _Round) -> None:
        now = self._clock.now()
        for job_id, long in decided.dead.items():  # its guard may be lost, too
            event(_logger, Event.MESSAGE_REPLACED, job_id=job_id)
            self._queue.send(Message((job_id,), now, long=long), now)
        if decided.elsewhere:
            there = replace(message, job_ids=tuple(decided.elsewhere), long=not self._long)
            self._queue.send(replace(there, returns=0, at=None), now, now)
        for until, job_ids in decided.later.items():
            # a job taken up because it is older than one named here has a message of its own
            if named := [job_id for job_id in job_ids if job_id in message.job_ids]:
                self._send_again(message, named, until - now)
        if decided.young and now - message.sent_at < _UNCOMMITTED:
            # Asked for at once, and then seldom: it lands soon or never.
            age = now - message.sent_at
            self._send_again(message, decided.young, max(_SECOND, age / 2))
        else:
            for job_id in decided.young:
                _tell_void(message, job_id)

    def _put_back(self, message: Message, job_ids: list[str]) -> None:
        """Put back jobs for which no place was free. The message keeps its `at`, so that the wait
        can be seen."""
        now = self._clock.now()
        self._queue.send(replace(message, job_ids=tuple(job_ids)), now + _SECOND, now)

    def _send_again(self, message: Message, job_ids: list[str], wait: timedelta) -> None:
        """Send the rest of a message again, visible after `wait`; it keeps its age."""
        now = self._clock.now()
        self._queue.send(replace(message, job_ids=tuple(job_ids), at=None), now + wait, now)
        event(
            _logger,
            Event.MESSAGE_DEFERRED,
            level=logging.DEBUG,
            job_id=job_ids[0],
            jobs=len(job_ids),
            delay_seconds=wait.total_seconds(),
        )


def _tell_void(message: Message, job_id: str) -> None:
    trace_id = tracing.trace_id(message.trace)
    event(_logger, Event.MESSAGE_VOID, job_id=job_id, trace_id=trace_id)


def _is_spare(live: LiveJob | None, message: Message) -> bool:
    """Whether a held job has another message, for the time until which it is held (`Outcomes.again`
    sends it before it is held). Without this, each wake would leave a message that is sent again
    and again."""
    if live is None or live.held is None or message.at is None:
        return False
    return message.at != live.available_at


def _named(job_ids: Iterable[str]) -> list[str]:
    """The texts that can be ids of jobs; the others are logged and dropped."""
    named: list[str] = []
    for job_id in job_ids:
        try:
            parse_id(job_id)
        except NotFound:
            event(_logger, Event.MESSAGE_VOID, job_id=job_id)
        else:
            named.append(job_id)
    return named


def _dead(
    schedule: Schedule, job_id: str, done: Mapping[str, Job], now: datetime
) -> dict[str, bool]:
    """Other jobs of the schedule that block this one, and whose lease ended some time ago."""
    return {
        one.id: schedule.is_long
        for one in schedule.progress.live
        if one.id != job_id
        and one.id not in done
        and one.lease_until is not None
        and one.lease_until + OVERDUE <= now
    }


def _tell_all(jobs: Iterable[Job]) -> None:
    for job in jobs:
        tell_ended(_logger, job)


def _by_schedule(job_ids: list[str], most: int) -> tuple[list[str], list[str]]:
    """(at most `most` jobs, each of a different schedule; the rest)."""
    now: dict[str, str] = {}
    rest: list[str] = []
    for job_id in job_ids:
        schedule_id, _ = parse_id(job_id)
        if schedule_id in now or len(now) == most:
            rest.append(job_id)
        else:
            now[schedule_id] = job_id
    return list(now.values()), rest
