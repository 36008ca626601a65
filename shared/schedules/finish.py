"""A job that ends together with its schedule's row: (schedule, ended job) -> (schedule, versions).

Most jobs end with a row of their own, and are counted later (`fold`). This is for jobs whose end
changes the schedule: a job that is removed before it ran, and a failure that pauses the schedule.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from shared.schedules.fold import fold
from shared.schedules.job import Job, Status
from shared.schedules.model import Schedule, Version


def finished(
    schedule: Schedule,
    job: Job,
    done: Mapping[str, Job],
    now: datetime,
    *,
    pauses: bool = True,
) -> tuple[Schedule, tuple[Version, ...]]:
    """`schedule` with `job` and the other `done` ones counted and no longer live.

    It is paused if `job` failed and is the last of `pause_after_failures` failed jobs in a row;
    what was handed out ahead is then taken back. What is owed by `now` is left to the next tick.
    Without `pauses` the job is only counted: `pause_after_failures` was set while it ran.
    """
    counted = replace(schedule, progress=fold(schedule.progress, {**done, job.id: job}))
    most = schedule.policy.pause_after_failures
    failed = job.status is Status.FAILED
    enough = most is not None and counted.progress.failures_in_row >= most
    if job.backfill is not None or not (pauses and failed and enough and counted.is_on):
        return counted, ()
    reason = f"{counted.progress.failures_in_row} jobs failed one after another: {job.error}"
    progress = replace(counted.progress, paused_reason=reason[:1000], paused_at=counted.floor(now))
    after = replace(counted, progress=progress).rescheduled(now)
    version = Version.of(after, counted.floor(now), "paused")
    if counted.owes(now):
        owed = counted.progress.next_run_at
        after = replace(after, progress=replace(after.progress, next_run_at=owed))
    return after, (version,)
