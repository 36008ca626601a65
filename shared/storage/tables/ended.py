"""Jobs that this process knows to have ended, so that it need not ask storage again.

Before a schedule's next run, the worker asks whether the run before it has ended. A job that was
begun and has ended never changes, so what is remembered stays right. (One that ended without having
begun may be expected again, if a wrong clock recorded it; such jobs are not remembered.) The parts
that may be long are not remembered.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import replace

from shared.schedules.job import Job

_KEPT = 4_096


class Ended:
    """The latest ended jobs, by id. Several threads may use it at once."""

    def __init__(self) -> None:
        self._jobs: dict[str, Job] = {}
        self._lock = threading.Lock()

    def add(self, jobs: Iterable[Job]) -> None:
        """Remember these jobs; the oldest are forgotten."""
        bare = {job.id: replace(job, log="", result=None, parameters={}) for job in jobs}
        with self._lock:
            self._jobs |= bare
            while len(self._jobs) > _KEPT:
                del self._jobs[next(iter(self._jobs))]

    def among(self, job_ids: Iterable[str]) -> dict[str, Job]:
        """Of these jobs, those that are remembered, by id."""
        with self._lock:
            return {job_id: self._jobs[job_id] for job_id in job_ids if job_id in self._jobs}
