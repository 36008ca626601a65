"""From Azure's triggers to the engine. Knows azure.functions; nothing below does.

A task's timer is one of several clocks: when it wakes, it ticks the task's schedule, and the
engine decides whether anything is due. Waking too often is harmless, so its NCRONTAB may name
more instants than the schedule has (both UTC hours of a local time, for one).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import azure.functions as func

from shared import settings as configuration
from shared.clock import SystemClock
from shared.engine import builtin
from shared.recurrence import ncrontab
from shared.settings import Settings
from shared.storage.names import Names
from shared.tasks import Task

_BY_HAND = timedelta(seconds=30)


def settings() -> Settings:
    """The settings that names and times of triggers are made from, when the app is indexed."""
    return configuration.load()


def names() -> Names:
    """The names of the table and the queues."""
    return Names(settings().prefix)


def timer(task: Task) -> func.Blueprint:
    """The timer function of a task, with the task's name.

    Invoked by hand (`POST /admin/functions/{name}`, when its next firing lies ahead) it runs the
    task now.
    """
    when = builtin.recurrence(task, settings())
    if when is None:
        raise ValueError(f"{task.name} has no time of its own, so it needs no timer")
    blueprint = func.Blueprint()
    year = SystemClock().now().year

    @blueprint.function_name(task.name)
    @blueprint.timer_trigger(
        arg_name="timer", schedule=ncrontab(when, year), run_on_startup=False, use_monitor=True
    )
    def run(timer: func.TimerRequest) -> None:
        from shared.app import app

        now = app().clock.now()
        if by_hand(timer, now):
            app().manager.run_now(task.name, force=True)
        else:
            app().dispatcher.tick_one(task.name, now)
            app().meta.beat(task.name, now)

    return blueprint


def clock(name: str, now: datetime) -> None:
    """One tick of the dispatcher, and every fifth minute a sweep."""
    from shared.app import app

    app().dispatcher.tick(now, name)
    if now.minute % 5 == 0:
        app().dispatcher.sweep(now)


def by_hand(timer: func.TimerRequest, now: datetime) -> bool:
    """Whether a person invoked the timer: it is not past due, and its next firing lies ahead.

    During a firing of its own, `ScheduleStatus.Next` is still that firing: the host writes the
    status afterwards.
    """
    # The base class lacks what every real request has.
    status: dict[str, Any] = getattr(timer, "schedule_status", None) or {}
    planned = status.get("Next")
    if timer.past_due or not planned:
        return False
    at = datetime.fromisoformat(planned)
    return (at if at.tzinfo else at.replace(tzinfo=UTC)) - now > _BY_HAND
