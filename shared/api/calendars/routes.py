"""`/api/v1/calendars`: make, list, read, change, import into, delete; their days; feeds (N8)."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from shared.api import scope
from shared.api.answers import GUARDED, MADE, TAGGED, UNCHANGED, IfStill, Unless, tagged
from shared.api.calendars.shapes import (
    CalendarChange,
    CalendarChanged,
    CalendarList,
    CalendarOut,
    ClosedDays,
    CountryList,
    CountryOut,
    FeedList,
    FeedMade,
    FeedOut,
    ImportIcs,
    NewCalendar,
    NewFeed,
    closed_days,
)
from shared.api.deps import Asking, Provided
from shared.api.fields import formed
from shared.api.idempotency import Once
from shared.api.lists import PAGE_SIZE, Page, PageSize, page_of
from shared.api.places import any_part
from shared.api.query import DayText, day
from shared.calendars.model import NamedCalendar
from shared.calendars.spreading import Changed
from shared.engine.commands.agreed import Agreed
from shared.errors import Invalid

router = APIRouter(prefix="/api/v1/calendars", tags=["calendars"])

_LONGEST = timedelta(days=3 * 366)
_YEAR = timedelta(days=365)


any_part("calendar_id", "countries", "feeds")
_ID = "/{calendar_id:calendar_id}"

_CALENDAR, _FEED = "c[0-9a-f]{12}", "f[0-9a-f]{12}"
CalendarId = Annotated[
    str,
    Path(json_schema_extra={"pattern": f"^{_CALENDAR}$"}),
    formed(_CALENDAR, "it is no id of a calendar; GET /api/v1/calendars lists them"),
]
FeedId = Annotated[
    str,
    Path(json_schema_extra={"pattern": f"^{_FEED}$"}),
    formed(_FEED, "it is no id of a feed; GET /api/v1/calendars/feeds lists them"),
]
_First = Annotated[
    DayText | None,
    Query(
        alias="from",
        description="The first day, such as 2030-12-01. Default: today in UTC.",
        openapi_examples={"a day": {"value": "2030-12-01"}},
    ),
]
_Last = Annotated[
    DayText | None,
    Query(
        alias="to",
        description="The last day; three years later at most. Default: a year later.",
        openapi_examples={"a day": {"value": "2030-12-31"}},
    ),
]


@router.get("/countries")
def list_countries() -> CountryList:
    """The countries whose public holidays are known, with their regions and categories."""
    from shared.calendars.public import countries

    return CountryList(countries=[CountryOut.model_validate(one) for one in countries()])


@router.post("/feeds", status_code=201)
def create_feed(app: Provided, by: Asking, new: NewFeed) -> FeedMade:
    """Make a calendar feed of a project's coming runs. Its path, with the token in it, is shown in
    this answer, and never again. A caller of one project makes it there."""
    made = app().feeds.create(by, new.name, scope.new_project(by, new.project_id))
    return FeedMade.made(made.feed, made.token)


@router.get("/feeds")
def list_feeds(
    app: Provided, by: Asking, page: Page = 1, page_size: PageSize = PAGE_SIZE
) -> FeedList:
    """The calendar feeds, newest first."""
    items, told = page_of(app().feeds.all(by), page, page_size)
    return FeedList(feeds=[FeedOut.model_validate(one) for one in items], **told)


@router.delete("/feeds/{feed_id}", status_code=204, response_class=Response)
def revoke_feed(app: Provided, by: Asking, feed_id: FeedId) -> None:
    """Delete a feed: its token opens nothing from now on."""
    app().feeds.revoke(by, feed_id)


@router.post("", status_code=201, response_model=CalendarOut, responses=MADE)
def create_calendar(app: Provided, by: Asking, once: Once, new: NewCalendar) -> Response:
    """Make a calendar. Schedules name it in `calendars`. A caller of one project makes it there."""
    belfry = app()
    definition = new.definition(scope.new_project(by, new.project_id))

    def make(agreed: Agreed) -> Response:
        made = belfry.calendars.create(by, definition, agreed=agreed)
        return _shown(made, 201, at=f"{router.prefix}/{made.id}")

    return once.answered(belfry, make)


@router.get("")
def list_calendars(
    app: Provided, by: Asking, page: Page = 1, page_size: PageSize = PAGE_SIZE
) -> CalendarList:
    """The calendars of the caller's projects, and those of all projects, by their names."""
    items, told = page_of(app().calendars.all(by), page, page_size)
    return CalendarList(calendars=[CalendarOut.of(one) for one in items], **told)


@router.get(_ID, response_model=CalendarOut, responses=UNCHANGED)
def read_calendar(app: Provided, by: Asking, calendar_id: CalendarId, unless: Unless) -> Response:
    """One calendar."""
    return unless(_shown(app().calendars.get(by, calendar_id)))


@router.patch(_ID, response_model=CalendarChanged, responses=TAGGED | GUARDED)
def change_calendar(
    app: Provided, by: Asking, calendar_id: CalendarId, changes: CalendarChange, still: IfStill
) -> Response:
    """Change what is given. The schedules that name it follow at once: what they are expected to
    run changes from now on, and never before."""
    return _changed(app().calendars.change(by, calendar_id, changes.apply, still=still))


@router.delete(_ID, status_code=204, response_class=Response, responses=GUARDED)
def delete_calendar(app: Provided, by: Asking, calendar_id: CalendarId, still: IfStill) -> None:
    """Delete it. Refused while schedules name it."""
    app().calendars.delete(by, calendar_id, still=still)


@router.post(_ID + "/import", response_model=CalendarChanged, responses=TAGGED | GUARDED)
def import_calendar(
    app: Provided, by: Asking, calendar_id: CalendarId, request: ImportIcs, still: IfStill
) -> Response:
    """Close what an iCalendar file says: its events of whole days close days, others blackouts,
    from this year to the end of the fifth after it. Schedules follow as after a change."""
    return _changed(app().calendars.import_ics(by, calendar_id, request.ics, still=still))


@router.get(_ID + "/days")
def list_closed_days(
    app: Provided, by: Asking, calendar_id: CalendarId, since: _First = None, until: _Last = None
) -> ClosedDays:
    """What is closed on each day, and why."""
    belfry = app()
    found = belfry.calendars.get(by, calendar_id)
    first = day("from", since) if since is not None else belfry.clock.now().date()
    last = day("to", until) if until is not None else _later(first)
    if not first <= last or last - first > _LONGEST:
        raise Invalid("to", f"give a day from {first}, and {_LONGEST.days} days later at most")
    return ClosedDays(
        calendar_id=found.id,
        version=found.version,
        timezone=found.definition.timezone or None,
        days=closed_days(found, first, last),
    )


def _shown(one: NamedCalendar, status: int = 200, *, at: str | None = None) -> Response:
    return tagged(one, CalendarOut.of(one), status, at=at)


def _changed(made: Changed) -> Response:
    plain = CalendarOut.of(made.calendar)
    return tagged(made.calendar, plain, more=CalendarChanged.after(made))


def _later(first: date) -> date:
    return min(first, date.max - _YEAR) + _YEAR
