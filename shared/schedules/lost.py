"""Jobs that a worker should have taken up by now: a function of (schedule, ended jobs, now).

The message that names such a job was lost with a host, or is waiting for a worker. A job that waits
for another job of its schedule is not lost: it gets a message when that one ends.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from shared.schedules.claim import First, Wait, claim
from shared.schedules.job import Job
from shared.schedules.model import LiveJob, Schedule

OVERDUE = timedelta(seconds=5)
"""A free worker takes a job up sooner than this."""
_LEASE = timedelta(seconds=60)


def lost(schedule: Schedule, done: Mapping[str, Job], now: datetime) -> list[str]:
    """The ids of the jobs for which no message is on its way. `done`: live jobs that have ended."""
    return [
        job.id
        for job in schedule.progress.live
        if job.id not in done
        and expected_at(job) + OVERDUE <= now
        and _would_act(schedule, job.id, done, now)
    ]


def expected_at(job: LiveJob) -> datetime:
    """When a worker should take the job up: at its time, or when its lease ends."""
    return job.lease_until or job.available_at


def _would_act(schedule: Schedule, job_id: str, done: Mapping[str, Job], now: datetime) -> bool:
    decision = claim(schedule, job_id, done, worker="", now=now, lease=_LEASE)
    return not isinstance(decision, First) and (
        not isinstance(decision, Wait) or decision.after is not None
    )
