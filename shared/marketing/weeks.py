"""The weeks and months of a cycle: pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo

WEEKS = 9
"""Weeks whose active owners are counted: the last one, and the eight before."""
MONTHS = 7
"""Months of cohorts, with the present one."""
WEEK = timedelta(days=7)


def week_of(at: datetime) -> date:
    """The Monday of the week of an instant, in UTC: which cycle it belongs to."""
    day = at.astimezone(UTC).date()
    return day - timedelta(days=day.weekday())


def week_days(as_of: datetime, zone: tzinfo) -> list[date]:
    """The Mondays that begin the last weeks in that zone, oldest first, and the one that ends the
    last."""
    today = as_of.astimezone(zone).date()
    end = today - timedelta(days=today.weekday())
    return [end - WEEK * back for back in range(WEEKS, -1, -1)]


def months(as_of: datetime, zone: tzinfo) -> list[date]:
    """The first days of the last months in that zone, oldest first, with the next month's."""
    local = as_of.astimezone(zone)
    count = 12 * local.year + local.month - 1
    return [date(one // 12, one % 12 + 1, 1) for one in range(count - MONTHS + 1, count + 2)]


def instants(days: Sequence[date], zone: tzinfo) -> list[datetime]:
    """When these days begin in that zone."""
    return [datetime.combine(day, time(), zone).astimezone(UTC) for day in days]
