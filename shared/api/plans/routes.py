"""`/api/v1/backups/plans`: what is backed up when, to where, and how long it is kept (R1, R6, R7).

A plan is a schedule of a backup task, shown in the words of backups. Every change applies from its
next run on.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from fastapi import APIRouter, Response

from shared.access import Caller
from shared.api.backups.orders import Asked
from shared.api.deps import Asking, Provided
from shared.api.lists import PAGE_SIZE, Page, PageSize, fitting, page_of
from shared.api.plans.checks import fits_all, named_plainly
from shared.api.plans.lists import PlanList, UnreadablePlan
from shared.api.plans.shapes import NewPlan, PlanChange, PlanOut
from shared.api.query import Boolean, Number
from shared.api.schedules.shapes import Execute
from shared.app import App
from shared.engine.commands.builtin import policy
from shared.errors import Conflict, NotFound, Refused, Unavailable
from shared.schedules.model import Schedule

if TYPE_CHECKING:
    from shared.backups.status.plans import AnyPlan, Planned
    from shared.backups.status.recovery import Standing
    from shared.backups.store.catalog import Found

router = APIRouter(prefix="/api/v1/backups/plans", tags=["backups"])

TASK = "backup"
"""The task whose schedules are the plans that people make."""


@router.post("", status_code=201)
def create_plan(app: Provided, by: Asking, new: NewPlan) -> PlanOut:
    """Make a plan; it runs from now on."""
    belfry = app()
    task = belfry.registry.get(TASK)
    definition = new.definition(task.name, task.summary)
    fits_all(definition.task_parameters, new.given())
    with named_plainly():
        made = belfry.manager.create(definition, policy(task), by=by)
    return _shown(belfry, made)


@router.get("")
def list_plans(
    app: Provided,
    project_id: Number | None = None,
    source: str | None = None,
    enabled: Boolean | None = None,
    page: Page = 1,
    page_size: PageSize = PAGE_SIZE,
) -> PlanList:
    """Plans that fit every filter given, newest first, including the built-in ones."""
    belfry = app()
    plans = belfry.backups().plans()
    wanted = {
        "schedule.definition.project_id": project_id,
        "schedule.definition.enabled": enabled,
        "by_hand": False,
    }
    good = fitting(plans.good, {**wanted, "plan.source": source})
    items, told = page_of(good, page, page_size)
    look = _look(belfry)
    shown = [
        _out(belfry, replace(one, schedule=belfry.manager.shown(one.schedule)), look)
        for one in items
    ]
    return PlanList(
        plans=shown,
        unreadable=[
            UnreadablePlan.model_validate(one) for one in fitting(plans.unreadable, wanted)
        ],
        **told,
    )


@router.get("/{schedule_id}", responses={409: {}})
def read_plan(app: Provided, schedule_id: str) -> PlanOut:
    """One plan."""
    belfry = app()
    return _shown(belfry, _schedule(belfry, schedule_id))


@router.patch("/{schedule_id}")
def change_plan(app: Provided, by: Asking, schedule_id: str, changes: PlanChange) -> PlanOut:
    """Change what is given; this applies from the next run on."""
    belfry = app()

    def step(schedule: Schedule) -> Schedule:
        one = _planned(belfry, schedule)
        definition = changes.apply(one)
        fits_all(definition.task_parameters, changes.given())
        changed = replace(schedule, definition=definition)
        return changed.resumed() if changes.enabled else changed

    _schedule(belfry, schedule_id)
    with named_plainly():
        changed = belfry.manager.change(schedule_id, step, by=by)
    return _shown(belfry, changed)


@router.delete("/{schedule_id}", status_code=204, response_class=Response)
def delete_plan(app: Provided, by: Asking, schedule_id: str) -> None:
    """Delete it, unless it is a built-in one. Its backups stay, until a person deletes them."""
    belfry = app()
    _any_plan(belfry, _schedule(belfry, schedule_id))
    belfry.manager.delete(schedule_id, by=by)


@router.post("/{schedule_id}/run", status_code=202)
def run_plan(app: Provided, by: Asking, schedule_id: str, request: Execute | None = None) -> Asked:
    """Take its backups now, even if it is off. Within two minutes of the last, give `force`."""
    belfry = app()
    _planned(belfry, _schedule(belfry, schedule_id))
    force = request is not None and request.force
    if not force:
        belfry.backups().check_run(schedule_id)
    asked = belfry.manager.run_now(schedule_id, force=True, insist=force, by=by)
    return Asked.model_validate(asked)


@router.post("/{schedule_id}/enable")
def enable_plan(app: Provided, by: Asking, schedule_id: str) -> PlanOut:
    """Turn it on; this also ends a pause."""
    return _turn(app(), by, schedule_id, True)


@router.post("/{schedule_id}/disable")
def disable_plan(app: Provided, by: Asking, schedule_id: str) -> PlanOut:
    """Turn it off."""
    return _turn(app(), by, schedule_id, False)


def _turn(belfry: App, by: Caller, schedule_id: str, on: bool) -> PlanOut:
    _planned(belfry, _schedule(belfry, schedule_id))
    return _shown(belfry, belfry.manager.enable(schedule_id, on, by=by))


def _schedule(belfry: App, schedule_id: str) -> Schedule:
    """Raises `NotFound`."""
    try:
        return belfry.manager.get(schedule_id)
    except NotFound:
        raise NotFound(f"there is no backup plan {schedule_id!r}") from None


def _planned(belfry: App, schedule: Schedule) -> Planned:
    """The plan that a schedule is.

    Raises `NotFound` if it is none, `Conflict` if its parameters no longer fit its task.
    """
    from shared.backups.status.plans import Planned

    one = _any_plan(belfry, schedule)
    if isinstance(one, Planned):
        return one
    raise Conflict(one.what_to_do)


def _any_plan(belfry: App, schedule: Schedule) -> AnyPlan:
    """The plan that a schedule is, even if it cannot be read. Raises `NotFound`."""
    from shared.backups.status.plans import planned

    for one in planned([schedule], belfry.registry):
        return one
    raise NotFound(f"schedule {schedule.id!r} is no backup plan")


def _look(belfry: App) -> Found | str:
    """The backups, or why they are not known: plans are shown even if no destination answers."""
    try:
        return belfry.backups().look()
    except (Unavailable, Refused) as error:
        return f"It is not known how it stands: {error}"


def _shown(belfry: App, schedule: Schedule) -> PlanOut:
    return _out(belfry, _planned(belfry, schedule), _look(belfry))


def _out(belfry: App, one: Planned, look: Found | str) -> PlanOut:
    from shared.backups.status.recovery import none_of

    now = belfry.clock.now()
    if isinstance(look, str):
        return PlanOut.of(one, look, now)
    stands = list(belfry.backups().stands(one, look))
    worst = max(stands, key=_badness, default=None)
    if worst is not None and len(stands) > 1 and all(_has_none(stand) for stand in stands):
        worst = replace(worst, sentence=none_of("anything", "", "", " by this plan"))
    return PlanOut.of(one, worst or "There is nothing to back up", now)


def _has_none(stand: Standing) -> bool:
    return stand.last_good is None and stand.gone_at is None


def _badness(stand: Standing) -> tuple[bool, bool, bool, float]:
    there = stand.gone_at is None
    return there, stand.last_good is None, stand.too_old, stand.age_seconds or 0.0
