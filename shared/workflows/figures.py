"""How many runs there were, and how many failed: for alerts and the weekly report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from shared.workflows.listing import ENDED_KINDS, RunRoll
from shared.workflows.state import RunStatus

_FAILED = frozenset({RunStatus.FAILED.value, RunStatus.COMPENSATION_FAILED.value})


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures (`alerts.port.WorkflowRuns`, `weekly.port.WorkflowFigures`), of all projects. A
    run belongs to the time in which it was started."""

    roll: RunRoll

    def runs(self, since: datetime, until: datetime) -> tuple[int, int]:
        """(how many of the runs that began in that time have ended, how many of them failed)."""
        ended = self.roll.count(None, ENDED_KINDS, since, until)
        return ended, self.roll.count(None, _FAILED, since, until)

    def week(self, since: datetime, until: datetime) -> Mapping[str, int]:
        """How many began (`started`), and of these `ended` and `failed`."""
        ended, failed = self.runs(since, until)
        return {
            "started": self.roll.count(None, None, since, until),
            "ended": ended,
            "failed": failed,
        }
