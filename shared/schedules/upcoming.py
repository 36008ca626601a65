"""The next run of a schedule that will begin: a pure function of (schedule, now).

A run is handed out some time before it is due. `progress.next_run_at` is the first that was not
handed out yet; people are told of the one that waits.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.schedules.job import is_manual, job_id
from shared.schedules.model import Schedule
from shared.schedules.plan import jitter_of


@dataclass(frozen=True, slots=True)
class Upcoming:
    """A run to come."""

    due_at: datetime
    effective_at: datetime
    """When it is to start: its due time and its jitter."""


def upcoming(schedule: Schedule, now: datetime) -> Upcoming | None:
    """The run that the schedule starts next by itself; None if it starts none any more."""
    if not schedule.is_on:
        return None
    return min(_coming(schedule, now), key=lambda run: run.effective_at, default=None)


def _coming(schedule: Schedule, now: datetime) -> Iterator[Upcoming]:
    for job in schedule.progress.live:
        waits = not job.begun and job.cancel is None and not is_manual(job.id)
        if waits and job.effective_at > now:
            yield Upcoming(job.due_at, job.effective_at)
    at = schedule.progress.next_run_at
    if at is not None:
        jitter = jitter_of(schedule, job_id(schedule.id, at))
        yield Upcoming(at, at + timedelta(seconds=jitter))
