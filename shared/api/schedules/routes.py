"""`/api/v1/schedules`: create, change, delete, turn on, off, run, retry, list (C4-C8, C10)."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

from fastapi import APIRouter, Response

from shared.api import scope
from shared.api.deps import Asking, Provided
from shared.api.schedules.shapes import (
    Execute,
    Executed,
    NewSchedule,
    Retried,
    ScheduleChange,
    ScheduleOut,
    definition_observing,
    observes,
    observing,
)
from shared.engine.commands.builtin import policy
from shared.schedules.model import Schedule
from shared.schedules.upcoming import upcoming

router = APIRouter(prefix="/api/v1/schedules", tags=["schedules"])


@router.post("", status_code=201)
def create_schedule(app: Provided, by: Asking, new: NewSchedule) -> ScheduleOut:
    """Create a schedule; it runs from now on. A caller of one project makes it there."""
    belfry = app()
    task = belfry.registry.get(new.task_type)
    scope.may_use(belfry, by, new.task_type)
    project_id = scope.new_project(by, new.project_id)
    definition = replace(new.definition(), project_id=project_id)
    if (named := observes(new, None)) is not None:
        observance = belfry.calendars.observance(*named, project_id)
        definition = definition_observing(definition, observance)
    made = belfry.manager.create(definition, new.policy(policy(task)), by=by)
    made = belfry.calendars.refreshed(made, by)
    return ScheduleOut.of(made, belfry.clock.now())


@router.get("/{schedule_id}")
def read_schedule(app: Provided, by: Asking, schedule_id: str) -> ScheduleOut:
    """One schedule."""
    belfry = app()
    return ScheduleOut.of(scope.schedule(belfry, by, schedule_id), belfry.clock.now())


@router.patch("/{schedule_id}")
def change_schedule(
    app: Provided, by: Asking, schedule_id: str, changes: ScheduleChange
) -> ScheduleOut:
    """Change what is given; a change of the recurrence computes the next run anew."""
    belfry = app()
    present = scope.own_schedule(belfry, by, schedule_id)
    if changes.task_parameters is not None:
        scope.may_use(belfry, by, present.definition.task_type)
    what = present.definition
    named = observes(changes, what.recurrence.calendar)
    found = None if named is None else belfry.calendars.observance(*named, what.project_id)

    def step(schedule: Schedule) -> Schedule:
        changed = changes.apply(schedule)
        return changed if named is None else observing(changed, found)

    changed = belfry.manager.change(schedule_id, step, by=by)
    changed = belfry.calendars.refreshed(changed, by)
    return ScheduleOut.of(changed, belfry.clock.now())


@router.delete("/{schedule_id}", status_code=204, response_class=Response)
def delete_schedule(app: Provided, by: Asking, schedule_id: str) -> None:
    """Delete it; its jobs stay readable."""
    belfry = app()
    if by.projects is not None:  # else one that cannot be read can be deleted as well
        scope.schedule(belfry, by, schedule_id)
    belfry.manager.delete(schedule_id, by=by)


@router.post("/{schedule_id}/enable")
def enable_schedule(app: Provided, by: Asking, schedule_id: str) -> ScheduleOut:
    """Turn it on; this also ends a pause."""
    belfry = app()
    scope.own_schedule(belfry, by, schedule_id)
    return ScheduleOut.of(belfry.manager.enable(schedule_id, True, by=by), belfry.clock.now())


@router.post("/{schedule_id}/disable")
def disable_schedule(app: Provided, by: Asking, schedule_id: str) -> ScheduleOut:
    """Turn it off."""
    belfry = app()
    scope.own_schedule(belfry, by, schedule_id)
    return ScheduleOut.of(belfry.manager.enable(schedule_id, False, by=by), belfry.clock.now())


@router.post("/{schedule_id}/execute", status_code=202)
def execute_schedule(
    app: Provided, by: Asking, schedule_id: str, request: Execute | None = None
) -> Executed:
    """Run it now, or when its present run has ended (with `overlap: allow_all`: always now).

    Without `force` the schedule must be on and due.
    """
    belfry = app()
    scope.own_schedule(belfry, by, schedule_id)
    force = request is not None and request.force
    asked = belfry.manager.run_now(schedule_id, force=force, insist=force, by=by)
    coming = upcoming(asked.schedule, asked.at)
    return Executed.model_validate(SimpleNamespace(asked=asked, coming=coming))


@router.post("/{schedule_id}/retry", status_code=202)
def retry_schedule(app: Provided, by: Asking, schedule_id: str) -> Retried:
    """Run its failed jobs again: those that were not retried yet, the newest 50 at most."""
    belfry = app()
    scope.own_schedule(belfry, by, schedule_id)
    job_ids = belfry.control.retry_failed(schedule_id, by=by)
    return Retried(schedule_id=schedule_id, job_ids=job_ids)
