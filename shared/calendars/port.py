"""What tasks may ask of the calendars: only types (`service` implements them)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from shared.tasks import JobContext


class CalendarUpkeep(Protocol):
    """The maintenance of calendars."""

    def keep_up(self, job: JobContext) -> Mapping[str, object]:
        """Copy the holidays of years that have come into reach, and finish changes that were
        interrupted. Returns the task's result, as a JSON object."""
