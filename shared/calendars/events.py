"""The coming runs of schedules as an iCalendar file (RFC 5545): pure, (schedules, now) -> bytes.

The same runs give the same bytes, whenever they are asked for: an event's UID is its job's id, and
its stamp is the time of the schedule's last change.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING

from shared.recurrence import occurrences
from shared.schedules.job import is_manual, job_id
from shared.schedules.model import Schedule

if TYPE_CHECKING:
    from icalendar import Event

AHEAD = timedelta(days=31)
MOST, MOST_EACH = 1000, 100
"""The most events of a file, and of one schedule in it. The earliest are kept."""
REFRESH = timedelta(hours=1)
"""How often programs are asked to look again."""


def file_of(name: str, schedules: Iterable[Schedule], now: datetime) -> bytes:
    """The file. Its text is folded and escaped by the library."""
    from icalendar import Calendar, vDuration

    made = Calendar()
    made.add("prodid", "-//Belfry//calendar feed//EN")
    made.add("version", "2.0")
    made.add("calscale", "GREGORIAN")
    made.add("x-wr-calname", name)
    made.add("refresh-interval", vDuration(REFRESH), parameters={"VALUE": "DURATION"})
    made.add("x-published-ttl", vDuration(REFRESH))
    runs = [(at, one) for one in schedules for at in _coming(one, now)]
    for at, schedule in sorted(runs, key=lambda run: (run[0], run[1].id))[:MOST]:
        made.add_component(_event(at, schedule))
    return bytes(made.to_ical())


def _coming(schedule: Schedule, now: datetime) -> Iterator[datetime]:
    """The schedule's coming due times: those handed out already, and those to come."""
    if not schedule.is_on:
        return
    live = (job for job in schedule.progress.live if not is_manual(job.id) and not job.begun)
    ahead = sorted(job.due_at for job in live if job.due_at > now and job.cancel is None)
    yield from ahead[:MOST_EACH]
    begin = schedule.progress.next_run_at
    if begin is None:
        return
    left = schedule.runs_left
    most = MOST_EACH - len(ahead) if left is None else min(MOST_EACH - len(ahead), left)
    first = max(begin - datetime.resolution, now)
    yield from islice(occurrences(schedule.definition.recurrence, first, now + AHEAD), max(0, most))


def _event(at: datetime, schedule: Schedule) -> Event:
    from icalendar import Event as Component

    what, made = schedule.definition, Component()
    made.add("uid", f"{job_id(schedule.id, at)}@belfry")
    made.add("dtstamp", schedule.updated_at.astimezone(UTC).replace(microsecond=0))
    made.add("dtstart", at.astimezone(UTC))
    made.add("summary", what.name)
    made.add("description", what.description or f"Runs {what.task_type}.")
    made.add("categories", [what.task_type])
    made.add("transp", "TRANSPARENT")
    return made
