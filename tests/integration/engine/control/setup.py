"""An engine for people's orders: tasks that run until they are told to stop, and dead letters."""

from __future__ import annotations

import asyncio
import threading
from datetime import datetime, timedelta
from typing import Any

from local.azurite import Azurite
from shared.schedules.job import Status
from shared.schedules.model import Schedule
from shared.storage.queues.jobs import Message
from shared.tasks import JobContext, Params, Result, Task, task
from tests.integration.engine.conftest import START, Engine, WakingClock, make, tap

BEAT = 5.0
"""Seconds within which a worker learns that a job is to stop."""


class Said(Params):
    """What `says` returns."""

    word: str = "one"


def tasks(entered: threading.Event, left: threading.Event) -> list[Task]:
    @task("heeds", timeout_seconds=3600)
    def heeds(job: JobContext, params: Params) -> Result:
        """Works until it is told to stop."""
        job.log("at it")
        entered.set()
        while True:
            job.stop.wait(20)
            job.check()

    @task("awaits", timeout_seconds=3600)
    async def awaits(job: JobContext, params: Params) -> Result:
        """Awaits what never comes."""
        entered.set()
        try:
            await asyncio.Event().wait()
        finally:
            left.set()
        return {}

    @task("says")
    def says(job: JobContext, params: Said) -> Result:
        """Returns its parameter."""
        return {"word": params.word}

    return [heeds, awaits, says]


class ControlledEngine(Engine):
    """An engine whose workers beat by the test's clock."""

    entered: threading.Event
    left: threading.Event

    def running(self, task_type: str, **changes: object) -> tuple[str, Schedule]:
        """A schedule with a job that is due; its id."""
        made = self.add(task_type, **changes)
        self.later(60)
        found = self.app.table.get(made.id)
        assert found is not None
        return found.progress.live[0].id, made


def controlled(
    azurite: Azurite, prefix: str | None = None, clock: WakingClock | None = None
) -> ControlledEngine:
    entered, left = threading.Event(), threading.Event()
    clock = clock or WakingClock(START + timedelta(seconds=1))
    made = make(azurite, prefix, tasks=tasks(entered, left), clock=clock)
    tap(made)
    one = ControlledEngine(made.app, made.clock, made.calls)
    one.entered, one.left = entered, left
    return one


def seen_at_once(engine: ControlledEngine) -> list[str]:
    """The jobs of the messages sent from now on that are seen without delay."""
    seen: list[str] = []
    send: Any = engine.app.queue.send

    def noted(message: Message, visible_at: datetime, *rest: Any) -> Any:
        if visible_at <= engine.clock.now():
            seen.extend(message.job_ids)
        return send(message, visible_at, *rest)

    engine.app.queue.send = noted  # type: ignore[method-assign, assignment]
    return seen


def failed(engine: ControlledEngine, **changes: object) -> tuple[str, Schedule]:
    job_id, made = engine.running("fails", max_attempts=1, **changes)
    engine.work()
    assert engine.app.manager.job(job_id).status is Status.FAILED
    return job_id, made
