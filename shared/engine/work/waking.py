"""Lets a held job go on before its time (`errors.Held`): what it waits for has come.

A wake is never lost. A job that runs right now is marked; if it is then held, it starts again at
once, since both are written under the row's ETag. If the process is killed before it sends the
message, the sweep finds the job.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from shared.clock import Clock
from shared.log import Event, event
from shared.schedules.job import parse_id
from shared.schedules.model import LiveJob, Schedule
from shared.storage.queues.jobs import JobQueue, Message
from shared.storage.tables.changes import Change
from shared.storage.tables.compare_and_set import compare_and_set
from shared.storage.tables.schedules import ScheduleTable

_logger = logging.getLogger("belfry.worker")


@dataclass(frozen=True, slots=True)
class Waking:
    """Wakes jobs."""

    table: ScheduleTable
    queue: JobQueue
    clock: Clock

    def wake(self, job_id: str) -> bool:
        """Let the job start now; False if it is not waiting or running (any more). Harmless to
        repeat. Raises `NotFound` for what is no job's id, and if storage fails."""
        return compare_and_set(job_id, lambda: self._woken(job_id))

    def wake_all(self, job_ids: Sequence[str]) -> None:
        """Wake each of them."""
        for job_id in job_ids:
            self.wake(job_id)

    def _woken(self, job_id: str) -> bool | None:
        now = self.clock.now()
        schedule = self.table.get(parse_id(job_id)[0])
        live = schedule.progress.find(job_id) if schedule is not None else None
        if schedule is None or live is None:
            return False
        if live.running and self.table.job(job_id) is not None:
            return False  # its end is not counted in its schedule's row yet
        after = woken(live, now)
        if after != live and not self._commit(schedule, after):
            return None
        self.tell(schedule, after)
        return True

    def tell(self, schedule: Schedule, live: LiveJob) -> None:
        """Send the message for a job that was woken in its row."""
        now = self.clock.now()
        if not live.running:
            self.queue.send(Message((live.id,), now, long=schedule.is_long, trace=live.trace), now)
        event(_logger, Event.JOB_WOKEN, schedule_id=schedule.id, job_id=live.id)

    def _commit(self, schedule: Schedule, live: LiveJob) -> bool:
        after = replace(schedule, progress=schedule.progress.put(live))
        return self.table.commit([Change(schedule, after)])[0]


def woken(live: LiveJob, now: datetime) -> LiveJob:
    """The job once it is woken."""
    if live.running:
        return replace(live, woken=True)
    return replace(live, available_at=min(live.available_at, now), held=None)
