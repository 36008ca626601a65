"""Calls the function of an attempt's task: checks the parameters, and makes the context."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine
from typing import Any

from shared.clock import Clock
from shared.engine.work.attempt import Attempt
from shared.engine.work.gates import Gate, is_asked_for
from shared.errors import Refused, TimedOut
from shared.schedules.job import run_of
from shared.tasks import (
    Impact,
    JobContext,
    Params,
    Proposed,
    Registry,
    Result,
    Services,
    Task,
    running,
)
from shared.text import clean, depth

_RESULT_LIMIT = 30_000
"""The longest result, in characters of JSON in ASCII, as it is stored."""
_DEPTH_LIMIT = 100
"""Levels of lists and objects; pydantic, which writes the result for a reader, takes 255."""


class Executor:
    """Calls tasks; returns what the task returned, as it reads back from JSON."""

    def __init__(
        self,
        registry: Registry,
        services: Services,
        clock: Clock,
        gate: Gate,
    ) -> None:
        self._registry = registry
        self._services = services
        self._clock = clock
        self._gate = gate

    def __call__(self, attempt: Attempt) -> Result | Coroutine[Any, Any, Result]:
        schedule, live = attempt.schedule, attempt.live
        task = self._registry.get(schedule.definition.task_type)
        what = schedule.definition
        params = task.parse(what.task_parameters)
        if run_of(schedule.id) is not None:  # computed when it was handed out, and never checked
            proposed = Proposed(new=what.task_parameters.keys(), project_id=what.project_id)
            task.fits(self._services, what.task_parameters, proposed)
        if is_asked_for(schedule, task):
            self._gate.ask(schedule, live, task, params)
        context = JobContext(
            job_id=live.id,
            schedule_id=schedule.id,
            schedule_name=schedule.definition.name,
            project_id=schedule.definition.project_id,
            due_at=live.due_at,
            attempt=live.attempt,
            clock=self._clock,
            log=attempt.log,
            progress=attempt.progress,
            forced=live.forced,
            stop=attempt.stop,
        )
        with running.as_task(task.name):
            returned = task.call(context, params, self._services)
        if isinstance(returned, Coroutine):
            return _awaited(task.name, returned)
        return _checked(task.name, returned)

    def rehearse(self, task: Task, params: Params, context: JobContext) -> Result:
        """What a dry run of the task returns; `context` says that it is one. It is no job, so
        nothing keeps its timeout, and nothing of it is stored."""
        returned = task.call(context, params, self._services)
        if isinstance(returned, Coroutine):
            return asyncio.run(_awaited(task.name, returned))
        return _checked(task.name, returned)

    def within(self, task: Task, params: Params, context: JobContext, seconds: float) -> Result:
        """What the task returns, called within another job's attempt, which keeps its time: a
        coroutine is cancelled after `seconds`, and raises `TimedOut`; a plain function is told by
        `context.stop`. Raises `Refused` for a critical task: a person approves jobs, and this would
        be a way around it."""
        if task.impact is Impact.C:
            raise Refused("approvals", f"{task.name} is critical; only a job of its own may run it")
        with running.as_task(task.name):
            returned = task.call(context, params, self._services)
        if isinstance(returned, Coroutine):
            return asyncio.run(_in_time(task.name, returned, seconds))
        return _checked(task.name, returned)


async def _in_time(name: str, work: Coroutine[Any, Any, Result], seconds: float) -> Result:
    try:
        return await asyncio.wait_for(_awaited(name, work), seconds)
    except TimeoutError:
        raise TimedOut(f"{name} ran longer than {seconds:g} s") from None


async def _awaited(name: str, work: Coroutine[Any, Any, Result]) -> Result:
    with running.as_task(name):
        return _checked(name, await work)


def _checked(task_name: str, result: Result) -> Result:
    """The result, as it reads back from JSON. Raises `ValueError` if it cannot be stored."""
    text = json.dumps(dict(result), default=str, ensure_ascii=False)
    checked: dict[str, object] = json.loads(clean(text))
    size = len(json.dumps(checked))
    if size > _RESULT_LIMIT:
        raise ValueError(f"{task_name} returned {size} characters; {_RESULT_LIMIT} are kept")
    if depth(checked) > _DEPTH_LIMIT:
        raise ValueError(f"{task_name} returned a result more than {_DEPTH_LIMIT} levels deep")
    return checked
