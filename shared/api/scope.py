"""What a caller sees and may use: schedules by their projects, and what belongs to a schedule by
that schedule's project. What it does not see does not exist for it (docs/access.md)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TypeVar

from shared.access import Caller
from shared.app import App
from shared.errors import Forbidden, Invalid, NotFound
from shared.schedules.job import Job
from shared.schedules.model import Schedule

T = TypeVar("T")


def schedule(belfry: App, caller: Caller, schedule_id: str) -> Schedule:
    """The schedule. Raises `NotFound`, also if the caller does not see it."""
    found = belfry.manager.get(schedule_id)
    caller.hold(found.definition.project_id, f"schedule {schedule_id!r}")
    return found


def own_schedule(belfry: App, caller: Caller, schedule_id: str) -> Schedule:
    """The schedule, which the caller is about to run or to turn on or off. Raises `NotFound`, and
    `Forbidden` if its task is for a higher role."""
    found = schedule(belfry, caller, schedule_id)
    task = belfry.registry.find(found.definition.task_type)
    if task is not None:
        caller.needs(task.role)
    return found


def past_schedule(belfry: App, caller: Caller, schedule_id: str, what: str) -> None:
    """Raise `NotFound` unless the caller sees the schedule, deleted or not. `what`: what does not
    exist then, in words."""
    if caller.projects is not None:
        caller.hold(projects_of(belfry, [schedule_id]).get(schedule_id), what)


def job(belfry: App, caller: Caller, job_id: str) -> Job:
    """The job. Raises `NotFound`, also if the caller does not see it."""
    try:
        found = belfry.manager.job(job_id)
    except NotFound:
        if caller.projects is None:
            raise
        raise NotFound(f"there is no job {job_id!r}") from None
    caller.hold(found.project_id, f"job {job_id!r}")
    return found


def own_job(belfry: App, caller: Caller, job_id: str) -> Job:
    """The job, which the caller is about to cancel or to run again. Raises as `own_schedule`."""
    found = job(belfry, caller, job_id)
    task = belfry.registry.find(found.task_type)
    if task is not None:
        caller.needs(task.role)
    return found


def projects_of(belfry: App, schedule_ids: Collection[str]) -> Mapping[str, int | None]:
    """The projects of those of these schedules that exist, deleted or not, by id."""
    found = belfry.table.many(schedule_ids)
    return {one.id: one.definition.project_id for one in found.values()}


def seen(
    belfry: App, caller: Caller, items: Iterable[T], schedule_of: Callable[[T], str]
) -> list[T]:
    """Those of the items that belong to a schedule that the caller sees. What belongs to one that
    never existed here is seen by callers of all projects alone."""
    items = list(items)
    if caller.projects is None:
        return items
    known = projects_of(belfry, {schedule_of(one) for one in items})
    return [one for one in items if caller.sees(known.get(schedule_of(one)))]


def new_project(caller: Caller, given: int | None) -> int | None:
    """The project of what a caller makes. Raises `Invalid` if it has to say which, `Forbidden` if
    it does not have that one."""
    if given is None and caller.projects is not None:
        if caller.project is None:
            known = ", ".join(map(str, sorted(caller.projects))) or "none"
            raise Invalid(
                "project_id", f"say which project it belongs to; {caller.name} has {known}"
            )
        return caller.project
    if not caller.sees(given):
        raise Forbidden(f"project_id: {caller.name} does not have project {given}")
    return given


def may_use(belfry: App, caller: Caller, task_type: str) -> None:
    """Raise `Forbidden` if a caller may not say what that task does: its role is too low, or it has
    some projects, and the task works for the whole company."""
    task = belfry.registry.find(task_type)
    if task is None:
        return  # whoever makes the schedule says so
    caller.needs(task.role)
    if caller.projects is not None and not task.for_projects:
        raise Forbidden(
            f"task_type: {task.name} works for all projects, and {caller.name} has only some; a "
            "caller of all projects can set it up for yours"
        )
