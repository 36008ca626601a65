"""Jobs, read from storage: live ones from their schedules' rows, ended ones from rows of their own
or from the archive, or from a stretch if an occurrence ended unrun with many others."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from shared.archive.jobs import EndedJobs
from shared.errors import NotFound
from shared.schedules.job import Job, is_manual, parse_id
from shared.schedules.ledger import is_expected
from shared.schedules.record import of_live, within
from shared.storage.tables.schedules import ScheduleTable


def job(table: ScheduleTable, ended: EndedJobs, job_id: str) -> Job:
    """The job of that id. Raises `NotFound`."""
    done = table.job(job_id)
    if done is not None:
        return done
    schedule = table.get(parse_id(job_id)[0])
    live = schedule.progress.find(job_id) if schedule is not None else None
    if schedule is None or live is None:
        # it may have ended between the two looks
        done = ended.job(job_id) or _of_stretch(table, ended, job_id)
        if done is not None:
            return done
        raise NotFound(f"there is no job {job_id!r}")
    said = table.running(job_id) if live.running else None
    found = of_live(schedule, live)
    return found if said is None else replace(found, log=said.log, done=said.done)


def _of_stretch(table: ScheduleTable, ended: EndedJobs, job_id: str) -> Job | None:
    """The job of an occurrence that a stretch stands for."""
    schedule_id, due_at = parse_id(job_id)
    stretch = None if is_manual(job_id) else ended.stretch(schedule_id, due_at)
    if stretch is None or not is_expected(table.versions(schedule_id), due_at):
        return None
    return within(stretch, due_at)


def ended_since(ended: EndedJobs, schedule_id: str, since: datetime) -> list[Job]:
    """A schedule's ended jobs that were due from `since` on, latest due first. A stretch is among
    them if any of its occurrences was."""
    found = [one for one in ended.jobs(schedule_id, since) if one.due_until >= since]
    across = ended.stretch(schedule_id, since)
    if across is not None and all(one.id != across.id for one in found):
        found.append(across)
    return found
