"""What a calendar is: what a person decided, and what was copied for it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Self

from shared.errors import Invalid
from shared.recurrence import Blackout, Calendar, DayOff
from shared.recurrence.calendar import Hours, merged

HORIZON_YEARS = 5
"""Holidays and imported events are explicit up to the end of this many years after the present."""
MOST_DAYS, MOST_BLACKOUTS = 2000, 500


@dataclass(frozen=True, kw_only=True, slots=True)
class Holidays:
    """Which public holidays close a calendar, in the library's words."""

    country: str
    """Two letters, by ISO 3166-1."""
    subdivision: str | None = None
    categories: tuple[str, ...] = ("public",)


@dataclass(frozen=True, kw_only=True, slots=True)
class Definition:
    """What a person decided."""

    name: str
    project_id: int | None = None
    """None: schedules of all projects may name it."""
    description: str = ""
    timezone: str = ""
    """Empty: by the clocks of each schedule's zone."""
    holidays: Holidays | None = None
    days: tuple[DayOff, ...] = ()
    blackouts: tuple[Blackout, ...] = ()
    hours: tuple[Hours, ...] = ()
    """The working hours of the seven weekdays, Monday first; empty: every time is open."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Imported:
    """What an iCalendar file closes."""

    days: tuple[DayOff, ...] = ()
    blackouts: tuple[Blackout, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class NamedCalendar:
    """A calendar as it is stored."""

    id: str
    definition: Definition
    dates: tuple[DayOff, ...] = ()
    """The holidays, copied. An update of the library changes no date that is copied already."""
    dates_to: int = 0
    """The last year of `dates`; 0 without holidays."""
    imported: Imported = Imported()
    imported_at: datetime | None = None
    version: int = 1
    """Grows with each change of what is closed, or of the name."""
    revision: int = 1
    """Grows with each change of what people decided, the description too; not with holidays of
    later years."""
    reached: int = 0
    """The version that every schedule that names it has."""
    deleting: bool = False
    """Somebody is deleting it: no schedule may name it any more."""
    created_at: datetime
    updated_at: datetime
    etag: str = ""

    @property
    def compact(self) -> Calendar:
        """What a recurrence keeps of it. Of two reasons for a day, a person's own comes first."""
        what = self.definition
        found = {one.day: one for one in (*self.dates, *self.imported.days, *what.days)}
        return Calendar(
            id=self.id,
            name=what.name,
            version=self.version,
            timezone=what.timezone,
            days=tuple(found[day] for day in sorted(found)),
            blackouts=merged((*what.blackouts, *self.imported.blackouts)),
            hours=what.hours,
        )

    @property
    def decided(self) -> tuple[object, ...]:
        """What people decided."""
        return self.definition, self.imported, self.imported_at

    def stepped(self, after: Self, now: datetime) -> Self:
        """`after`, which replaces it, with its version, revision and times; itself if nothing
        changes."""
        if after == self:
            return self
        moved = replace(after, version=self.version).compact != self.compact
        return replace(
            after,
            version=self.version + moved,
            revision=self.revision + (after.decided != self.decided),
            updated_at=now,
        )


def checked(calendar: NamedCalendar) -> NamedCalendar:
    """The calendar. Raises `Invalid` if it closes nothing, or everything, or is too large."""
    what, compact = calendar.definition, calendar.compact
    if what.hours and not any(what.hours):
        raise Invalid("working_hours", "no weekday has any, so nothing would ever run; give some")
    if not (what.holidays or compact.days or compact.blackouts or what.hours):
        said = "it closes nothing; give holidays, days, blackouts or working_hours"
        raise Invalid("holidays", said)
    for field, given in (("days", what.days), ("blackouts", what.blackouts)):
        if given and not all(_in_years(one) for one in given):
            raise Invalid(field, "give days in the years 1900 to 9000")
    if len(compact.days) > MOST_DAYS:
        raise Invalid("days", f"{len(compact.days)} days in all; {MOST_DAYS} can be")
    if len(what.blackouts) + len(calendar.imported.blackouts) > MOST_BLACKOUTS:
        raise Invalid("blackouts", f"{MOST_BLACKOUTS} can be, with those that were imported")
    return calendar


def _in_years(one: DayOff | Blackout) -> bool:
    ends = (one.day, one.day) if isinstance(one, DayOff) else (one.begin.date(), one.end.date())
    return date(1900, 1, 1) <= ends[0] and ends[1] <= date(9000, 12, 31)
