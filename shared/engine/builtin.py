"""System schedules: one for each task that has a time of its own, with the task's name as its id.

Code gives the default time, settings may change it (`<TASK>_SCHEDULE`, `_TIMEZONE`, `_ENABLED`),
and so may the API; the last change wins. What code and settings said is kept with the schedule,
so that a deployment which says the same as before leaves a change made through the API alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, replace

from shared.engine.manage import Manager
from shared.errors import Conflict, Misconfigured
from shared.recurrence import InvalidRecurrence, Recurrence, ncrontab
from shared.schedules.model import Definition, Policy, Schedule
from shared.settings import Settings, TriggerSettings
from shared.storage.schedules import ScheduleTable
from shared.tasks import Task
from shared.tasks.model import cron_recurrence


def recurrence(task: Task, settings: TriggerSettings) -> Recurrence | None:
    """When the task's system schedule runs, by code and settings. Raises `Misconfigured`."""
    said = settings.override(task.name)
    default = task.recurrence
    if default is None or (said.cron is None and said.timezone is None):
        return default
    expression = said.cron or default.cron_expression or ""
    try:
        return cron_recurrence(expression, said.timezone or default.timezone)
    except InvalidRecurrence as error:
        end = "TIMEZONE" if error.field == "timezone" else "SCHEDULE"
        raise Misconfigured(f"{task.name.upper()}_{end}: {error.message}") from None


def wakeups(tasks: Iterable[Task], settings: TriggerSettings, year: int) -> dict[str, str]:
    """The NCRONTAB expression of each timer, by its task's name."""
    found = ((task.name, recurrence(task, settings)) for task in tasks)
    return {name: ncrontab(when, year) for name, when in found if when is not None}


def policy(task: Task) -> Policy:
    """The policy that a task asks for."""
    return Policy(
        misfire_grace_seconds=task.misfire_grace_seconds,
        timeout_seconds=task.timeout_seconds,
        max_attempts=task.retry.attempts,
        retry_delay_seconds=task.retry.first_delay_seconds,
        max_retry_delay_seconds=task.retry.max_delay_seconds,
    )


def ensure(
    task: Task,
    settings: Settings,
    table: ScheduleTable,
    manager: Manager,
    *,
    change: bool = True,
) -> None:
    """Create the task's system schedule if it is missing.

    One that is there is brought up to what code and settings newly say, if `change`.
    """
    when = recurrence(task, settings)
    if when is None:
        return
    enabled = settings.override(task.name).enabled
    configured = _fingerprint(task, when, enabled)
    present = table.get(task.name)
    if present is None:
        definition = Definition(
            name=task.name,
            description=task.summary,
            task_type=task.name,
            recurrence=when,
            enabled=enabled is not False,
            tags=("system",),
        )
        try:
            manager.create(definition, policy(task), schedule_id=task.name, configured=configured)
        except Conflict:
            return  # another instance that starts at the same time was faster
    elif change and present.configured != configured and present.deleted_at is None:
        manager.change(task.name, lambda one: _configure(one, task, when, enabled, configured))


def _configure(
    schedule: Schedule, task: Task, when: Recurrence, enabled: bool | None, configured: str
) -> Schedule:
    on = schedule.definition.enabled if enabled is None else enabled
    definition = replace(schedule.definition, recurrence=when, enabled=on)
    return replace(schedule, definition=definition, policy=policy(task), configured=configured)


def _fingerprint(task: Task, when: Recurrence, enabled: bool | None) -> str:
    said = {"cron": when.cron_expression, "timezone": when.timezone, "enabled": enabled}
    return json.dumps(said | asdict(policy(task)), sort_keys=True)
