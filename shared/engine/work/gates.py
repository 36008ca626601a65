"""What the engine asks of approvals (`shared.approvals`) before it runs a task of class C (O5)."""

from __future__ import annotations

from typing import Protocol

from shared.schedules.job import run_of
from shared.schedules.model import LiveJob, Schedule
from shared.tasks import Impact, Params, Task

RAISED = "impact"
"""The tag of a step's schedule that raises the class of its task."""


class Gate(Protocol):
    """Who may let a critical job run."""

    def ask(self, schedule: Schedule, live: LiveJob, task: Task, params: Params) -> None:
        """Return if a person approved just this. Raises `Held` while none did, `Skipped` if it was
        rejected or its time is over, `Unavailable` or `Refused` if storage fails."""


def impact(schedule: Schedule, task: Task) -> Impact:
    """The class of a schedule's jobs: its task's, or the higher one that a step asks for."""
    raised = schedule.definition.tags.get(RAISED) if run_of(schedule.id) is not None else None
    return max(task.impact, Impact(raised)) if raised in ("B", "C") else task.impact


def is_asked_for(schedule: Schedule, task: Task) -> bool:
    """Whether a person must approve its jobs. Those of a system schedule were decided by the code
    and the settings that somebody deployed."""
    return not schedule.configured and impact(schedule, task) is Impact.C
