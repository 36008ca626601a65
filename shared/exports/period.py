"""Which span an export is about: a pure function of (what was asked for, due time, zone).

The due time of the occurrence is its "now", so a second attempt, or a run that begins late, is
about the same span. Days and weeks are those of the schedule's zone; a week begins on Monday (ISO
8601).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum

from shared.errors import Invalid
from shared.exports.safe import instant
from shared.recurrence import zone

LONGEST = timedelta(days=400)


class Period(StrEnum):
    """The spans that have a name."""

    LAST_DAYS = "last_days"
    """The last `days` times 24 hours by the clocks of the zone, up to the due time."""
    PREVIOUS_DAY = "previous_day"
    PREVIOUS_WEEK = "previous_week"
    PREVIOUS_MONTH = "previous_month"


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """From `since` on and before `until`."""

    since: datetime
    until: datetime
    timezone: str

    @property
    def words(self) -> str:
        """As people read it, in the zone."""
        where = zone.find(self.timezone)
        first, end = (at.astimezone(where) for at in (self.since, self.until))
        return f"{first:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} ({self.timezone})"


def span(
    period: Period,
    days: int,
    since: datetime | None,
    until: datetime | None,
    due_at: datetime,
    timezone: str,
) -> Span:
    """The span. `since` and `until`, if given, count instead of `period`; neither ends after
    `due_at`. Raises `Invalid` naming `since` if it is empty then, or too long."""
    if since is not None:
        end = due_at if until is None else min(until, due_at)
        if since >= end:
            raise Invalid("since", f"{instant(since)} is not before {instant(end)}")
        if end - since > LONGEST:
            raise Invalid("since", f"a span has {LONGEST.days} days at most; give `until` too")
        return Span(since=since.astimezone(UTC), until=end.astimezone(UTC), timezone=timezone)
    first, last = _named(period, days, due_at.astimezone(zone.find(timezone)))
    return Span(since=first.astimezone(UTC), until=last.astimezone(UTC), timezone=timezone)


def _named(period: Period, days: int, local: datetime) -> tuple[datetime, datetime]:
    today = local.date()
    match period:
        case Period.PREVIOUS_DAY:
            return _midnight(today - timedelta(days=1), local), _midnight(today, local)
        case Period.PREVIOUS_WEEK:
            monday = today - timedelta(days=today.weekday())
            return _midnight(monday - timedelta(days=7), local), _midnight(monday, local)
        case Period.PREVIOUS_MONTH:
            first = today.replace(day=1)
            before = (first - timedelta(days=1)).replace(day=1)
            return _midnight(before, local), _midnight(first, local)
    return local - timedelta(days=days), local  # by the clocks of the zone


def _midnight(day: date, local: datetime) -> datetime:
    return datetime.combine(day, time(), local.tzinfo)
