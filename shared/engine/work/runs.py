"""What the engine asks of workflows' runs (`shared.workflows`), whose steps are its jobs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from shared.schedules.job import Job
from shared.schedules.model import Schedule


class Hands(Protocol):
    """Whoever ended a step, and may go on with the next at once: a batch of the worker."""

    def lease(self, schedule: Schedule) -> Schedule | None:
        """The schedule with its only job leased by this process; None if the job cannot start here
        now, and a message is to be sent for it."""

    def guarding(self, made: Sequence[Schedule]) -> Callable[[], None]:
        """Send the guard of these jobs, while their leases are committed. What is returned waits
        until it is sent."""

    def begin(self, schedule: Schedule) -> None:
        """Begin the job whose lease was committed."""


class Runs(Protocol):
    """The runs. A schedule whose id says so (`schedules.job.run_of`) is a step of one."""

    def end(self, jobs: Sequence[Job], hands: Hands | None = None) -> list[Job]:
        """End jobs of steps, each in one transaction with what follows in its run; returns those
        that had not ended before. What follows is begun by `hands`, as far as they can. Raises
        `Unavailable` or `Refused` if storage fails."""

    def step(self, schedule_id: str) -> None:
        """Hand out what follows the jobs of that schedule's run that ended otherwise; harmless if
        there is nothing to do. Raises like `end`."""
