"""The attempts that run in this process: begun, kept under lease, told to stop, and written down.

A *gang* is the attempts of one message. It beats while they run: a beat reads their schedules'
rows, so that a job that was cancelled, or that another worker has, is told to stop; prolongs the
leases; and keeps what the jobs said so far where a person can read it. What ends at about the
same time is written in one transaction.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.clock import Clock
from shared.engine.attempt import Attempt, Execute, Stop
from shared.engine.desk import Desk
from shared.engine.hands import Hands
from shared.engine.outcome import Again, Ended, Gone, outcome
from shared.errors import BelfryError
from shared.log import Event, JobLog, event, instant
from shared.schedules.job import Job
from shared.schedules.model import LiveJob, Schedule
from shared.schedules.record import of_live
from shared.storage.schedules import Change, Running

_logger = logging.getLogger("belfry.worker")

_SECOND = timedelta(seconds=1)
_GATHERED = 0.01
"""Seconds that the first of a gang to end waits for others, to be written together with them."""
_GLANCE = 1.0
"""Seconds, of real time, from one look at the leases to the next."""
_PATIENCE = 5.0
"""Seconds that a message's jobs wait for a free hand before they go back to the queue."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Lease:
    """How long a worker holds a job without a word, and how often it looks after it."""

    length: timedelta = timedelta(seconds=60)
    beat: timedelta = timedelta(seconds=5)

    @staticmethod
    def of(length: timedelta) -> Lease:
        """A lease of that length, renewed when a third of it has passed."""
        return Lease(length=length, beat=min(length / 3, timedelta(seconds=5)))


class Crew:
    """The hands of this process. `size`: how many jobs may run in it at once."""

    def __init__(
        self, *, desk: Desk, execute: Execute, clock: Clock, lease: Lease, size: int
    ) -> None:
        self.desk = desk
        self.clock = clock
        self.lease = lease
        self.threads = Hands("attempt")
        self._execute = execute
        self._free = size
        self._active: set[Attempt] = set()
        self._gangs: set[Gang] = set()
        self._watching = False
        self._draining = False
        self.over = False
        """Whether draining is: nobody waits any more for what does not heed."""
        self._changed = threading.Condition()

    def hands(self, most: int) -> int:
        """Take up to `most` free hands, waiting a little for the first; 0 if there is none."""
        with self._changed:
            self._changed.wait_for(lambda: self._free > 0 or self._draining, _PATIENCE)
            taken = 0 if self._draining else min(most, self._free)
            self._free -= taken
            return taken

    def free(self, hands: int) -> None:
        """Give hands back."""
        with self._changed:
            self._free += hands
            self._changed.notify_all()

    def drain(self, patience: timedelta) -> None:
        """Begin nothing more, tell what runs to stop, and wait for it, at most `patience`.

        What heeds it is given back to the queue by its gang; what does not is taken over by
        another worker when its lease ends.
        """
        with self._changed:
            self._draining = True
            self._changed.notify_all()
            for attempt in self._active:
                attempt.ask(Stop.DRAIN)
            self._changed.wait_for(lambda: not self._active, patience.total_seconds())
            self.over = True
            for gang in list(self._gangs):
                gang.wake()

    @contextmanager
    def gang(self) -> Iterator[Gang]:
        """The attempts of one message; none outlives the block unheeded."""
        gang = Gang(self)
        self._gangs.add(gang)
        try:
            yield gang
        finally:
            self._gangs.discard(gang)
            gang.abandon()

    def enter(self, attempt: Attempt) -> None:
        """Count an attempt as running here, until `leave`."""
        with self._changed:
            self._active.add(attempt)
            if self._draining:
                attempt.ask(Stop.DRAIN)
            if not self._watching:
                self._watching = self.threads.run(self._watch)

    def leave(self, attempt: Attempt) -> None:
        with self._changed:
            self._active.discard(attempt)
            self._changed.notify_all()

    def attempt(self, schedule: Schedule, live: LiveJob, gang: Gang) -> Attempt:
        ids = {"schedule_id": schedule.id, "job_id": live.id}
        now = self.clock.now
        log = JobLog(_logger, ids, lambda: instant(now(), "milliseconds"))

        def ended() -> None:
            self.free(1)
            gang.told()

        return Attempt(self._execute, schedule, live, log, now(), ended)

    def _watch(self) -> None:
        """Tell attempts to stop whose lease has ended, also while their gang waits for storage."""
        while True:
            threading.Event().wait(_GLANCE)
            now = self.clock.now()
            with self._changed:
                self._watching = bool(self._active)
                if not self._watching:
                    return
                for attempt in self._active:
                    until = attempt.live.lease_until
                    if until is not None and until < now and not attempt.done:
                        attempt.ask(Stop.LOST)


