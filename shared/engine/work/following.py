"""Goes on with the steps of a workflow in the process that ended the ones before.

A step that follows needs no message, no second look at its row and no other transaction: its lease
is committed with the end of the step before. Only its guard is sent, as for every job.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Protocol

from shared.clock import Clock
from shared.engine.work.attempt import Attempt
from shared.engine.work.guards import Guards
from shared.engine.work.lease import Lease
from shared.engine.work.outcomes import Outcomes
from shared.engine.work.threads import Threads
from shared.errors import BelfryError
from shared.log import Event, event
from shared.schedules.model import LiveJob, Schedule
from shared.storage.queues.jobs import Message

_logger = logging.getLogger("belfry.worker")

_SECOND = timedelta(seconds=1)
_LONGEST = timedelta(minutes=2)
"""A call that lasts this long begins nothing more: a host ends calls that never end."""


class Batch(Protocol):
    """The batch whose attempts are over."""

    @property
    def age(self) -> timedelta:
        """Since when it has been at work."""

    def guard(self, guards: Guards) -> None:
        """Remember the guard messages of its jobs."""

    def begin(self, schedule: Schedule, live: LiveJob, taken_over: bool) -> None:
        """Start an attempt whose lease was committed."""


class Places(Protocol):
    """What the pool knows."""

    clock: Clock
    lease: Lease
    outcomes: Outcomes
    threads: Threads
    draining: threading.Event


class Following:
    """Begins what follows attempts that are over, in the places of these (`runs.Hands`)."""

    def __init__(self, batch: Batch, pool: Places, over: Sequence[Attempt]) -> None:
        self.begun = 0
        """How many of the places were used."""
        self._batch = batch
        self._pool = pool
        short = [one for one in over if not one.schedule.is_long]
        self._workers = [one.live.worker for one in short]
        self._taken = 0

    def lease(self, schedule: Schedule) -> Schedule | None:
        """As `Hands.lease`."""
        (live,) = schedule.progress.live
        now = self._pool.clock.now()
        number = self.begun + self._taken
        if number >= len(self._workers) or not self._can(schedule, live):
            return None
        self._taken += 1
        leased = replace(
            live,
            attempt=1,
            started_at=now,
            first_started_at=now,
            worker=self._workers[number],
            lease_until=now + self._pool.lease.length,
        )
        return replace(schedule, progress=schedule.progress.put(leased))

    def guarding(self, made: Sequence[Schedule]) -> Callable[[], None]:
        """As `Hands.guarding`."""
        now, ids = self._pool.clock.now(), tuple(one.progress.live[0].id for one in made)
        message, until = Message(ids, now), now + self._pool.lease.length + _SECOND
        queue = self._pool.outcomes.queue
        sending = self._pool.threads.call(lambda: queue.send(message, until))
        self._taken = 0

        def sent() -> None:
            try:
                self._batch.guard(Guards.of(sending.result(), ids))
            except BelfryError as error:  # if this worker dies, the sweep finds its jobs
                event(_logger, Event.STORAGE_AWAY, level=logging.WARNING, error=str(error))

        return sent

    def begin(self, schedule: Schedule) -> None:
        """As `Hands.begin`."""
        self.begun += 1
        self._batch.begin(schedule, schedule.progress.live[0], False)

    def _can(self, schedule: Schedule, live: LiveJob) -> bool:
        """Whether nothing keeps the job from starting here."""
        outcomes = self._pool.outcomes
        if schedule.is_long or self._pool.draining.is_set() or self._batch.age > _LONGEST:
            return False
        if live.available_at > self._pool.clock.now() or outcomes.limits.of(schedule):
            return False
        return outcomes.budgets.ask(schedule, live) is None
