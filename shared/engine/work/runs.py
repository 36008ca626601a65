"""What the engine asks of workflows' runs (`shared.workflows`), whose steps are its jobs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from shared.schedules.job import Job


class Runs(Protocol):
    """The runs. A schedule whose id says so (`schedules.job.run_of`) is a step of one."""

    def end(self, jobs: Sequence[Job]) -> list[Job]:
        """End jobs of steps, each in one transaction with what follows in its run; returns those
        that had not ended before. Raises `Unavailable` or `Refused` if storage fails."""

    def step(self, schedule_id: str) -> None:
        """Hand out what follows the jobs of that schedule's run that ended otherwise; harmless if
        there is nothing to do. Raises like `end`."""
