"""Jobs that this process knows to have ended, so that it need not ask storage again.

The next run of a schedule asks whether the one before has ended. A job's end is never changed, so
what is remembered is right for ever; it is remembered without what may be long.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import replace

from shared.schedules.job import Job

_KEPT = 4_096


class Ended:
    """The latest of them, by id; several threads may use it at once."""

    def __init__(self) -> None:
        self._jobs: dict[str, Job] = {}
        self._lock = threading.Lock()

    def add(self, jobs: Iterable[Job]) -> None:
        """Remember these."""
        bare = {job.id: replace(job, log="", result=None, parameters={}) for job in jobs}
        with self._lock:
            self._jobs |= bare
            while len(self._jobs) > _KEPT:
                del self._jobs[next(iter(self._jobs))]

    def among(self, job_ids: Iterable[str]) -> dict[str, Job]:
        """Those of the jobs that are remembered."""
        with self._lock:
            return {job_id: self._jobs[job_id] for job_id in job_ids if job_id in self._jobs}
