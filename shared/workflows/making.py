"""The schedule and the job of a step that is handed out."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from shared.engine.commands.builtin import policy
from shared.engine.work.gates import RAISED
from shared.recurrence import Frequency, Recurrence
from shared.schedules.job import job_id
from shared.schedules.listed import ONCE
from shared.schedules.model import Band, Definition, LiveJob, Overlap, Policy, Progress, Schedule
from shared.tasks import Registry
from shared.workflows.deciding import Start
from shared.workflows.model import WAIT, WAITING, Step
from shared.workflows.names import deadline_id, stop_id
from shared.workflows.state import Run

_YEARS = 10 * 366 * 86_400
"""A step may wait for a worker as long as it takes: it never counts as missed."""
_PATIENT = 20
"""Attempts of what undoes a step, and of what only waits: hosts may die meanwhile."""
_UNDO_DELAY = 3600
_SOON = timedelta(minutes=1)


def schedule_of(run: Run, start: Start, tasks: Registry, now: datetime) -> Schedule:
    """The schedule of a step, with its job waiting."""
    place, step = start.place, start.step
    tags = {ONCE: "", "run": run.id, "step": step.id}
    if step.impact is not None and not place.undo:
        tags[RAISED] = step.impact.value
    item = "" if place.item is None else f" {place.item}"
    name = f"{run.name}: {'undo ' if place.undo else ''}{step.id}{item}"
    definition = Definition(
        name=name[:100],
        description=f"A step of run {run.id}",
        task_type=start.call.task,
        task_parameters=dict(start.call.parameters),
        recurrence=Recurrence(frequency=Frequency.ONCE, start_time=now),
        enabled=False,
        tags=tags,
        project_id=run.project_id,
    )
    rules = _policy(start, tasks)
    return _made(run, place.schedule_id(run.id), definition, rules, now, now)


def deadline_of(run: Run, tasks: Registry, deadline: datetime, now: datetime) -> Schedule:
    """The schedule that waits for the run's deadline."""
    return _watch(run, deadline_id(run.id, run.redone), "deadline", tasks, deadline, now)


def stop_of(run: Run, tasks: Registry, now: datetime) -> Schedule:
    """The schedule that looks after a run that was cancelled, a moment later: whoever cancelled it
    may have been killed before it told the steps under way."""
    return _watch(run, stop_id(run.id, run.redone), "cancelled", tasks, now + _SOON, now)


def _watch(
    run: Run, schedule_id: str, what: str, tasks: Registry, until: datetime, now: datetime
) -> Schedule:
    seconds = (until - now.replace(microsecond=0)) // timedelta(seconds=1)
    definition = Definition(
        name=f"{run.name[:80]}: {what}",
        description=f"Of run {run.id}: {what}",
        task_type=WAIT,
        task_parameters={"seconds": seconds},
        recurrence=Recurrence(frequency=Frequency.ONCE, start_time=now),
        enabled=False,
        tags={ONCE: "", "run": run.id},
        project_id=run.project_id,
    )
    rules = _lasting(policy(tasks.get(WAIT)))
    return _made(run, schedule_id, definition, rules, now, until)


def _made(
    run: Run,
    schedule_id: str,
    definition: Definition,
    rules: Policy,
    now: datetime,
    available_at: datetime,
) -> Schedule:
    due_at = now.replace(microsecond=0)
    live = LiveJob(id=job_id(schedule_id, due_at, "w"), due_at=due_at, available_at=available_at)
    return Schedule(
        id=schedule_id,
        definition=definition,
        policy=rules,
        progress=Progress(live=(live,)),
        created_at=run.started_at,
        updated_at=now,
    )


def _policy(start: Start, tasks: Registry) -> Policy:
    step, rules = start.step, _lasting(policy(tasks.get(start.call.task)))
    if start.place.undo:
        return replace(
            rules,
            max_attempts=max(rules.max_attempts, _PATIENT),
            max_retry_delay_seconds=max(rules.max_retry_delay_seconds, _UNDO_DELAY),
        )
    if step.call.task in WAITING:
        rules = replace(rules, max_attempts=max(rules.max_attempts, _PATIENT))
    return _asked_for(step, rules)


def _asked_for(step: Step, rules: Policy) -> Policy:
    """The policy with what the step says of it."""
    said = step.retry
    return replace(
        rules,
        timeout_seconds=step.timeout_seconds or rules.timeout_seconds,
        max_attempts=said.attempts or rules.max_attempts,
        retry_delay_seconds=_or(said.first_delay_seconds, rules.retry_delay_seconds),
        max_retry_delay_seconds=_or(said.max_delay_seconds, rules.max_retry_delay_seconds),
    )


def _lasting(rules: Policy) -> Policy:
    return replace(rules, misfire_grace_seconds=_YEARS, overlap=Overlap.ALLOW_ALL, band=Band.OFF)


def _or(value: int | None, otherwise: int) -> int:
    return otherwise if value is None else value
