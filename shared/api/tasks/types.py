"""`/api/v1/task-types`: what a caller may schedule, and the parameters of each (C12)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from fastapi import APIRouter

from shared.access import Caller, Role
from shared.api import scope
from shared.api.deps import Asking, Provided
from shared.api.shown import Shown, at
from shared.errors import NotFound
from shared.resources.naming import kind_of
from shared.schedules.model import Overlap, Policy
from shared.tasks import Impact, Task
from shared.tasks.schema import schema_of

router = APIRouter(prefix="/api/v1/task-types", tags=["tasks"])


class RetryOut(Shown):
    """How often a failed job is tried again."""

    attempts: int
    """In all, the first included."""
    first_delay_seconds: int
    """Before the second; doubles with each further one."""
    max_delay_seconds: int


class TaskTypeOut(Shown):
    """What a schedule may name as its `task_type`. Times and retries are what it gets unless it
    says otherwise."""

    name: str
    summary: str
    impact: Impact
    """A: safe. B: soft, such as what customers schedule. C: critical, waits for a person (O5)."""
    for_projects: bool
    """Whether callers of some projects may schedule it."""
    on_request: bool
    """Whether a person must ask for each run: no schedule of it comes due by itself."""
    role: Role
    """Who may make its schedules."""
    timeout_seconds: int
    retry: RetryOut
    misfire_grace_seconds: int
    """How late a run may start."""
    overlap: Overlap
    """What happens if a run is due while another of its schedule goes on."""
    max_concurrent: int | None
    """How many of its jobs run at once, in all; null: any."""
    aliases: list[str] = at("aliases")
    """Earlier names, which schedules may still use."""
    dry_run: bool
    parameters: dict[str, Any]
    """`task_parameters` as JSON Schema (2020-12). `x-resource` says of a parameter that it names a
    webhook, a repository or a target of the schedule's project."""

    @classmethod
    def of(cls, task: Task) -> TaskTypeOut:
        named = {name: getattr(task, name) for name in cls.model_fields if hasattr(task, name)}
        return cls(
            **named | {"aliases": list(task.aliases), "retry": RetryOut.model_validate(task.retry)},
            overlap=Policy().overlap,
            parameters=schema_of(task.params, kind_of),
        )


class TaskTypeList(Shown):
    task_types: list[TaskTypeOut]


@router.get("")
def list_task_types(app: Provided, by: Asking) -> TaskTypeList:
    """What the caller may schedule, by name; a viewer reads what an operator may."""
    found = [task for task in app().registry if _may_use(_scheduling(by), task)]
    return TaskTypeList(task_types=[TaskTypeOut.of(task) for task in sorted(found, key=_name)])


@router.get("/{task_name}")
def read_task_type(app: Provided, by: Asking, task_name: str) -> TaskTypeOut:
    """One of them. 403 says why the caller may not schedule it."""
    belfry = app()
    task = belfry.registry.find(task_name)
    if task is None:
        raise NotFound(f"there is no task type {task_name!r:.60}; GET {router.prefix} lists them")
    scope.may_use(belfry, _scheduling(by), task.name)
    return TaskTypeOut.of(task)


def _scheduling(by: Caller) -> Caller:
    """The caller, as one who may schedule something."""
    return by if by.role.includes(Role.OPERATOR) else replace(by, role=Role.OPERATOR)


def _may_use(by: Caller, task: Task) -> bool:
    return by.role.includes(task.role) and (by.projects is None or task.for_projects)


def _name(task: Task) -> str:
    return task.name
