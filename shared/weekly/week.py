"""Weeks of the report: those of ISO 8601, from Monday to Sunday, in UTC. Pure.

In UTC, since all that is added up by day (the index of jobs, costs, revenues) is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from shared.errors import Invalid

_DAYS = timedelta(days=7)
NAME = r"[0-9]{4}-W[0-9]{2}"


@dataclass(frozen=True, slots=True, order=True)
class Week:
    """A week, by its Monday."""

    monday: date

    @property
    def name(self) -> str:
        """`2026-W48`"""
        year, number, _ = self.monday.isocalendar()
        return f"{year}-W{number:02}"

    @property
    def sunday(self) -> date:
        return self.monday + timedelta(days=6)

    @property
    def since(self) -> datetime:
        return datetime.combine(self.monday, time(), UTC)

    @property
    def until(self) -> datetime:
        """The beginning of the next week."""
        return self.since + _DAYS

    def before(self, weeks: int = 1) -> Week:
        """The week that was so many weeks earlier."""
        return Week(self.monday - weeks * _DAYS)

    @staticmethod
    def over_at(at: datetime) -> Week:
        """The last week that was over at that instant."""
        day = at.astimezone(UTC).date()
        return Week(day - timedelta(days=day.weekday()) - _DAYS)

    @staticmethod
    def parse(text: str) -> Week:
        """The week of such a name. Raises `Invalid` naming `week`."""
        if re.fullmatch(NAME, text) is not None:
            try:
                return Week(date.fromisocalendar(int(text[:4]), int(text[6:]), 1))
            except ValueError:
                pass
        raise Invalid("week", f"{text!r:.20} is no week; give one by ISO 8601, such as 2026-W48")
