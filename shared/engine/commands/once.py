"""Runs a task once, with its own parameters, for example to restore a backup.

A job belongs to a schedule, which has the parameters. So a schedule is made for the run. It is off,
never comes due by itself, and has the tag `once`. Its job is in the history like any other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from shared.access import LOCAL, Caller
from shared.clock import Clock
from shared.engine.commands.agreed import Agreed, afresh
from shared.engine.commands.builtin import policy
from shared.engine.commands.schedules import Manager, Requested
from shared.recurrence import Frequency, Recurrence
from shared.schedules.job import job_id
from shared.schedules.listed import ONCE
from shared.schedules.model import Definition
from shared.tasks import Task


def run_once(
    manager: Manager,
    clock: Clock,
    task: Task,
    parameters: Mapping[str, object],
    *,
    name: str,
    send: bool = True,
    insist: bool = False,
    due_at: datetime | None = None,
    project_id: int | None = None,
    agreed: Agreed = afresh,
    by: Caller = LOCAL,
) -> Requested:
    """Request one run of a task; for `send`, `insist` and `due_at` see `Manager.run_now`. `agreed`:
    if the command was given before, it is the run that was requested then.

    Raises `Invalid` naming the parameter that is wrong, and what else the task's check raises.
    """
    definition = Definition(
        name=name,
        description=task.summary,
        task_type=task.name,
        task_parameters=dict(parameters),
        recurrence=Recurrence(frequency=Frequency.ONCE, start_time=clock.now()),
        enabled=False,
        tags={ONCE: ""},
        project_id=project_id,
    )

    def decide() -> Sequence[str]:
        schedule_id = f"s{manager.new_id()}"
        return schedule_id, job_id(schedule_id, due_at or clock.now(), manager.new_id())

    schedule, job = agreed(decide)
    again = agreed is not afresh
    manager.create(
        definition,
        policy(task),
        schedule_id=schedule,
        agreed=(lambda _: [schedule]) if again else afresh,
        by=by,
    )
    return manager.run_now(
        schedule, force=True, send=send, insist=insist, agreed=lambda _: [job], by=by
    )
