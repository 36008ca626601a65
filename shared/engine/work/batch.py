"""The attempts that one call of the worker looks after: its message's, and those it took over.

While they run, the batch beats. Each beat reads their schedules' rows, and tells a job to stop if
it was cancelled or if another worker has it. It renews the leases, and stores the log and progress
of the jobs where a person can read them. Attempts that end at about the same time are written in
one transaction.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Protocol

from shared.clock import Clock
from shared.engine.work.attempt import Attempt, Stop
from shared.engine.work.following import Following
from shared.engine.work.guards import Guards
from shared.engine.work.judge import Again, Ended, Gone, outcome
from shared.engine.work.lease import Lease
from shared.engine.work.outcomes import Outcomes
from shared.engine.work.threads import Threads
from shared.errors import BelfryError
from shared.heartbeats.signal import of_start
from shared.log import Event, event
from shared.schedules.job import Job
from shared.schedules.model import LiveJob, Schedule
from shared.schedules.record import of_live
from shared.storage.tables.changes import Change
from shared.storage.tables.schedules import Running

_logger = logging.getLogger("belfry.worker")

_SECOND = timedelta(seconds=1)
_GATHERED = timedelta(seconds=0.01)
"""How long the first attempt to end waits for others of its batch, to be written with them."""


class Places(Protocol):
    """What a batch needs of the pool that it belongs to (`pool`)."""

    clock: Clock
    lease: Lease
    outcomes: Outcomes
    threads: Threads
    draining: threading.Event
    """Set when the instance is shutting down: no more jobs are begun."""
    over: threading.Event
    """Set when draining is over: attempts that have not ended are no longer waited for."""

    def attempt(self, schedule: Schedule, live: LiveJob, batch: Batch) -> Attempt:
        """A new attempt, which `batch` looks after."""

    def enter(self, attempt: Attempt) -> None:
        """Count an attempt as running, until `leave`."""

    def leave(self, attempts: Sequence[Attempt], kept: int = 0) -> None:
        """Stop counting attempts as running; their places are free, but for those `kept`."""


@dataclass(slots=True)
class _Held:
    """What a batch looks after."""

    attempts: list[Attempt] = field(default_factory=list)
    said: dict[str, Running] = field(default_factory=dict)
    """By job: its log and progress, as last stored."""
    guards: Guards = field(default_factory=Guards)


class Batch:
    """The attempts of one call. Only its own thread uses `_held`; the lock guards what other
    threads use."""

    def __init__(self, pool: Places) -> None:
        self.begun = 0
        self.names: dict[str, str] = {}
        """By job: the name under which this batch asks for its lease."""
        self.since = pool.clock.now()
        self._pool = pool
        self._outcomes = pool.outcomes
        self._held = _Held()
        self._waits = False
        self._next_beat = self.since + pool.lease.beat
        self._changed = threading.Event()
        self._all_over = threading.Event()
        self._lock = threading.Lock()
        self._under_way = 0
        self._heir: Batch | None = None
        self._expects = 0
        """How many batches are about to hand over to this one, which waits for them."""
        self._taken_over: list[_Held] = []

    @property
    def age(self) -> timedelta:
        """Since when it has been at work."""
        return self._pool.clock.now() - self.since

    @property
    def lasts(self) -> bool:
        """Whether it only waits for its attempts, and began more than a moment ago."""
        return self._waits and self._heir is None and self._pool.clock.now() - self.since > _SECOND

    @property
    def busy(self) -> bool:
        """Whether it has an attempt whose outcome is not stored yet."""
        return bool(self._held.attempts)

    def guard(self, guards: Guards) -> None:
        """Remember the guard messages of its jobs."""
        self._held.guards.add(guards)

    def begin(self, schedule: Schedule, live: LiveJob, taken_over: bool) -> None:
        """Start an attempt whose lease was committed."""
        attempt = self._pool.attempt(schedule, live, self)
        event(
            _logger,
            Event.JOB_TAKEN_OVER if taken_over else Event.JOB_STARTED,
            schedule_id=schedule.id,
            job_id=live.id,
            attempt=live.attempt,
            trace_id=live.trace_id,
            lateness_seconds=of_live(schedule, live).lateness_seconds,
        )
        self._outcomes.heartbeats.send(of_start(schedule, live))
        if live.error:
            attempt.log(f"attempt {live.attempt}; the one before: {live.error}")
        elif taken_over:
            attempt.log(f"attempt {live.attempt}; the worker of the one before stopped silently")
        if taken_over:
            self._held.said[live.id] = Running("", None)  # the lost attempt may have left a log
        self.begun += 1
        with self._lock:
            self._under_way += 1
            self._all_over.clear()
        self._held.attempts.append(attempt)
        self._pool.enter(attempt)
        if not self._pool.threads.run(attempt.run):
            attempt.close_unrun()

    def wake(self) -> None:
        """Make the batch check again what there is to do."""
        self._changed.set()

    def told(self) -> None:
        """An attempt is over. Called in the attempt's thread."""
        with self._lock:
            self._under_way -= 1
            if self._under_way <= 0:
                self._all_over.set()
        self._changed.set()

    def finish(self) -> list[Job]:
        """Look after all attempts until they end, or until another batch takes them over; returns
        the jobs that ended here."""
        ended: list[Job] = []
        self._waits = True
        while self._goes_on():
            attempts = self._held.attempts
            now = self._pool.clock.now()
            wake = min([self._next_beat, *(attempt.deadline for attempt in attempts)])
            self._pool.clock.wait(self._changed, max(wake - now, timedelta()))
            if len(attempts) > 1 and any(attempt.done for attempt in attempts):
                self._pool.clock.wait(self._all_over, _GATHERED)
            ended += self.tend()
        return ended

    def hand_over(self, heir: Batch) -> None:
        """Let `heir` look after the remaining attempts. Called by the pool."""
        with heir._lock:
            if not heir._waits:  # it has finished meanwhile
                return
            heir._expects += 1
        self._heir = heir
        self._changed.set()

    def tend(self) -> list[Job]:
        """Store the outcomes of attempts that are over, and beat if it is time; returns the jobs
        that ended.

        If storage does not answer, it is asked again until the leases have ended. An attempt whose
        lease has ended is told to stop.
        """
        self._changed.clear()
        now = self._pool.clock.now()
        ended: list[Job] = []
        failure: BelfryError | None = None
        try:
            ended = self._settle([attempt for attempt in self._held.attempts if attempt.done])
        except BelfryError as error:
            failure = error
        for attempt in self._held.attempts:
            if attempt.deadline <= now:
                attempt.time_out()
        if now >= self._next_beat:
            self._next_beat = now + self._pool.lease.beat
            try:
                self._beat(now)
            except BelfryError as error:
                failure = error
        if failure is not None:
            self._wait_for_storage(failure)
        return ended

    def abandon(self) -> None:
        """Tell the remaining attempts to stop. Their outcomes will not be stored."""
        with self._lock:
            self._waits = False
            left = [*self._taken_over, self._held]
            self._taken_over, self._held = [], _Held()
        if self._heir is not None:
            self._heir._adopt(_Held())
        for held in left:
            for attempt in held.attempts:
                attempt.ask(Stop.LOST)
            self._pool.leave(held.attempts)

    def _goes_on(self) -> bool:
        """Carry out a requested handover; whether attempts remain in this batch."""
        with self._lock:
            taken, self._taken_over = self._taken_over, []
        for held in taken:
            self._held.attempts += held.attempts
            self._held.said |= held.said
            self._held.guards.add(held.guards)
        if taken:
            with self._lock:
                self._under_way = sum(not attempt.done for attempt in self._held.attempts)
        heir, self._heir = self._heir, None
        if heir is not None and heir._adopt(self._held):
            self._held = _Held()
        with self._lock:
            left = self._held.attempts or self._taken_over or self._expects
            self._waits = bool(left) and not self._pool.over.is_set()
            return self._waits

    def _adopt(self, held: _Held) -> bool:
        """Take over what another batch looked after; False if this one has finished meanwhile.
        Called in the other batch's thread."""
        with self._lock:
            self._expects -= 1
            if not self._waits:
                return False
            self._taken_over.append(held)
        for attempt in held.attempts:
            attempt.keeper = self
        self._changed.set()
        return True

    def _wait_for_storage(self, failure: BelfryError) -> None:
        """Wait a second, if a lease has not ended yet; else raise `failure`."""
        now = self._pool.clock.now()
        held = [one for one in self._held.attempts if (one.live.lease_until or now) > now]
        for attempt in self._held.attempts:
            if attempt not in held:
                attempt.ask(Stop.LOST)
        if not held:
            raise failure
        event(_logger, Event.STORAGE_AWAY, level=logging.WARNING, error=str(failure))
        self._pool.clock.wait(self._pool.over, _SECOND)
        self._changed.set()

    def _settle(self, over: Sequence[Attempt]) -> list[Job]:
        if not over:
            return []
        now = self._pool.clock.now()
        results = [(attempt, outcome(attempt, attempt.over_since(now))) for attempt in over]
        jobs = [(attempt, result.job) for attempt, result in results if isinstance(result, Ended)]
        waiting: list[str] = []
        following = Following(self, self._pool, over)
        try:
            ended = self._outcomes.end(jobs, following)
        except BaseException:  # the attempts stay, but what follows some of them was begun
            self._pool.leave((), following.begun)
            raise
        for attempt, result in results:
            match result:
                case Again():
                    if self._outcomes.again(attempt, result) and result.held:
                        waiting.append(attempt.live.id)  # it has a message of its own
                case Gone():
                    live = attempt.live
                    event(_logger, Event.LEASE_LOST, job_id=live.id, trace_id=live.trace_id)
            self._held.attempts.remove(attempt)
            if self._held.said.pop(attempt.live.id, None) is not None:
                self._outcomes.table.unsay(attempt.live.id)
        self._pool.leave(over, following.begun)
        aside = self._pool.threads.run if following.begun else None
        over_for_now = [*(job.id for job in ended), *waiting]
        self._held.guards.release(over_for_now, self._outcomes.queue, aside)
        return ended

    def _beat(self, now: datetime) -> None:
        active = [one for one in self._held.attempts if not one.done and one.asked is not Stop.LOST]
        found = self._outcomes.table.many({attempt.schedule.id for attempt in active})
        changes: dict[str, Change] = {}
        renewed: dict[str, list[tuple[Attempt, LiveJob]]] = {}
        for attempt in active:
            schedule = found.get(attempt.schedule.id)
            held = schedule.progress.find(attempt.live.id) if schedule is not None else None
            if schedule is None or held is None or held.worker != attempt.live.worker:
                attempt.ask(Stop.LOST)
                continue
            if held.cancel is not None and attempt.live.cancel is None:
                attempt.live = held
                attempt.ask(Stop.CANCEL)
            self._say(attempt)
            if held.lease_until is None or held.lease_until - now > self._pool.lease.length * 2 / 3:
                continue
            longer = replace(held, lease_until=now + self._pool.lease.length)
            after = changes[schedule.id].after if schedule.id in changes else schedule
            changes[schedule.id] = Change(
                schedule, replace(after, progress=after.progress.put(longer))
            )
            renewed.setdefault(schedule.id, []).append((attempt, longer))
        self._renew(changes, renewed, now)

    def _renew(
        self,
        changes: dict[str, Change],
        renewed: dict[str, list[tuple[Attempt, LiveJob]]],
        now: datetime,
    ) -> None:
        """Renew the leases. If somebody else changed a row meanwhile, the next beat renews its
        lease."""
        won = self._outcomes.table.commit(list(changes.values()))
        for schedule_id, made in zip(changes, won, strict=True):
            for attempt, longer in renewed[schedule_id]:
                if made:
                    attempt.live = longer
                    self._outcomes.limits.take(
                        attempt.schedule, longer.id, now, now + self._pool.lease.length
                    )
        if not all(won):
            self._next_beat = now + _SECOND

    def _say(self, attempt: Attempt) -> None:
        said = Running(attempt.log.text(), attempt.progress.done)
        if said != self._held.said.get(attempt.live.id, Running("", None)):
            self._outcomes.table.say(attempt.live.id, said)
            self._held.said[attempt.live.id] = said
