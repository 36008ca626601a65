"""The attempts that run in this process: how many may, and who looks after them.

Each message that is being worked on has a *batch* (`batch`): its attempts, and the thread that
called the function. That thread would be bound to the message until its longest job ends, and a
host takes only a limited number of messages at once. So when several batches have only lasting
attempts left, the youngest batch takes over the attempts of the others, whose messages are then
done. However many jobs last, they keep only one message. The youngest takes over, so that no
function runs much longer than its longest job.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

from shared.clock import Clock
from shared.engine.work.attempt import Attempt, Execute, Stop
from shared.engine.work.batch import Batch
from shared.engine.work.lease import Lease
from shared.engine.work.metering import Metering
from shared.engine.work.outcomes import Outcomes
from shared.engine.work.threads import Threads
from shared.log import JobLog, instant
from shared.schedules.model import LiveJob, Schedule

_logger = logging.getLogger("belfry.worker")

_GLANCE = timedelta(seconds=1)
"""The time from one look at what runs to the next."""
PATIENCE = 30.0
"""Seconds that a message's jobs wait for a free place before they go back to the queue."""
_TOGETHER = 0.02
"""Seconds that they wait for enough places for all of them, so that one transaction begins them."""
LASTING = timedelta(seconds=30)
"""A short job that runs longer than this counts as lasting, whatever its timeout is, and gives up
its place."""


class WorkerPool:
    """The threads of this process for one kind of job."""

    def __init__(
        self,
        *,
        outcomes: Outcomes,
        execute: Execute,
        clock: Clock,
        lease: Lease,
        metering: Metering,
        size: int,
        lasting: int = 0,
    ) -> None:
        """`metering`: of the whole process. `size`: how many jobs may run at once. `lasting`: how
        many lasting ones may run besides, without a place of their own."""
        self.outcomes = outcomes
        self.clock = clock
        self.lease = lease
        self.threads = Threads("attempt")
        self.draining = threading.Event()
        """Set when the instance is shutting down: no more jobs are begun."""
        self.over = threading.Event()
        """Set when draining is over: tasks that have not stopped are no longer waited for."""
        self._execute = execute
        self._metering = metering
        self._free = size
        self._room = lasting
        self._active: set[Attempt] = set()
        self._lasting: set[Attempt] = set()
        self._batches: list[Batch] = []
        self._watching = False
        self._changed = threading.Condition()

    def places(self, most: int, patience: float = PATIENCE) -> int:
        """Take up to `most` free places, waiting `patience` seconds for the first, and a moment for
        all of them; 0 if there is none."""
        with self._changed:
            self._changed.wait_for(lambda: self._free > 0 or self.draining.is_set(), patience)
            if 0 < self._free < most:
                self._changed.wait_for(
                    lambda: self._free >= most or self.draining.is_set(), _TOGETHER
                )
            taken = 0 if self.draining.is_set() else min(most, self._free)
            self._free -= taken
            return taken

    def free(self, places: int) -> None:
        """Give places back."""
        if places:
            with self._changed:
                self._free += places
                self._changed.notify_all()

    def stop(self) -> None:
        """Begin nothing more, and tell what runs to stop."""
        self.draining.set()
        with self._changed:
            self._changed.notify_all()
            for attempt in self._active:
                attempt.ask(Stop.DRAIN)

    def drain(self, patience: timedelta) -> None:
        """Stop, and wait at most `patience` for what runs.

        A job whose task stops is given back to the queue by its batch; one whose task does not is
        taken over by another worker when its lease ends.
        """
        self.stop()
        with self._changed:
            self._changed.wait_for(lambda: not self._active, patience.total_seconds())
            self.over.set()
            for batch in self._batches:
                batch.wake()

    @contextmanager
    def batch(self) -> Iterator[Batch]:
        """The attempts of one message; any that outlive the block are told to stop."""
        batch = Batch(self)
        with self._changed:
            self._batches.append(batch)
        try:
            yield batch
        finally:
            with self._changed:
                self._batches.remove(batch)
            batch.abandon()

    def enter(self, attempt: Attempt) -> None:
        """Count an attempt as running here, in one of the places that were taken, until `leave`."""
        with self._changed:
            self._active.add(attempt)
            if self.draining.is_set():
                attempt.ask(Stop.DRAIN)
            if not self._watching:
                self._watching = self.threads.run(self._watch)

    def leave(self, attempts: Sequence[Attempt], kept: int = 0) -> None:
        """Stop counting attempts as running here; their places are free, but for those that are
        `kept` by what follows them."""
        with self._changed:
            for attempt in attempts:
                self._active.discard(attempt)
                if attempt in self._lasting:
                    self._lasting.discard(attempt)
                else:
                    self._free += 1
            self._free -= kept
            self._changed.notify_all()

    def attempt(self, schedule: Schedule, live: LiveJob, batch: Batch) -> Attempt:
        """A new attempt, to be looked after by `batch`."""
        ids = {"schedule_id": schedule.id, "job_id": live.id, "trace_id": live.trace_id}
        now = self.clock.now
        log = JobLog(_logger, ids, lambda: instant(now(), "milliseconds"))
        return Attempt(self._execute, schedule, live, log, now(), batch, self._metering)

    def _watch(self) -> None:
        """Check the running attempts regularly, as long as there are any."""
        while True:
            self.clock.sleep(_GLANCE)
            with self._changed:
                self._watching = bool(self._active)
                if not self._watching:
                    return
                self._stop_what_is_lost()
                self._make_room_beside_what_lasts()
                self._gather()

    def _stop_what_is_lost(self) -> None:
        """Tell attempts whose lease has ended to stop, even while their batch waits for storage."""
        now = self.clock.now()
        for attempt in self._active:
            until = attempt.live.lease_until
            if until is not None and until < now and not attempt.done:
                attempt.ask(Stop.LOST)

    def _make_room_beside_what_lasts(self) -> None:
        """Free the places of short jobs that turn out to last, while there is room for them."""
        now = self.clock.now()
        for attempt in self._active - self._lasting:
            if len(self._lasting) < self._room and now - attempt.began > LASTING:
                self._lasting.add(attempt)
                self._free += 1
        self._changed.notify_all()

    def _gather(self) -> None:
        """Of the batches with lasting attempts, the youngest takes over those of the others."""
        lasting = [batch for batch in self._batches if batch.lasts]
        if len(lasting) > 1 and not self.draining.is_set():
            heir = max(lasting, key=lambda batch: batch.since)
            for batch in lasting:
                if batch is not heir:
                    batch.hand_over(heir)
