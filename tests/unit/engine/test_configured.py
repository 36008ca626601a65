"""A task's time by its setting: an expression, or a name for one."""

from __future__ import annotations

import pytest

import functions
from shared.engine.commands import configured
from shared.errors import Misconfigured
from shared.settings import TriggerSettings


def said(expression: str) -> TriggerSettings:
    return TriggerSettings(overrides={"POSTGRES_BACKUP_SCHEDULE": expression})


TASK = next(task for task in functions.tasks() if task.name == "postgres_backup")


@pytest.mark.parametrize(
    ("expression", "wakes"),
    [
        ("@daily", "0 0 0 * * *"),
        ("@weekly", "0 0 0 * * 0"),
        ("30 4 LW * *", "0 30 4 * * *"),
        ("0 2 * * 5L", "0 0 2 * * *"),
    ],
)
def test_a_task_s_time(expression: str, wakes: str) -> None:
    when = configured.recurrence(TASK, said(expression))
    assert when is not None and when.text == expression
    assert configured.wakeups([TASK], said(expression), 2026) == {TASK.name: wakes}


def test_a_name_that_is_none_is_refused_by_the_variable() -> None:
    with pytest.raises(Misconfigured, match="POSTGRES_BACKUP_SCHEDULE: '@reboot' is none of"):
        configured.recurrence(TASK, said("@reboot"))
