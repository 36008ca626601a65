"""Guards: messages by which other workers take jobs over if their worker is killed.

A guard is sent when its jobs' leases are committed, and becomes visible when the leases end. When
all its jobs have ended, it has no purpose. The worker then takes it back, which costs less than to
receive it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

from shared.errors import BelfryError
from shared.log import Event, event
from shared.storage.queues.jobs import JobQueue, Sent

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

    def release(self, ended: Iterable[str], queue: JobQueue) -> None:
        """Take back each guard whose jobs have all ended. A guard that remains does no harm."""
        over = set(ended)
        left: list[tuple[Sent, set[str]]] = []
        for sent, job_ids in self._left:
            job_ids -= over
            if job_ids:
                left.append((sent, job_ids))
                continue
            try:
                queue.take_back(sent)
            except BelfryError as error:
                event(_logger, Event.STORAGE_AWAY, level=logging.WARNING, error=str(error))
        self._left = left
