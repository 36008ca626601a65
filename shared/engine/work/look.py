"""What a worker reads to decide on jobs: their schedules, and which of their live jobs ended.

A message comes a moment before its time, and that is when the worker reads: at the time itself it
only has to write the leases. It does so only if the schedules' rows are still as they were read. A
job's end does not change its schedule's row, so a schedule with a job under way is read again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from shared.schedules.job import Job, parse_id
from shared.schedules.model import Schedule
from shared.storage.tables.schedules import ScheduleTable


@dataclass(frozen=True, slots=True)
class Look:
    """What was read."""

    schedules: dict[str, Schedule] = field(default_factory=dict)
    done: dict[str, Job] = field(default_factory=dict)
    """Those that ended of the live jobs and of the jobs that were asked for."""

    def lasting(self) -> Look:
        """What stays right for as long as the schedules' rows stay as they are."""
        steady = {
            name: one
            for name, one in self.schedules.items()
            if all(job.id in self.done for job in one.progress.live if job.begun)
        }
        return Look(steady, self.done)


def look(table: ScheduleTable, job_ids: Sequence[str], known: Look | None = None) -> Look:
    """Read what `job_ids` are about, except what is known. Raises what the table raises."""
    known = known or Look()
    wanted = {parse_id(job_id)[0] for job_id in job_ids}
    read = table.many(wanted - known.schedules.keys())
    begun = {job.id for one in read.values() for job in one.progress.live if job.begun}
    live = {job.id for one in read.values() for job in one.progress.live}
    asked = {job_id for job_id in job_ids if parse_id(job_id)[0] not in known.schedules}
    return Look({**known.schedules, **read}, {**known.done, **table.ended(begun | (asked - live))})
