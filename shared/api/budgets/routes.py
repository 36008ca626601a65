"""`/api/v1/budgets`: what projects and schedules may spend (N7).

A caller of all projects sets the budgets of projects; whoever may change a schedule sets its own.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Response

from shared.access import Caller
from shared.api import scope
from shared.api.budgets.shapes import BudgetList, BudgetOut, NewBudget
from shared.api.deps import Asking, Provided
from shared.api.lists import PAGE_SIZE, Page, PageSize, page_of
from shared.api.query import DIGITS
from shared.api.roles import needs
from shared.app import App
from shared.spending.model import Budget, Of, Scope

router = APIRouter(prefix="/api/v1/budgets", tags=["budgets"])

_Project = Annotated[int, Path(ge=0, le=2**63 - 1), DIGITS]
_PROJECT, _SCHEDULE = "/projects/{project_id}", "/schedules/{schedule_id}"


@router.get("")
def list_budgets(
    app: Provided, asking: Asking, page: Page = 1, page_size: PageSize = PAGE_SIZE
) -> BudgetList:
    """The budgets of projects and schedules that the caller sees, and how they stand."""
    belfry = app()
    items, told = page_of(_seen(belfry, asking), page, page_size)
    return BudgetList(budgets=[_shown(belfry, one) for one in items], **told)


@router.get(_PROJECT)
def read_project_budget(app: Provided, asking: Asking, project_id: _Project) -> BudgetOut:
    """What a project may spend, and how that stands."""
    belfry = app()
    asking.hold(project_id, f"budget of project {project_id}")
    return _shown(belfry, belfry.spending.get(_project(project_id)))


@router.put(_PROJECT)
@needs(everything=True)
def put_project_budget(
    app: Provided, by: Asking, project_id: _Project, new: NewBudget
) -> BudgetOut:
    """Say what all schedules of a project may spend together in a day or month. It holds within 20
    seconds, on every instance. Jobs count from when the budget was first set; a change of the
    amount alone keeps what was spent."""
    belfry = app()
    made = belfry.spending.put(by, _project(project_id), project_id, new.wanted())
    return _shown(belfry, made)


@router.delete(_PROJECT, status_code=204, response_class=Response)
@needs(everything=True)
def delete_project_budget(app: Provided, by: Asking, project_id: _Project) -> None:
    """Let a project spend what it likes."""
    app().spending.remove(by, _project(project_id), project_id)


@router.get(_SCHEDULE)
def read_schedule_budget(app: Provided, asking: Asking, schedule_id: str) -> BudgetOut:
    """What a schedule may spend, and how that stands."""
    belfry = app()
    scope.schedule(belfry, asking, schedule_id)
    return _shown(belfry, belfry.spending.get(_schedule(schedule_id)))


@router.put(_SCHEDULE)
def put_schedule_budget(app: Provided, by: Asking, schedule_id: str, new: NewBudget) -> BudgetOut:
    """Say what a schedule may spend in a day or month; its project's budget holds besides."""
    belfry = app()
    project = scope.own_schedule(belfry, by, schedule_id).definition.project_id
    made = belfry.spending.put(by, _schedule(schedule_id), project, new.wanted())
    return _shown(belfry, made)


@router.delete(_SCHEDULE, status_code=204, response_class=Response)
def delete_schedule_budget(app: Provided, by: Asking, schedule_id: str) -> None:
    """Let a schedule spend what its project may."""
    belfry = app()
    project = scope.own_schedule(belfry, by, schedule_id).definition.project_id
    belfry.spending.remove(by, _schedule(schedule_id), project)


def _project(project_id: int) -> Scope:
    return Scope(Of.PROJECT, str(project_id))


def _schedule(schedule_id: str) -> Scope:
    return Scope(Of.SCHEDULE, schedule_id)


def _shown(belfry: App, budget: Budget) -> BudgetOut:
    return BudgetOut.of_standing(belfry.spending.standing(budget))


def _seen(belfry: App, asking: Caller) -> list[Budget]:
    """Those of the caller's projects, and of schedules that the caller sees."""
    found = belfry.spending.all()
    projects = [
        one for one in found if one.scope.of is Of.PROJECT and asking.sees(int(one.scope.id))
    ]
    schedules = [one for one in found if one.scope.of is Of.SCHEDULE]
    return projects + scope.seen(belfry, asking, schedules, lambda one: one.scope.id)
