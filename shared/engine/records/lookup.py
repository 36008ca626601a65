"""Jobs, read from storage: live ones from their schedules' rows, ended ones from rows of their own
or from the archive, or from a stretch if an occurrence ended unrun with many others."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from shared.archive.jobs import EndedJobs
from shared.errors import NotFound
from shared.schedules.job import Job, is_manual, parse_id
from shared.schedules.ledger import is_expected
from shared.schedules.record import of_live, within
from shared.storage.tables.schedules import ScheduleTable

_FIRST = datetime(1970, 1, 1, tzinfo=UTC)
"""No job is due before this; the keys of jobs have no room for earlier times."""


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


def jobs(
    table: ScheduleTable,
    ended: EndedJobs,
    schedule_id: str | None,
    since: datetime | None,
    until: datetime | None,
) -> list[Job]:
    """Jobs due from `since` on and before `until`, of one schedule or of all, latest due first."""
    first = None if since is None else max(since, _FIRST)
    done = table.jobs() if schedule_id is None else ended.jobs(schedule_id, first, until)
    found = {one.id: one for one in done}
    if schedule_id is not None and first is not None:
        earlier = ended.stretch(schedule_id, first)
        found |= {} if earlier is None else {earlier.id: earlier}
    known = table.get(schedule_id) if schedule_id is not None else None
    schedules = [known] if known is not None else []
    for schedule in schedules if schedule_id is not None else table.busy():
        for live in schedule.progress.live:
            found.setdefault(live.id, of_live(schedule, live))
    wanted = [
        one
        for one in found.values()
        if (since is None or one.due_until >= since) and (until is None or one.due_at < until)
    ]
    return sorted(wanted, key=lambda one: (one.due_until, one.id), reverse=True)
