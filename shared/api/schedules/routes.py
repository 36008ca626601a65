"""`/api/v1/schedules`: create, change, delete, turn on, off, run, retry, list (C4-C8, C10)."""

from __future__ import annotations

from types import SimpleNamespace

from fastapi import APIRouter, Response

from shared.api.deps import Asking, Provided
from shared.api.schedules.shapes import (
    Execute,
    Executed,
    NewSchedule,
    Retried,
    ScheduleChange,
    ScheduleOut,
)
from shared.engine.commands.builtin import policy
from shared.schedules.upcoming import upcoming

router = APIRouter(prefix="/api/v1/schedules", tags=["schedules"])


@router.post("", status_code=201)
def create_schedule(app: Provided, by: Asking, new: NewSchedule) -> ScheduleOut:
    """Create a schedule; it runs from now on."""
    belfry = app()
    task = belfry.registry.get(new.task_type)
    made = belfry.manager.create(new.definition(), new.policy(policy(task)), by=by)
    return ScheduleOut.of(made, belfry.clock.now())


@router.get("/{schedule_id}")
def read_schedule(app: Provided, schedule_id: str) -> ScheduleOut:
    """One schedule."""
    belfry = app()
    return ScheduleOut.of(belfry.manager.get(schedule_id), belfry.clock.now())


@router.patch("/{schedule_id}")
def change_schedule(
    app: Provided, by: Asking, schedule_id: str, changes: ScheduleChange
) -> ScheduleOut:
    """Change what is given; a change of the recurrence computes the next run anew."""
    belfry = app()
    changed = belfry.manager.change(schedule_id, changes.apply, by=by)
    return ScheduleOut.of(changed, belfry.clock.now())


@router.delete("/{schedule_id}", status_code=204, response_class=Response)
def delete_schedule(app: Provided, by: Asking, schedule_id: str) -> None:
    """Delete it; its jobs stay readable."""
    app().manager.delete(schedule_id, by=by)


@router.post("/{schedule_id}/enable")
def enable_schedule(app: Provided, by: Asking, schedule_id: str) -> ScheduleOut:
    """Turn it on; this also ends a pause."""
    belfry = app()
    return ScheduleOut.of(belfry.manager.enable(schedule_id, True, by=by), belfry.clock.now())


@router.post("/{schedule_id}/disable")
def disable_schedule(app: Provided, by: Asking, schedule_id: str) -> ScheduleOut:
    """Turn it off."""
    belfry = app()
    return ScheduleOut.of(belfry.manager.enable(schedule_id, False, by=by), belfry.clock.now())


@router.post("/{schedule_id}/execute", status_code=202)
def execute_schedule(
    app: Provided, by: Asking, schedule_id: str, request: Execute | None = None
) -> Executed:
    """Run it now, or when its present run has ended (with `overlap: allow_all`: always now).

    Without `force` the schedule must be on and due.
    """
    force = request is not None and request.force
    asked = app().manager.run_now(schedule_id, force=force, insist=force, by=by)
    coming = upcoming(asked.schedule, asked.at)
    return Executed.model_validate(SimpleNamespace(asked=asked, coming=coming))


@router.post("/{schedule_id}/retry", status_code=202)
def retry_schedule(app: Provided, by: Asking, schedule_id: str) -> Retried:
    """Run its failed jobs again: those that were not retried yet, the newest 50 at most."""
    job_ids = app().control.retry_failed(schedule_id, by=by)
    return Retried(schedule_id=schedule_id, job_ids=job_ids)
