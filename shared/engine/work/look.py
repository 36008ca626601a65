"""What a worker reads to decide on jobs: their schedules, and which of their live jobs ended.

A message arrives a moment before its time, and the worker reads at once. So when the time comes, it
only has to write the leases. That succeeds only if nobody has changed the schedules' rows since.
The end of a job does not change its schedule's row, so a schedule with a running job is read again.
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
    """Of the live jobs, and of the jobs that the message names, those that have ended."""

    def lasting(self) -> Look:
        """The part that stays right as long as the schedules' rows do not change."""
        steady = {
            name: one
            for name, one in self.schedules.items()
            if all(job.id in self.done for job in one.progress.live if job.begun)
        }
        return Look(steady, self.done)


def look(table: ScheduleTable, job_ids: Sequence[str], known: Look | None = None) -> Look:
    """Read what is needed for `job_ids`, except what is known. Raises what the table raises."""
    known = known or Look()
    wanted = {parse_id(job_id)[0] for job_id in job_ids}
    read = table.many(wanted - known.schedules.keys())
    begun = {job.id for one in read.values() for job in one.progress.live if job.begun}
    live = {job.id for one in read.values() for job in one.progress.live}
    asked = {job_id for job_id in job_ids if parse_id(job_id)[0] not in known.schedules}
    return Look({**known.schedules, **read}, {**known.done, **table.ended(begun | (asked - live))})
