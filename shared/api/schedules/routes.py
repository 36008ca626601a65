"""`/api/v1/schedules`: create, change, delete, turn on, off, run, retry, list (C4-C8, C10)."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import Field

from shared.api import links, tags
from shared.api.answers import (
    GUARDED,
    MADE,
    TAGGED,
    UNCHANGED,
    IfStill,
    Unless,
    tagged,
    told,
)
from shared.api.deps import Provided
from shared.api.idempotency import Once
from shared.api.lists import PAGE_SIZE, Page, PageSize, fitting, page_of
from shared.api.query import DIGITS, Boolean, Number
from shared.api.schedules.shapes import (
    Execute,
    Executed,
    NewSchedule,
    Retried,
    ScheduleChange,
    ScheduleList,
    ScheduleOut,
)
from shared.api.tags import Tagged
from shared.app import App
from shared.engine.commands.agreed import Agreed
from shared.engine.commands.builtin import policy
from shared.engine.commands.once import is_once
from shared.recurrence import Frequency
from shared.schedules.model import Schedule
from shared.schedules.upcoming import upcoming

router = APIRouter(prefix="/api/v1/schedules", tags=["schedules"])


@router.post(
    "", status_code=201, response_model=ScheduleOut, responses=links.both(MADE, links.SCHEDULE)
)
def create_schedule(app: Provided, once: Once, new: NewSchedule) -> Response:
    """Create a schedule; it runs from now on."""
    belfry = app()

    def make(agreed: Agreed) -> Response:
        task = belfry.registry.get(new.task_type)
        made = belfry.manager.create(new.definition(), new.policy(policy(task)), agreed=agreed)
        return _shown(belfry, made, 201, at=f"{router.prefix}/{made.id}")

    return once.answered(belfry, make)


@router.get("", openapi_extra={"parameters": [tags.PARAMETER]})
def list_schedules(
    app: Provided,
    wanted_tags: Tagged,
    project_id: Number | None = None,
    enabled: Boolean | None = None,
    task_type: str | None = None,
    frequency: Frequency | None = None,
    once: Boolean = False,
    page: Page = 1,
    page_size: PageSize = PAGE_SIZE,
) -> ScheduleList:
    """Schedules that fit every filter given, newest first.

    `tags.NAME=VALUE` is a filter for each name: `?tags.team=backend&tags.priority=high`.

    Schedules of single runs that people asked for (a restore, a proof) are listed only with
    `once=true`.
    """
    belfry = app()
    wanted = {
        "definition.project_id": project_id,
        "definition.enabled": enabled,
        "definition.task_type": task_type,
        "definition.recurrence.frequency": frequency,
    }
    found = fitting(belfry.manager.schedules(), wanted)
    found = [
        one
        for one in found
        if tags.has(one.definition.tags, wanted_tags) and (once or not is_once(one))
    ]
    items, told = page_of(found, page, page_size)
    now = belfry.clock.now()
    shown = [ScheduleOut.of(belfry.manager.shown(one), now) for one in items]
    return ScheduleList(schedules=shown, **told)


@router.get("/due/list")
def list_due_schedules(
    app: Provided, limit: Annotated[int, Field(ge=1, le=500), DIGITS] = 100
) -> list[ScheduleOut]:
    """Schedules whose next run is due and not handed out yet, most overdue first."""
    belfry = app()
    now = belfry.clock.now()
    return [ScheduleOut.of(one, now) for one in belfry.manager.due(now, limit)]


@router.get("/{schedule_id}", response_model=ScheduleOut, responses=UNCHANGED)
def read_schedule(app: Provided, schedule_id: str, unless: Unless) -> Response:
    """One schedule."""
    belfry = app()
    return unless(_shown(belfry, belfry.manager.get(schedule_id)))


@router.patch("/{schedule_id}", response_model=ScheduleOut, responses=TAGGED | GUARDED)
def change_schedule(
    app: Provided, schedule_id: str, changes: ScheduleChange, still: IfStill
) -> Response:
    """Change what is given; a change of the recurrence computes the next run anew."""
    belfry = app()
    return _shown(belfry, belfry.manager.change(schedule_id, changes.apply, still=still))


@router.delete("/{schedule_id}", status_code=204, response_class=Response, responses=GUARDED)
def delete_schedule(app: Provided, schedule_id: str, still: IfStill) -> None:
    """Delete it; its jobs stay readable."""
    app().manager.delete(schedule_id, still=still)


@router.post("/{schedule_id}/enable", response_model=ScheduleOut, responses=TAGGED | GUARDED)
def enable_schedule(app: Provided, schedule_id: str, still: IfStill) -> Response:
    """Turn it on; this also ends a pause."""
    belfry = app()
    return _shown(belfry, belfry.manager.enable(schedule_id, True, still=still))


@router.post("/{schedule_id}/disable", response_model=ScheduleOut, responses=TAGGED | GUARDED)
def disable_schedule(app: Provided, schedule_id: str, still: IfStill) -> Response:
    """Turn it off."""
    belfry = app()
    return _shown(belfry, belfry.manager.enable(schedule_id, False, still=still))


@router.post(
    "/{schedule_id}/execute", status_code=202, response_model=Executed, responses=links.JOB
)
def execute_schedule(
    app: Provided, schedule_id: str, once: Once, request: Execute | None = None
) -> Response:
    """Run it now, or when its present run has ended (with `overlap: allow_all`: always now).

    Without `force` the schedule must be on and due.
    """
    belfry = app()
    force = request is not None and request.force

    def make(agreed: Agreed) -> Response:
        asked = belfry.manager.run_now(schedule_id, force=force, insist=force, agreed=agreed)
        coming = upcoming(asked.schedule, asked.at)
        shown = Executed.model_validate(SimpleNamespace(asked=asked, coming=coming))
        return told(shown, 202)

    return once.answered(belfry, make)


@router.post("/{schedule_id}/retry", status_code=202, response_model=Retried)
def retry_schedule(app: Provided, schedule_id: str, once: Once) -> Response:
    """Run its failed jobs again: those that were not retried yet, the newest 50 at most."""
    belfry = app()

    def make(agreed: Agreed) -> Response:
        asked = belfry.control.retry_failed(schedule_id, agreed=agreed)
        return told(Retried(schedule_id=schedule_id, job_ids=asked), 202)

    return once.answered(belfry, make)


def _shown(belfry: App, one: Schedule, status: int = 200, *, at: str | None = None) -> Response:
    return tagged(one, ScheduleOut.of(one, belfry.clock.now()), status, at=at)
