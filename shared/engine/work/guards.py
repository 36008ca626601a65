"""Guards: messages by which other workers take jobs over if their worker is killed.

A guard is sent when its jobs' leases are committed, and becomes visible when the leases end. When
all its jobs have ended, it has no purpose. The worker then takes it back, which costs less than to
receive it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import TypeAlias

from shared.errors import BelfryError
from shared.log import Event, event
from shared.storage.queues.jobs import JobQueue, Sent

Aside: TypeAlias = Callable[[Callable[[], object]], bool]
"""Does something in another thread; False if no thread can be had."""
_logger = logging.getLogger("belfry.worker")


class Guards:
    """The guards of one batch."""

    def __init__(self) -> None:
        self._left: list[tuple[Sent, set[str]]] = []

    @staticmethod
    def of(sent: Sent, job_ids: Iterable[str]) -> Guards:
        """One guard, for these jobs."""
        made = Guards()
        made._left.append((sent, set(job_ids)))
        return made

    def add(self, other: Guards) -> None:
        """Add the guards of `other`."""
        self._left += other._left

    def release(self, ended: Iterable[str], queue: JobQueue, aside: Aside | None = None) -> None:
        """Take back each guard whose jobs have all ended. A guard that remains does no harm.
        `aside` does that in another thread, so that what follows does not wait for it."""
        over = set(ended)
        for _, job_ids in self._left:
            job_ids -= over
        done = [sent for sent, job_ids in self._left if not job_ids]
        self._left = [one for one in self._left if one[1]]
        if done and (aside is None or not aside(lambda: _take_back(done, queue))):
            _take_back(done, queue)


def _take_back(guards: Iterable[Sent], queue: JobQueue) -> None:
    for sent in guards:
        try:
            queue.take_back(sent)
        except BelfryError as error:
            event(_logger, Event.STORAGE_AWAY, level=logging.WARNING, error=str(error))
