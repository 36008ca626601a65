"""When the tasks run, by code and settings (`<TASK>_SCHEDULE`, `_TIMEZONE`, `_ENABLED`).

Each process reads this when it is indexed, before it needs an engine or a storage.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from difflib import get_close_matches
from functools import partial

from shared.errors import Misconfigured
from shared.log import Event, event
from shared.recurrence import InvalidRecurrence, Recurrence, ncrontab, zone
from shared.settings import TriggerSettings, task_settings
from shared.tasks import Registry, Task
from shared.tasks.model import cron_recurrence

_logger = logging.getLogger("belfry.schedules")
_ALIKE = 0.75
"""How similar (difflib) the first part of a variable must be to a task's name to count as meant for
the task. Other software also has variables with these endings."""


def recurrence(task: Task, settings: TriggerSettings) -> Recurrence | None:
    """When the task's system schedule runs, according to code and settings. Raises
    `Misconfigured`."""
    said = settings.override(task.name)
    if said.timezone is None and task.local_time:
        _task_timezone(settings)
        return _recurrence(task, said.cron, settings.task_timezone)
    return _recurrence(task, said.cron, said.timezone)


def _task_timezone(settings: TriggerSettings) -> None:
    """Raises `Misconfigured` if TASK_TIMEZONE is no zone."""
    try:
        zone.find(settings.task_timezone)
    except InvalidRecurrence as error:
        raise Misconfigured(f"TASK_TIMEZONE: {error.message}") from None


def _recurrence(task: Task, cron: str | None, timezone: str | None) -> Recurrence | None:
    default = task.recurrence
    if default is None or (cron is None and timezone is None):
        return default
    try:
        return cron_recurrence(cron or default.cron_expression or "", timezone or default.timezone)
    except InvalidRecurrence as error:
        of_cron, of_zone, _ = task_settings(task.name)
        wrong = of_zone if error.field == "timezone" else of_cron
        raise Misconfigured(f"{wrong}: {error.message}") from None


def problems(tasks: Iterable[Task], settings: TriggerSettings) -> Iterator[str]:
    """What is wrong with the settings of tasks; each text names the variable."""
    yield from _said(partial(_task_timezone, settings))
    for task in tasks:
        cron, timezone, _ = (settings.overrides.get(one) for one in task_settings(task.name))
        for look in (
            partial(settings.override, task.name),
            partial(_recurrence, task, cron, None),
            partial(_recurrence, task, None, timezone),
        ):
            yield from _said(look)


def _said(look: Callable[[], object]) -> Iterator[str]:
    """What is wrong, if that raises."""
    try:
        look()
    except Misconfigured as error:
        yield str(error)


def warn_of_strangers(registry: Registry, settings: TriggerSettings) -> None:
    """Log each variable that seems to be meant for a task, but belongs to none."""
    known = {variable for task in registry for variable in task_settings(task.name)}
    names = [task.name for task in registry]
    for variable in sorted(settings.overrides.keys() - known):
        first, _, end = variable.lower().rpartition("_")
        renamed = registry.find(first)
        near = [renamed.name] if renamed else get_close_matches(first, names, 1, _ALIKE)
        if near:
            meant = f"{near[0]}_{end}".upper()
            event(
                _logger,
                Event.SETTING_UNKNOWN,
                level=logging.WARNING,
                setting=variable,
                did_you_mean=meant,
            )


def wakeups(tasks: Iterable[Task], settings: TriggerSettings, year: int) -> dict[str, str]:
    """The NCRONTAB expression of each timer, by its task's name."""
    found = ((task.name, recurrence(task, settings)) for task in tasks)
    return {name: ncrontab(when, year) for name, when in found if when is not None}
