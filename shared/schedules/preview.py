"""The runs that a recurrence has to come, with what calendars, jitter and clocks do to them (N6).

Nothing of it is stored, and nothing is read: it follows from the schedule and an instant alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from shared.recurrence import count_runs, occurrences
from shared.recurrence import zone as zones
from shared.schedules.clock_changes import ClockChange, met
from shared.schedules.job import is_manual, job_id
from shared.schedules.ledger import Occurrence, Span, State, with_calendars
from shared.schedules.model import Schedule, Version
from shared.schedules.plan import jitter_of

MOST = 500
"""The most runs of one preview, and the most that calendars hold back beside them."""
_YEAR = timedelta(days=366)
_LOOK = timedelta(days=2 * 366)
"""How far one looks for runs that are held back, where no run follows."""


@dataclass(frozen=True, slots=True)
class Coming:
    """A run to come, or one that a calendar holds back."""

    occurrence: Occurrence
    local: datetime
    """When it is due, by the clocks of the zone: aware."""
    change: ClockChange | None
    """What a change of clocks does to it."""
    jitter_known: bool
    """Whether its effective time is known: jitter follows from the id, which a schedule gets when
    it is made."""


def coming(schedule: Schedule, since: datetime, count: int) -> list[Coming]:
    """The first `count` runs due at `since` or later, as `max_runs` allows, and between them those
    that calendars hold back. A schedule without an id is one that was not made yet. It need not be
    on."""
    recurrence = schedule.definition.recurrence
    after = since - datetime.resolution
    count = min(count, MOST, _left(schedule, after))
    end = since + 400 * _YEAR if since.year < 8500 else since + _YEAR
    due = list(islice(occurrences(recurrence, after, end), count))
    until = due[-1] if due else since + _LOOK
    found = [_occurrence(schedule, at) for at in due]
    version = Version(
        schedule_id=schedule.id, revision=0, since=after, recurrence=recurrence, reason="preview"
    )
    if recurrence.calendar is not None and count:
        found = with_calendars(schedule.id, [version], Span(after, until), found, count)
    return _shown(schedule, after, found)


def _left(schedule: Schedule, after: datetime) -> int:
    """How many runs `max_runs` leaves later than `after`."""
    left = schedule.runs_left
    if left is None:
        return MOST
    live = schedule.progress.live
    waiting = sum(one.due_at > after and not is_manual(one.id) for one in live)
    upcoming = schedule.progress.next_run_at
    if upcoming is None or upcoming > after:
        return left + waiting
    begun = count_runs(schedule.definition.recurrence, upcoming - datetime.resolution, after)
    return max(0, left - begun)


def _occurrence(schedule: Schedule, at: datetime) -> Occurrence:
    name = job_id(schedule.id, at)
    jitter = jitter_of(schedule, name) if schedule.id else 0
    return Occurrence(
        due_at=at,
        effective_at=at + timedelta(seconds=jitter),
        state=State.SCHEDULED,
        job_id=name,
    )


def _shown(schedule: Schedule, after: datetime, found: Sequence[Occurrence]) -> list[Coming]:
    recurrence = schedule.definition.recurrence
    zone = zones.find(recurrence.timezone)
    known = bool(schedule.id) or not schedule.policy.jitter_seconds
    shown, before = [], after
    for one in found:
        stays = one.state is State.SCHEDULED and not one.moved_from
        change = met(recurrence, before, one.due_at) if stays else None
        shown.append(Coming(one, one.due_at.astimezone(zone), change, known))
        before = one.due_at
    return shown
