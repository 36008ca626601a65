"""What the task may ask about what was applied. Only types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from shared.tasks import JobContext


class DriftMonitor(Protocol):
    """Looks whether what was applied is still so (`watch`)."""

    def watch(self, job: JobContext) -> Mapping[str, object]:
        """Compare, and tell people of each owner whose schedules drifted, or are again as they were
        applied. Returns a part of the task's result, as a JSON object."""
