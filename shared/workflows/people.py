"""Who has to do with a run, and until when it may last: what approvals must know of a step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from shared.schedules.job import run_of
from shared.workflows.state import Run
from shared.workflows.store import RunStore


@dataclass(frozen=True, slots=True)
class People:
    """What is known, by the schedule of a step. Raises `Unavailable` or `Refused` if storage
    fails."""

    runs: RunStore
    behind: Callable[[str], frozenset[str]]
    """On whose behalf a job of a schedule runs."""

    def askers(self, schedule_id: str) -> frozenset[str]:
        """Who started the run and the runs above it, or began them anew, and who changed their
        definitions last; if a schedule's job runs the first of them, on whose behalf that does:
        none of them may approve what they do."""
        above = self._above(schedule_id)
        found = {name for run in above for name in (run.requested_by, run.saved_by, *run.redone_by)}
        if above and above[-1].parent:
            found |= self.behind(above[-1].parent)
        return frozenset(found - {""})

    def deadline(self, schedule_id: str) -> datetime | None:
        """Until when the run may last, and the runs above it; None for no limit."""
        known = (run.deadline for run in self._above(schedule_id))
        return min((one for one in known if one is not None), default=None)

    def _above(self, schedule_id: str) -> list[Run]:
        """The run of the step, then the one whose step it is, and so on."""
        found: list[Run] = []
        run_id = run_of(schedule_id)
        while run_id is not None and (run := self.runs.get(run_id)) is not None:
            found.append(run)
            run_id = run_of(run.parent.partition("-")[0]) if run.parent else None
        return found
