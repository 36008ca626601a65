"""Jobs that this process knows to have ended, so that it need not ask storage again.

Before a schedule's next run, the worker asks whether the run before it has ended. A job that was
begun and has ended never changes, so what is remembered stays right. (One that ended without having
begun may be expected again, if a wrong clock recorded it; such jobs are not remembered.) The parts
that may be long are not remembered.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import replace

from shared.schedules.job import Job

_KEPT = 4_096
_LONG = 4_000
"""Characters of a result, parameters and an error that are too many to be remembered."""


def bare(job: Job) -> Job:
    """The job without the parts that may be long."""
    return replace(job, log="", result=None, parameters={})


def listed(job: Job) -> Job | None:
    """The job as lists show it, without its log; None if the other parts are long."""
    parts = (job.result, job.parameters, job.error)
    long = sum(len(str(part)) for part in parts if part) > _LONG
    return None if long else replace(job, log="")


class Ended:
    """The latest ended jobs, by id. Several threads may use it at once."""

    def __init__(self, keep: Callable[[Job], Job | None] = bare) -> None:
        """`keep`: what is remembered of a job; None: nothing."""
        self._keep = keep
        self._jobs: dict[str, Job] = {}
        self._lock = threading.Lock()

    def add(self, jobs: Iterable[Job]) -> None:
        """Remember these jobs; the oldest are forgotten."""
        kept = {job.id: one for job in jobs if (one := self._keep(job)) is not None}
        with self._lock:
            self._jobs |= kept
            while len(self._jobs) > _KEPT:
                del self._jobs[next(iter(self._jobs))]

    def among(self, job_ids: Iterable[str]) -> dict[str, Job]:
        """Of these jobs, those that are remembered, by id."""
        with self._lock:
            return {job_id: self._jobs[job_id] for job_id in job_ids if job_id in self._jobs}
