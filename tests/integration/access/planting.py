"""What everything of project 1 in the town has in common."""

from __future__ import annotations

from shared.recurrence import Frequency, Recurrence
from shared.schedules.model import Definition, Policy
from tests.integration.engine.conftest import Engine

MARK = "planted7c1"
"""Stands in a text of each object of project 1, and of all that belongs to no project."""


def scheduled(engine: Engine, task: str) -> str:
    """A schedule of project 1 of that task; its id."""
    what = Definition(
        name=f"{MARK} {task}",
        project_id=1,
        description=MARK,
        task_type=task,
        tags={"team": MARK},
        recurrence=Recurrence(frequency=Frequency.INTERVAL, interval_seconds=60),
    )
    return engine.app.manager.create(what, Policy(max_attempts=1)).id
