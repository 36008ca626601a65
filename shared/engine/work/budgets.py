"""What the engine asks of budgets (`shared.spending`), before a job starts and after it ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from shared.schedules.job import Job
from shared.schedules.model import LiveJob, Schedule


@dataclass(frozen=True, slots=True)
class Over:
    """A budget is used up: the job does not run."""

    reason: str


@dataclass(frozen=True, slots=True)
class Full:
    """What runs now may use up the rest of a budget: ask again when some of it has ended."""


class Budgets(Protocol):
    """The budgets. A job of a schedule without one costs no request."""

    def ask(self, schedule: Schedule, live: LiveJob) -> Over | Full | None:
        """Whether an attempt may start; None: yes, and what it may cost is reserved. Raises
        `Unavailable` or `Refused` if storage fails."""

    def ended(self, jobs: Sequence[Job]) -> None:
        """Count what jobs cost that have ended. Raises nothing: what cannot be counted now is
        counted when the feed of jobs is packed."""
