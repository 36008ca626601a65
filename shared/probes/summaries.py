"""(the sums of days and hours, now) -> uptime and percentiles of the spans that people ask for.
Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta

from shared.probes.pages import SPANS
from shared.probes.rows import Day
from shared.probes.tallies import Tally, total

LONGEST = 90
"""Days."""


def first_day(now: datetime) -> date:
    """The first day that the longest span needs."""
    return now.astimezone(UTC).date() - timedelta(days=LONGEST - 1)


def spans(days: Sequence[Day], recent: Sequence[Day], now: datetime) -> Mapping[str, Tally]:
    """The sums of each span, by its name. `recent`: yesterday and today, with their hours."""
    today = now.astimezone(UTC).date()
    found = {
        name: total(one.total for one in days if one.day > today - timedelta(days=long.days))
        for name, long in SPANS.items()
        if long.days > 1
    }
    return {"24h": _last_hours(recent, now), **found}


def each_day(days: Sequence[Day], now: datetime) -> tuple[tuple[date, float | None], ...]:
    """The uptime of each day of the longest span, oldest first."""
    known = {one.day: one.total.uptime for one in days}
    first = first_day(now)
    each = (first + timedelta(days=number) for number in range(LONGEST))
    return tuple((day, known.get(day)) for day in each)


def series(days: Sequence[Day], *, hours: bool) -> list[tuple[datetime, Tally]]:
    """(when it begins, its sums) of each hour or day that has results, in order."""
    found = []
    for one in days:
        begins = datetime(one.day.year, one.day.month, one.day.day, tzinfo=UTC)
        if hours:
            each = sorted(one.hours.items())
            found += [(begins + timedelta(hours=hour), tally) for hour, tally in each]
        else:
            found.append((begins, one.total))
    return found


def _last_hours(days: Sequence[Day], now: datetime) -> Tally:
    """Of the hour that is now, and the 23 before."""
    this = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    first = this - timedelta(hours=23)
    return total(tally for at, tally in series(days, hours=True) if first <= at <= this)
