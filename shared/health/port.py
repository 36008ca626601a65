"""What tasks may ask about the health of schedules. Only types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from shared.tasks import JobContext


class ScheduleMonitor(Protocol):
    """Looks after the schedules (`monitor`)."""

    def watch(self, job: JobContext) -> Mapping[str, object]:
        """Examine what changed, and tell people of schedules that are not well, or are again.
        Returns the task's result, as a JSON object."""
