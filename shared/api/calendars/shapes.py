"""What the API takes and returns for calendars and feeds."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from itertools import pairwise
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from shared.api.fields import Input, Name, ProjectId, Zone, formed
from shared.api.lists import Paged
from shared.api.shown import Shown
from shared.calendars.model import Definition, Holidays, NamedCalendar
from shared.calendars.rows import Feed
from shared.calendars.spreading import Changed
from shared.recurrence import Blackout, DayOff
from shared.recurrence.calendar import Hours

_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-(?:([01]\d|2[0-3]):([0-5]\d)|(24):(00))", re.ASCII)
_LOCAL = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?", re.ASCII)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


def _day(value: object) -> object:
    if not (isinstance(value, str) and _DAY.fullmatch(value)):
        raise ValueError("give a day, such as 2030-12-24")
    return value


def _local(value: object) -> object:
    if not (isinstance(value, str) and _LOCAL.fullmatch(value)):
        raise ValueError("give a local time without an offset, such as 2030-12-24T18:00")
    return value


def _hours(spans: list[str]) -> list[str]:
    _minutes(spans)
    return spans


Day = Annotated[date, BeforeValidator(_day), WithJsonSchema({"type": "string", "format": "date"})]
Local = Annotated[
    datetime,
    BeforeValidator(_local),
    WithJsonSchema({"type": "string", "pattern": f"^{_LOCAL.pattern}$"}),
]
Spans = Annotated[
    list[
        Annotated[
            str,
            Field(max_length=11, json_schema_extra={"pattern": f"^{_HOURS.pattern}$"}),
            formed(_HOURS.pattern, "give hours such as 09:00-17:30, or 00:00-24:00"),
        ]
    ],
    Field(max_length=10),
    AfterValidator(_hours),
]


class HolidaysIn(Input):
    """Public holidays, by the library `holidays`."""

    country: str = Field(min_length=1, max_length=60)
    """Two letters by ISO 3166-1; `GET /api/v1/calendars/countries` lists them."""
    subdivision: str | None = Field(default=None, max_length=60)
    """A region's code, or its name."""
    categories: list[Annotated[str, Field(max_length=40)]] = Field(
        default=["public"], min_length=1, max_length=20
    )


class DayIn(Input):
    """A closed day."""

    day: Day
    reason: Name = "closed"


class BlackoutIn(Input):
    """A closed span of local time."""

    begin: Local
    end: Local
    """Not closed any more."""
    reason: Name = "blackout"

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.end <= self.begin:
            raise ValueError("end is not later than begin")
        return self


class WorkingHours(Input):
    """The open spans of each weekday, such as `09:00-17:00`; a weekday without any is closed."""

    monday: Spans = Field(default_factory=list)
    tuesday: Spans = Field(default_factory=list)
    wednesday: Spans = Field(default_factory=list)
    thursday: Spans = Field(default_factory=list)
    friday: Spans = Field(default_factory=list)
    saturday: Spans = Field(default_factory=list)
    sunday: Spans = Field(default_factory=list)

    def hours(self) -> tuple[Hours, ...]:
        return tuple(_minutes(getattr(self, weekday)) for weekday in _WEEKDAYS)


class _Fields(Input):
    description: str | None = Field(default=None, max_length=2000)
    timezone: Zone | None = None
    """The zone whose clocks it is read by. Default: that of each schedule."""
    holidays: HolidaysIn | None = None
    """Copied into explicit dates for this year and the next five."""
    days: list[DayIn] | None = Field(default=None, max_length=1000)
    blackouts: list[BlackoutIn] | None = Field(default=None, max_length=500)
    working_hours: WorkingHours | None = None
    """Runs outside them are held back. Default: every time is open."""

    def given(self) -> dict[str, Any]:
        """The fields of a `Definition` that are given."""
        made: dict[str, Any] = {}
        named = self.model_fields_set
        if self.description is not None:
            made["description"] = self.description
        if "timezone" in named:
            made["timezone"] = self.timezone or ""
        if "holidays" in named:
            made["holidays"] = self.holidays and _holidays(self.holidays)
        if "working_hours" in named:
            made["hours"] = self.working_hours.hours() if self.working_hours else ()
        if "days" in named:
            found = {one.day: DayOff(one.day, one.reason) for one in self.days or ()}
            made["days"] = tuple(found[day] for day in sorted(found))
        if "blackouts" in named:
            spans = [Blackout(one.begin, one.end, one.reason) for one in self.blackouts or ()]
            made["blackouts"] = tuple(sorted(spans, key=lambda one: (one.begin, one.end)))
        return made


class NewCalendar(_Fields):
    """A calendar to be made."""

    name: Name
    project_id: ProjectId | None = None
    """Default: schedules of all projects may name it."""

    def definition(self, project_id: int | None) -> Definition:
        return Definition(name=self.name, project_id=project_id, **self.given())


class CalendarChange(_Fields):
    """What is to change; what is left out stays. Null clears timezone, holidays, days, blackouts
    and working_hours; a list takes the place of the one before."""

    name: Name | None = None

    def apply(self, calendar: NamedCalendar) -> NamedCalendar:
        given = self.given() | ({} if self.name is None else {"name": self.name})
        return replace(calendar, definition=replace(calendar.definition, **given))


class ImportIcs(Input):
    """An iCalendar file (RFC 5545)."""

    ics: str = Field(min_length=1, max_length=900_000)
    """Its text. It takes the place of what was imported before."""


class HolidaysOut(Shown):
    country: str
    subdivision: str | None
    categories: list[str]


class ClosedDayOut(Shown):
    day: date
    reason: str


class BlackoutOut(Shown):
    begin: str
    """By local clocks."""
    end: str
    reason: str


