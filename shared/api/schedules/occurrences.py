"""`/api/v1/schedules/{id}/occurrences`: what was to run, how it ended, and what is to come."""

from __future__ import annotations

from datetime import datetime, timedelta

from fastapi import APIRouter

from shared.api import scope
from shared.api.deps import Asking, Provided
from shared.api.lists import PAGE_SIZE, Page, Paged, PageSize, Since, Until, counts, span
from shared.api.shown import Shown
from shared.api.spans import hold
from shared.schedules.ledger import Span, State

router = APIRouter(prefix="/api/v1/schedules", tags=["schedules"])

_DAY = timedelta(hours=24)
_RESOLUTION = timedelta(microseconds=1)


class OccurrenceOut(Shown):
    """One due time of a schedule, and what became of it."""

    due_at: datetime
    effective_at: datetime
    """When it is to start: its due time and its jitter."""
    state: State
    """`scheduled` (not handed out yet), queued, running; it ends as succeeded, failed, skipped,
    missed or cancelled. `held`: a calendar holds it back; it is not counted in `total`.
    `unexplained`: it was due, but nothing is recorded of it."""
    job_id: str
    """Its job; while it is `scheduled`, the id that its job will have."""
    started_at: datetime | None
    """When its last attempt started."""
    first_started_at: datetime | None
    """When its first attempt started."""
    lateness_seconds: float | None
    """From its effective time to the start of its first attempt."""
    reason: str | None
    """Why it was skipped, missed or cancelled; why a calendar held it back or moved it."""
    calendar: str | None
    """The name of the calendar that held it back, or moved it here."""
    moved_from: list[datetime]
    """When it would have been due without calendars, if it was moved: each run that was moved
    here."""


class OccurrenceList(Paged):
    occurrences: list[OccurrenceOut]


@router.get("/{schedule_id}/occurrences")
def list_occurrences(
    app: Provided,
    by: Asking,
    schedule_id: str,
    since: Since = None,
    until: Until = None,
    page: Page = 1,
    page_size: PageSize = PAGE_SIZE,
) -> OccurrenceList:
    """Occurrences due at or after `from`, and before `to`, oldest first; of a deleted schedule too.

    Instants are ISO 8601 with an offset. Default: from 24 hours ago to 24 hours ahead. Future
    occurrences are listed only as far as `max_runs` allows. Runs that calendars hold back stand
    between them, at most `page_size` on a page, and are not counted. Runs that people asked for are
    no occurrences: see `/api/v1/jobs`. A span has 100,000 at most; of a longer past, ask for one
    span after another.
    """
    belfry = app()
    scope.past_schedule(belfry, by, schedule_id, f"schedule {schedule_id!r}")
    asked = _span(*span(since, until), belfry.clock.now())
    found, total = belfry.ledger.occurrences(schedule_id, asked, page, page_size)
    return OccurrenceList(
        occurrences=[OccurrenceOut.model_validate(one) for one in found],
        **counts(total, page, page_size),
    )


def _span(since: datetime | None, until: datetime | None, now: datetime) -> Span:
    """The span asked for. An end that is not given is a day from the other, or from now."""
    first = since or min(now, until or now) - _DAY
    end = until or max(now, since or now) + _DAY
    hold(first, end, "to" if until is not None else "from")
    return Span(first - _RESOLUTION, end - _RESOLUTION)
