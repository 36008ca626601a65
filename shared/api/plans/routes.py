"""`/api/v1/backups/plans`: what is backed up when, to where, and how long it is kept (R1, R6, R7).

A plan is a schedule of a backup task, shown in the words of backups. Every change applies from its
next run on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from fastapi import APIRouter, Response

from shared.access import Caller
from shared.api import links, scope
from shared.api.answers import GUARDED, MADE, TAGGED, UNCHANGED, IfStill, Unless, tagged, told
from shared.api.backups.orders import Asked
from shared.api.deps import Asking, Provided
from shared.api.idempotency import Once
from shared.api.lists import PAGE_SIZE, Page, PageSize, fitting, page_of
from shared.api.plans.checks import fits_all, named_plainly
from shared.api.plans.lists import PlanList, UnreadablePlan
from shared.api.plans.shapes import NewPlan, PlanChange, PlanOut
from shared.api.query import Boolean, Number
from shared.api.roles import needs
from shared.api.schedules.shapes import Execute
from shared.app import App
from shared.engine.commands.agreed import Agreed
from shared.engine.commands.builtin import policy
from shared.errors import Conflict, NotFound, Refused, Unavailable
from shared.schedules.model import Schedule

if TYPE_CHECKING:
    from shared.backups.status.plans import AnyPlan, Planned
    from shared.backups.status.recovery import Standing
    from shared.backups.store.catalog import Found

P = TypeVar("P", bound="AnyPlan")

router = APIRouter(prefix="/api/v1/backups/plans", tags=["backups"])

TASK = "backup"
"""The task whose schedules are the plans that people make."""


@router.post("", status_code=201, response_model=PlanOut, responses=links.both(MADE, links.PLAN))
@needs(everything=True)
def create_plan(app: Provided, by: Asking, once: Once, new: NewPlan) -> Response:
    """Make a plan; it runs from now on."""
    belfry = app()

    def make(agreed: Agreed) -> Response:
        task = belfry.registry.get(TASK)
        definition = new.definition(task.name, task.summary)
        fits_all(definition.task_parameters, new.given())
        with named_plainly():
            made = belfry.manager.create(definition, policy(task), agreed=agreed, by=by)
        return _shown(belfry, made, 201, at=f"{router.prefix}/{made.id}")

    return once.answered(belfry, make)


@router.get("")
def list_plans(
    app: Provided,
    by: Asking,
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
    good = _seen(by, fitting(plans.good, {**wanted, "plan.source": source}))
    items, told = page_of(good, page, page_size)
    look = _look(belfry)
    shown = [
        _out(belfry, replace(one, schedule=belfry.manager.shown(one.schedule)), look)
        for one in items
    ]
    return PlanList(
        plans=shown,
        unreadable=[
            UnreadablePlan.model_validate(one)
            for one in _seen(by, fitting(plans.unreadable, wanted))
        ],
        **told,
    )


@router.get("/{schedule_id}", response_model=PlanOut, responses={409: {}, **UNCHANGED})
def read_plan(app: Provided, by: Asking, schedule_id: str, unless: Unless) -> Response:
    """One plan."""
    belfry = app()
    return unless(_shown(belfry, _schedule(belfry, by, schedule_id)))


@router.patch("/{schedule_id}", response_model=PlanOut, responses=TAGGED | GUARDED)
@needs(everything=True)
def change_plan(
    app: Provided, by: Asking, schedule_id: str, changes: PlanChange, still: IfStill
) -> Response:
    """Change what is given; this applies from the next run on."""
    belfry = app()

    def step(schedule: Schedule) -> Schedule:
        one = _planned(belfry, schedule)
        definition = changes.apply(one)
        fits_all(definition.task_parameters, changes.given())
        changed = replace(schedule, definition=definition)
        return changed.resumed() if changes.enabled else changed

    _schedule(belfry, by, schedule_id)
    with named_plainly():
        changed = belfry.manager.change(schedule_id, step, still=still, by=by)
    return _shown(belfry, changed)


@router.delete("/{schedule_id}", status_code=204, response_class=Response, responses=GUARDED)
@needs(everything=True)
def delete_plan(app: Provided, by: Asking, schedule_id: str, still: IfStill) -> None:
    """Delete it, unless it is a built-in one. Its backups stay, until a person deletes them."""
    belfry = app()
    _any_plan(belfry, _schedule(belfry, by, schedule_id))
    belfry.manager.delete(schedule_id, still=still, by=by)


@router.post("/{schedule_id}/run", status_code=202, response_model=Asked, responses=links.JOB)
def run_plan(
    app: Provided, by: Asking, schedule_id: str, once: Once, request: Execute | None = None
) -> Response:
    """Take its backups now, even if it is off. Within two minutes of the last, give `force`."""
    belfry = app()
    _planned(belfry, _schedule(belfry, by, schedule_id))
    force = request is not None and request.force

    def make(agreed: Agreed) -> Response:
        def checked(decide: Callable[[], Sequence[str]]) -> Sequence[str]:
            if not force:
                belfry.backups().check_run(schedule_id)
            return decide()

        asked = belfry.manager.run_now(
            schedule_id,
            force=True,
            insist=force,
            agreed=lambda decide: agreed(partial(checked, decide)),
            by=by,
        )
        return told(Asked.model_validate(asked), 202)

    return once.answered(belfry, make)


@router.post("/{schedule_id}/enable", response_model=PlanOut, responses=TAGGED | GUARDED)
def enable_plan(app: Provided, by: Asking, schedule_id: str, still: IfStill) -> Response:
    """Turn it on; this also ends a pause."""
    return _turn(app(), by, schedule_id, True, still)


@router.post("/{schedule_id}/disable", response_model=PlanOut, responses=TAGGED | GUARDED)
def disable_plan(app: Provided, by: Asking, schedule_id: str, still: IfStill) -> Response:
    """Turn it off."""
    return _turn(app(), by, schedule_id, False, still)


def _turn(belfry: App, by: Caller, schedule_id: str, on: bool, still: IfStill) -> Response:
    _planned(belfry, _schedule(belfry, by, schedule_id))
    return _shown(belfry, belfry.manager.enable(schedule_id, on, still=still, by=by))


def _seen(by: Caller, plans: Iterable[P]) -> list[P]:
    return [one for one in plans if by.sees(one.schedule.definition.project_id)]


def _schedule(belfry: App, by: Caller, schedule_id: str) -> Schedule:
    """Raises `NotFound`, also if the caller does not see it."""
    try:
        return scope.schedule(belfry, by, schedule_id)
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


def _shown(
    belfry: App, schedule: Schedule, status: int = 200, *, at: str | None = None
) -> Response:
    out = _out(belfry, _planned(belfry, schedule), _look(belfry))
    return tagged(schedule, out, status, at=at)


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
