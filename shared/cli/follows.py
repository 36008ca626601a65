"""What happens to a job that a command leaves behind."""

from __future__ import annotations

from shared.app import App
from shared.log import instant
from shared.schedules.job import ENDED, Job
from shared.schedules.model import LiveJob, Schedule


def what_follows(belfry: App, job: Job) -> str | None:
    """What happens to the job next, in words; None if it has ended."""
    schedule = belfry.table.get(job.schedule_id)
    live = schedule.progress.find(job.id) if schedule is not None else None
    if schedule is None or live is None or job.status in ENDED:
        return None
    if live.running:
        until = instant(live.lease_until or live.available_at)
        return f"it did not stop in time; the app takes it over at {until}, if it runs then"
    if live.attempt > 0:
        at = instant(live.available_at)
        return f"the app tries again at {at}, if it runs then; this command does not"
    if live.begun:
        return "it was given back; the app runs it from its beginning, as soon as it runs"
    before = _in_the_way(belfry, schedule, live)
    if before is not None:
        return f"it waits until job {before} has ended; the app runs it then"
    return "it waits its turn; the app runs it as soon as there is room"


def _in_the_way(belfry: App, schedule: Schedule, live: LiveJob) -> str | None:
    """A job of the same schedule that was begun before, and has not ended."""
    there = [one.id for one in schedule.progress.live if one.id != live.id and one.begun]
    ended = belfry.table.ended(there)
    return next((one for one in there if one not in ended), None)
