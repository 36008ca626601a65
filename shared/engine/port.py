"""What tasks may ask of the engine itself: only types (`housekeeping` implements them)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from shared.tasks import JobContext


class Housekeeping(Protocol):
    """The engine's services to the tasks that maintain Belfry itself.

    Each method returns the task's result, as a JSON object.
    """

    def health(self, job: JobContext) -> Mapping[str, object]:
        """Look for clocks that fell silent, and report them."""

    def cleanup(self, job: JobContext) -> Mapping[str, object]:
        """Turn off schedules past their end (C14)."""

    def keep_index(self, job: JobContext) -> Mapping[str, object]:
        """Bring the indexes of schedules and of jobs up to date."""

    def reconcile(self, job: JobContext) -> Mapping[str, object]:
        """Account for what all schedules were to run lately.

        Raises `Unexplained` if that does not add up.
        """
