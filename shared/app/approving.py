"""Asks the approvals, which are made when the first critical job starts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from shared.engine.work.gates import Gate
from shared.schedules.model import LiveJob, Schedule
from shared.tasks import Params, Task


@dataclass(frozen=True, slots=True)
class GateOf:
    """The gate that `made` makes."""

    made: Callable[[], Gate]

    def ask(self, schedule: Schedule, live: LiveJob, task: Task, params: Params) -> None:
        """As `Gate.ask`."""
        self.made().ask(schedule, live, task, params)