class CalendarOut(Shown):
    """A calendar."""

    id: str
    name: str
    project_id: int | None
    description: str
    timezone: str | None
    holidays: HolidaysOut | None
    holidays_until: date | None
    """The last day up to which holidays are explicit; `calendar_upkeep` goes on."""
    days: list[ClosedDayOut]
    """A person's own; `GET .../days` has all."""
    blackouts: list[BlackoutOut]
    working_hours: dict[str, list[str]] | None
    imported_days: int
    imported_blackouts: int
    imported_at: datetime | None
    version: int
    """Grows with each change of what is closed."""
    pending: bool
    """Some schedules that name it may not have its present version yet."""
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, calendar: NamedCalendar) -> Self:
        what = calendar.definition
        return cls(
            id=calendar.id,
            name=what.name,
            project_id=what.project_id,
            description=what.description,
            timezone=what.timezone or None,
            holidays=what.holidays and HolidaysOut.model_validate(what.holidays),
            holidays_until=date(calendar.dates_to, 12, 31) if calendar.dates_to else None,
            days=[ClosedDayOut.model_validate(one) for one in what.days],
            blackouts=[_blackout_out(one) for one in what.blackouts],
            working_hours=_working_hours(what.hours),
            imported_days=len(calendar.imported.days),
            imported_blackouts=len(calendar.imported.blackouts),
            imported_at=calendar.imported_at,
            version=calendar.version,
            pending=calendar.reached != calendar.version,
            created_at=calendar.created_at,
            updated_at=calendar.updated_at,
        )


class CalendarChanged(CalendarOut):
    """A calendar that was changed, and the schedules that follow it."""

    schedules_changed: list[str] = Field(default_factory=list)
    """The ids of the schedules whose next runs were computed anew."""
    schedules_behind: list[str] = Field(default_factory=list)
    """Those that could not be changed now; `calendar_upkeep` tries again."""

    @classmethod
    def after(cls, made: Changed) -> Self:
        found = cls.of(made.calendar)
        found.schedules_changed = list(made.schedules)
        found.schedules_behind = list(made.behind)
        return found


class CalendarList(Paged):
    calendars: list[CalendarOut]


class ClosedDay(Shown):
    """What is closed on a day."""

    day: date
    whole: bool
    """The whole day; else the blackout from `begin` to `end`, by local clocks."""
    begin: str | None
    end: str | None
    reason: str


class ClosedDays(Shown):
    calendar_id: str
    version: int
    timezone: str | None
    days: list[ClosedDay]
    """In order. Working hours are left out, unless a weekday has none."""


class CountryOut(Shown):
    code: str
    name: str
    subdivisions: list[str]
    categories: list[str]


class CountryList(Shown):
    countries: list[CountryOut]


class NewFeed(Input):
    """A calendar feed to be made."""

    name: Name
    project_id: ProjectId | None = None
    """Whose coming runs it shows. Default: those of all projects."""


class FeedOut(Shown):
    """A calendar feed."""

    id: str
    name: str
    project_id: int | None
    created_at: datetime
    created_by: str


class FeedMade(FeedOut):
    """A feed that was made."""

    path: str
    """Where a calendar program reads it. The token in it is shown here only."""

    @classmethod
    def made(cls, feed: Feed, token: str) -> Self:
        shown = FeedOut.model_validate(feed).model_dump()
        return cls(**shown, path=f"/api/v1/calendar.ics?token={token}")


class FeedList(Paged):
    feeds: list[FeedOut]


def closed_days(calendar: NamedCalendar, first: date, last: date) -> list[ClosedDay]:
    """What a calendar closes on the days from `first` to `last`."""
    compact = calendar.compact
    found: list[ClosedDay] = []
    for number in range(first.toordinal(), last.toordinal() + 1):
        day = date.fromordinal(number)
        if (off := compact.day_off(day)) is not None:
            found.append(ClosedDay(day=day, whole=True, begin=None, end=None, reason=off))
            continue
        for one in compact.blackouts if compact.touches(day) else ():
            if one.begin.date() <= day and one.end > datetime.combine(day, datetime.min.time()):
                span = _blackout_out(one)
                found.append(ClosedDay(day=day, whole=False, **span.model_dump()))
    return found


def _holidays(given: HolidaysIn) -> Holidays:
    return Holidays(
        country=given.country,
        subdivision=given.subdivision,
        categories=tuple(given.categories),
    )


def _blackout_out(one: Blackout) -> BlackoutOut:
    return BlackoutOut(begin=one.begin.isoformat(), end=one.end.isoformat(), reason=one.reason)


def _minutes(spans: Sequence[str]) -> Hours:
    """The spans in minutes, in order. Raises `ValueError`."""
    made: list[tuple[int, int]] = []
    for text in spans:
        found = _HOURS.fullmatch(text)
        if found is None:
            raise ValueError(f"{text!r:.20}: give a span such as 09:00-17:00")
        first, last = _minute(text[:5]), _minute(text[6:])
        if first >= last:
            raise ValueError(f"{text}: it ends before it begins; write two spans around midnight")
        made.append((first, last))
    made.sort()
    for before, after in pairwise(made):
        if after[0] < before[1]:
            raise ValueError("two of its spans overlap")
    return tuple(made)


def _minute(text: str) -> int:
    return 60 * int(text[:2]) + int(text[3:])


def _working_hours(hours: Sequence[Hours]) -> Mapping[str, list[str]] | None:
    if not hours:
        return None
    return {
        weekday: [f"{_clock(first)}-{_clock(last)}" for first, last in spans]
        for weekday, spans in zip(_WEEKDAYS, hours, strict=True)
    }


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"
