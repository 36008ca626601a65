"""`/api/v1/schedules`: create, change, delete, turn on, off, run, retry, list (C4-C8, C10)."""

from __future__ import annotations

from types import SimpleNamespace

from fastapi import APIRouter, Response

from shared.api import links, scope
from shared.api.answers import GUARDED, MADE, TAGGED, UNCHANGED, IfStill, Unless, tagged, told
from shared.api.budgets.held import may_force, within_budget
from shared.api.deps import Asking, Provided
from shared.api.idempotency import Once
from shared.api.places import any_part
from shared.api.schedules.defined import defined
from shared.api.schedules.shapes import (
    Execute,
    Executed,
    NewSchedule,
    Retried,
    ScheduleChange,
    ScheduleOut,
    ScheduleSaved,
    observes,
    observing,
)
from shared.app import App
from shared.engine.commands.agreed import Agreed
from shared.engine.commands.builtin import policy
from shared.errors import Refused, Unavailable
from shared.schedules.model import Schedule
from shared.schedules.upcoming import upcoming

router = APIRouter(prefix="/api/v1/schedules", tags=["schedules"])


any_part("schedule_id", "conflicts", "preview")
_ID = "/{schedule_id:schedule_id}"


@router.post(
    "", status_code=201, response_model=ScheduleSaved, responses=links.both(MADE, links.SCHEDULE)
)
def create_schedule(app: Provided, by: Asking, once: Once, new: NewSchedule) -> Response:
    """Create a schedule; it runs from now on. A caller of one project makes it there.

    `warnings` says what to look at (docs/preview.md); they forbid nothing."""
    belfry = app()
    scope.may_use(belfry, by, new.task_type)
    project_id = scope.new_project(by, new.project_id)

    def make(agreed: Agreed) -> Response:
        task = belfry.registry.get(new.task_type)
        definition = defined(belfry, new, project_id)
        made = belfry.manager.create(definition, new.policy(policy(task)), agreed=agreed, by=by)
        made = belfry.calendars.refreshed(made, by)
        return _saved(belfry, made, 201, at=f"{router.prefix}/{made.id}")

    return once.answered(belfry, make)


@router.get(_ID, response_model=ScheduleOut, responses=UNCHANGED)
def read_schedule(app: Provided, by: Asking, schedule_id: str, unless: Unless) -> Response:
    """One schedule."""
    belfry = app()
    return unless(_shown(belfry, scope.schedule(belfry, by, schedule_id)))


@router.patch(_ID, response_model=ScheduleSaved, responses=TAGGED | GUARDED)
def change_schedule(
    app: Provided, by: Asking, schedule_id: str, changes: ScheduleChange, still: IfStill
) -> Response:
    """Change what is given; a change of the recurrence computes the next run anew. `warnings` as at
    the creation."""
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

    changed = belfry.manager.change(schedule_id, step, still=still, by=by)
    return _saved(belfry, belfry.calendars.refreshed(changed, by))


@router.delete(_ID, status_code=204, response_class=Response, responses=GUARDED)
def delete_schedule(app: Provided, by: Asking, schedule_id: str, still: IfStill) -> None:
    """Delete it; its jobs stay readable."""
    belfry = app()
    if by.projects is not None:  # else one that cannot be read can be deleted as well
        scope.schedule(belfry, by, schedule_id)
    belfry.manager.delete(schedule_id, still=still, by=by)


@router.post("/{schedule_id}/enable", response_model=ScheduleOut, responses=TAGGED | GUARDED)
def enable_schedule(app: Provided, by: Asking, schedule_id: str, still: IfStill) -> Response:
    """Turn it on; this also ends a pause."""
    belfry = app()
    scope.own_schedule(belfry, by, schedule_id)
    return _shown(belfry, belfry.manager.enable(schedule_id, True, still=still, by=by))


@router.post("/{schedule_id}/disable", response_model=ScheduleOut, responses=TAGGED | GUARDED)
def disable_schedule(app: Provided, by: Asking, schedule_id: str, still: IfStill) -> Response:
    """Turn it off."""
    belfry = app()
    scope.own_schedule(belfry, by, schedule_id)
    return _shown(belfry, belfry.manager.enable(schedule_id, False, still=still, by=by))


@router.post(
    "/{schedule_id}/execute", status_code=202, response_model=Executed, responses=links.JOB
)
def execute_schedule(
    app: Provided, by: Asking, schedule_id: str, once: Once, request: Execute | None = None
) -> Response:
    """Run it now, or when its present run has ended (with `overlap: allow_all`: always now).

    Without `force` the schedule must be on and due, and its budgets not used up. The budget of the
    project holds with `force` too, but for a caller of all projects.
    """
    belfry = app()
    found = scope.own_schedule(belfry, by, schedule_id)
    force = request is not None and request.force

    def make(agreed: Agreed) -> Response:
        if force:
            may_force(belfry, by, schedule_id, found.definition.project_id)
        else:
            within_budget(belfry, schedule_id, found.definition.project_id)
        asked = belfry.manager.run_now(schedule_id, force=force, insist=force, agreed=agreed, by=by)
        coming = upcoming(asked.schedule, asked.at)
        shown = Executed.model_validate(SimpleNamespace(asked=asked, coming=coming))
        return told(shown, 202)

    return once.answered(belfry, make)


@router.post("/{schedule_id}/retry", status_code=202, response_model=Retried)
def retry_schedule(app: Provided, by: Asking, schedule_id: str, once: Once) -> Response:
    """Run its failed jobs again: those that were not retried yet, the newest 50 at most. Refused
    while a budget of it is used up."""
    belfry = app()
    found = scope.own_schedule(belfry, by, schedule_id)

    def make(agreed: Agreed) -> Response:
        within_budget(belfry, schedule_id, found.definition.project_id)
        asked = belfry.control.retry_failed(schedule_id, agreed=agreed, by=by)
        return told(Retried(schedule_id=schedule_id, job_ids=asked), 202)

    return once.answered(belfry, make)


def _shown(belfry: App, one: Schedule, status: int = 200, *, at: str | None = None) -> Response:
    return tagged(one, ScheduleOut.of(one, belfry.clock.now()), status, at=at)


def _saved(belfry: App, one: Schedule, status: int = 200, *, at: str | None = None) -> Response:
    """The schedule with its warnings. It is stored already: if storage fails now, they are left
    out."""
    plain = ScheduleOut.of(one, belfry.clock.now())
    try:
        warned = belfry.neighbours.warned(one)
    except (Unavailable, Refused):
        warned = None
    return tagged(one, plain, status, at=at, more=ScheduleSaved.of_saved(plain, warned))
