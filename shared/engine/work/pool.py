"""The attempts that run in this process: how many may, and who looks after them.

Each message that is worked on has a *gang* (`gang`): its attempts, and the thread that called the
function. That thread would be bound to the message until its longest job ends, and a host takes
only so many messages at once. So of the gangs that are left with lasting attempts the youngest
takes over those of the others, and their messages are done: however many jobs last, they keep one
message in hand. It is the youngest, so that no function runs much longer than its longest job.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from shared.clock import Clock
from shared.engine.records.outcomes import Desk
from shared.engine.work.attempt import Attempt, Execute, Stop
from shared.engine.work.batch import Gang
from shared.engine.work.threads import Hands
from shared.log import JobLog, instant
from shared.schedules.model import LiveJob, Schedule

_logger = logging.getLogger("belfry.worker")

_GLANCE = 1.0
"""Seconds, of real time, from one look at what runs to the next."""
PATIENCE = 30.0
"""Seconds that a message's jobs wait for a free hand before they go back to the queue."""
_TOGETHER = 0.02
"""Seconds that they wait for hands enough for all of them, to be begun in one transaction."""
LASTING = timedelta(seconds=30)
"""A short job that runs longer gives its place to another: it lasts, whatever its timeout says."""


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
    """The hands of this process for one kind of jobs."""

    def __init__(
        self,
        *,
        desk: Desk,
        execute: Execute,
        clock: Clock,
        lease: Lease,
        size: int,
        lasting: int = 0,
    ) -> None:
        """`size`: how many jobs may run at once. `lasting`: how many that run long may do so beside
        them, without a place of their own."""
        self.desk = desk
        self.clock = clock
        self.lease = lease
        self.threads = Hands("attempt")
        self.draining = threading.Event()
        """Set when the instance goes down: nothing more is begun."""
        self.over = False
        """Whether draining is: nobody waits any more for what does not heed."""
        self._execute = execute
        self._free = size
        self._room = lasting
        self._active: set[Attempt] = set()
        self._lasting: set[Attempt] = set()
        self._gangs: list[Gang] = []
        self._watching = False
        self._changed = threading.Condition()

    def hands(self, most: int, patience: float = PATIENCE) -> int:
        """Take up to `most` free hands, waiting so many seconds for the first, and a moment for all
        of them; 0 if there is none."""
        with self._changed:
            self._changed.wait_for(lambda: self._free > 0 or self.draining.is_set(), patience)
            if 0 < self._free < most:
                self._changed.wait_for(
                    lambda: self._free >= most or self.draining.is_set(), _TOGETHER
                )
            taken = 0 if self.draining.is_set() else min(most, self._free)
            self._free -= taken
            return taken

    def free(self, hands: int) -> None:
        """Give hands back."""
        if hands:
            with self._changed:
                self._free += hands
                self._changed.notify_all()

    def stop(self) -> None:
        """Begin nothing more, and tell what runs to stop."""
        self.draining.set()
        with self._changed:
            self._changed.notify_all()
            for attempt in self._active:
                attempt.ask(Stop.DRAIN)

    def drain(self, patience: timedelta) -> None:
        """Stop, and wait for what runs, at most `patience`.

        What heeds it is given back to the queue by its gang; what does not is taken over by
        another worker when its lease ends.
        """
        self.stop()
        with self._changed:
            self._changed.wait_for(lambda: not self._active, patience.total_seconds())
            self.over = True
            for gang in self._gangs:
                gang.wake()

    @contextmanager
    def gang(self) -> Iterator[Gang]:
        """The attempts of one message; none outlives the block unheeded."""
        gang = Gang(self)
        with self._changed:
            self._gangs.append(gang)
        try:
            yield gang
        finally:
            with self._changed:
                self._gangs.remove(gang)
            gang.abandon()

    def enter(self, attempt: Attempt) -> None:
        """Count an attempt as running here, in one of the hands that were taken, until `leave`."""
        with self._changed:
            self._active.add(attempt)
            if self.draining.is_set():
                attempt.ask(Stop.DRAIN)
            if not self._watching:
                self._watching = self.threads.run(self._watch)

    def leave(self, attempts: Sequence[Attempt]) -> None:
        """They run here no longer; their hands are free."""
        with self._changed:
            for attempt in attempts:
                self._active.discard(attempt)
                if attempt in self._lasting:
                    self._lasting.discard(attempt)
                else:
                    self._free += 1
            self._changed.notify_all()

    def attempt(self, schedule: Schedule, live: LiveJob, gang: Gang) -> Attempt:
        """A new attempt, to be looked after by `gang`."""
        ids = {"schedule_id": schedule.id, "job_id": live.id}
        now = self.clock.now
        log = JobLog(_logger, ids, lambda: instant(now(), "milliseconds"))
        return Attempt(self._execute, schedule, live, log, now(), gang)

    def _watch(self) -> None:
        """While something runs, look after it once in a while."""
        never = threading.Event()
        while True:
            never.wait(_GLANCE)
            with self._changed:
                self._watching = bool(self._active)
                if not self._watching:
                    return
                self._stop_what_is_lost()
                self._make_room_beside_what_lasts()
                self._gather()

    def _stop_what_is_lost(self) -> None:
        """Tell attempts to stop whose lease has ended, also while their gang waits for storage."""
        now = self.clock.now()
        for attempt in self._active:
            until = attempt.live.lease_until
            if until is not None and until < now and not attempt.done:
                attempt.ask(Stop.LOST)

    def _make_room_beside_what_lasts(self) -> None:
        """Short jobs that turn out to last give their hands back, while there is room for them."""
        now = self.clock.now()
        for attempt in self._active - self._lasting:
            if len(self._lasting) < self._room and now - attempt.began > LASTING:
                self._lasting.add(attempt)
                self._free += 1
        self._changed.notify_all()

    def _gather(self) -> None:
        """Of the gangs with lasting attempts, the youngest takes over those of the others."""
        lasting = [gang for gang in self._gangs if gang.lasts]
        if len(lasting) > 1 and not self.draining.is_set():
            heir = max(lasting, key=lambda gang: gang.since)
            for gang in lasting:
                if gang is not heir:
                    gang.hand_over(heir)