class Gang:
    """The attempts of one message."""

    def __init__(self, crew: Crew) -> None:
        self.begun = 0
        self.names: dict[str, str] = {}
        """By job: the name under which this gang asks for its lease."""
        self._changed = threading.Event()
        self._all_over = threading.Event()
        self._under_way = 0
        self._lock = threading.Lock()
        self._crew = crew
        self._desk = crew.desk
        self._active: list[Attempt] = []
        self._said: dict[str, Running] = {}
        self._next_beat = crew.clock.now() + crew.lease.beat

    def begin(self, schedule: Schedule, live: LiveJob, taken_over: bool) -> None:
        """Start an attempt whose lease was committed."""
        attempt = self._crew.attempt(schedule, live, self)
        event(
            _logger,
            Event.JOB_TAKEN_OVER if taken_over else Event.JOB_STARTED,
            schedule_id=schedule.id,
            job_id=live.id,
            attempt=live.attempt,
            lateness_seconds=of_live(schedule, live).lateness_seconds,
        )
        if live.error:
            attempt.log(f"attempt {live.attempt}; the one before: {live.error}")
        elif taken_over:
            attempt.log(f"attempt {live.attempt}; the worker of the one before stopped silently")
        if taken_over:
            self._said[live.id] = Running("", None)  # it may have left what it said behind
        self.begun += 1
        with self._lock:
            self._under_way += 1
            self._all_over.clear()
        self._active.append(attempt)
        self._crew.enter(attempt)
        if not self._crew.threads.run(attempt.run):
            attempt.close_unrun()

    def wake(self) -> None:
        """Look again at what there is to do."""
        self._changed.set()

    def told(self) -> None:
        """An attempt is over. Called in its thread."""
        with self._lock:
            self._under_way -= 1
            if not self._under_way:
                self._all_over.set()
        self._changed.set()

    def finish(self) -> list[Job]:
        """Wait for all attempts, looking after them; the jobs that ended."""
        ended: list[Job] = []
        while self._active and not self._crew.over:
            now = self._crew.clock.now()
            wake = min([self._next_beat, *(attempt.deadline for attempt in self._active)])
            self._crew.clock.wait(self._changed, max(wake - now, timedelta()))
            if len(self._active) > 1 and any(attempt.done for attempt in self._active):
                self._all_over.wait(_GATHERED)
            ended += self.tend()
        return ended

    def tend(self) -> list[Job]:
        """Write down what is over, and beat if it is time; the jobs that ended.

        Storage that does not answer is asked again until the leases have ended; a job whose lease
        ended is told to stop.
        """
        self._changed.clear()
        now = self._crew.clock.now()
        ended: list[Job] = []
        failure: BelfryError | None = None
        try:
            ended = self._settle([attempt for attempt in self._active if attempt.done])
        except BelfryError as error:
            failure = error
        for attempt in self._active:
            if attempt.deadline <= now:
                attempt.time_out()
        if now >= self._next_beat:
            self._next_beat = now + self._crew.lease.beat
            try:
                self._beat(now)
            except BelfryError as error:
                failure = error
        if failure is not None:
            self._wait_for_storage(failure)
        return ended

    def _wait_for_storage(self, failure: BelfryError) -> None:
        """For a second, while some lease lasts; then raise."""
        now = self._crew.clock.now()
        held = [one for one in self._active if (one.live.lease_until or now) > now]
        for attempt in self._active:
            if attempt not in held:
                attempt.ask(Stop.LOST)
        if not held:
            raise failure
        event(_logger, Event.STORAGE_AWAY, level=logging.WARNING, error=str(failure))
        self._crew.clock.wait(threading.Event(), _SECOND)
        self._changed.set()

    def abandon(self) -> None:
        """Tell what is left to stop: nobody will write down what becomes of it."""
        for attempt in self._active:
            attempt.ask(Stop.LOST)
            self._crew.leave(attempt)

    def _settle(self, over: Sequence[Attempt]) -> list[Job]:
        if not over:
            return []
        now = self._crew.clock.now()
        results = [(attempt, outcome(attempt, now)) for attempt in over]
        jobs = [(attempt, result.job) for attempt, result in results if isinstance(result, Ended)]
        ended = self._desk.end(jobs)
        for attempt, result in results:
            match result:
                case Again():
                    self._desk.again(attempt, result)
                case Gone():
                    event(_logger, Event.LEASE_LOST, job_id=attempt.live.id)
            self._active.remove(attempt)
            self._crew.leave(attempt)
            if self._said.pop(attempt.live.id, None) is not None:
                self._desk.table.unsay(attempt.live.id)
        return ended

    def _beat(self, now: datetime) -> None:
        active = [one for one in self._active if not one.done and one.asked is not Stop.LOST]
        found = self._desk.table.many({attempt.schedule.id for attempt in active})
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
            if held.lease_until is None or held.lease_until - now > self._crew.lease.length * 2 / 3:
                continue
            longer = replace(held, lease_until=now + self._crew.lease.length)
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
        """Prolong the leases; one that lost a race is prolonged at the next beat."""
        won = self._desk.table.commit(list(changes.values()))
        for schedule_id, made in zip(changes, won, strict=True):
            for attempt, longer in renewed[schedule_id]:
                if made:
                    attempt.live = longer
                    self._desk.limits.take(
                        attempt.schedule, longer.id, now, now + self._crew.lease.length
                    )
        if not all(won):
            self._next_beat = now + _SECOND

    def _say(self, attempt: Attempt) -> None:
        said = Running(attempt.log.text(), attempt.progress.done)
        if said != self._said.get(attempt.live.id, Running("", None)):
            self._desk.table.say(attempt.live.id, said)
            self._said[attempt.live.id] = said
