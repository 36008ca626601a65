"""What is done to one item: the shape that all operations have, and what they share."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from shared.access import Caller, Role
from shared.batch.model import Item
from shared.errors import Forbidden, Invalid
from shared.schedules.job import retry_of
from shared.tasks import Impact, Task

ROLE = Role.OPERATOR
"""The role by which a batch works, whoever made it: the one that the task `batch` needs. So nobody
does by a batch what needs a higher one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class One:
    """One item that is to be done."""

    index: int
    item: Item
    stop: threading.Event
    """Set when it must end: its time is up, or the batch was told to stop."""
    waits: Callable[[bool], None] = lambda _: None
    """Told true while it only waits for a place, which is no part of its time; then false."""


class Operates(Protocol):
    """An operation, for the items of one batch. Several threads use it at once."""

    @property
    def repeatable(self) -> bool:
        """Whether an item may be done again after a crash: its end is then the same."""

    def do(self, one: One) -> Mapping[str, object]:
        """Do it; what is to be kept of it. Raises what is wrong with it, and `Skipped` if there was
        nothing to do."""

    def rehearse(self, one: One) -> Mapping[str, object]:
        """What `do` would do. Nothing is changed. Raises as `do` would, as far as is known
        before."""


def batch_id(job_id: str) -> str:
    """The id of the batch that a job works on. A job that repeats another goes on with it."""
    while (earlier := retry_of(job_id)) is not None:
        job_id = earlier
    return job_id


def item_job(batch: str, index: int) -> str:
    """The id by which an item's task knows its job: in the form of a job's, and of no other."""
    return f"{batch}{'' if batch.count('-') == 2 else '-'}i{index}"


def asked_by(batch: str, index: int) -> str:
    """The last part of the id of a job that an item asks for: the same each time. `i`, and eleven
    letters and digits, without `r`, which begins the number of a retry (`is_of_batch`)."""
    number = int.from_bytes(hashlib.sha256(f"{batch}#{index}".encode()).digest())
    letters = "abcdefghijklmnopqstuvwxyz0123456789"
    end = (letters[number // len(letters) ** place % len(letters)] for place in range(11))
    return f"i{''.join(end)}"


def caller(project_id: int | None, batch: str) -> Caller:
    """On whose behalf a batch changes schedules."""
    projects = None if project_id is None else frozenset({project_id})
    return Caller(name="task:batch", role=ROLE, projects=projects, request_id=batch)


def hold_callable(task: Task) -> None:
    """Raise `Invalid` if a batch may not call the task: it would be a way around a rule."""
    why = ""
    if task.name == "batch":
        why = "a batch does not call batches"
    elif task.impact is Impact.C:
        why = f"a person approves each job of {task.name}; a batch cannot call it"
    elif not task.for_projects:
        why = (
            f"{task.name} works for the whole company; a batch calls tasks that work for a project"
        )
    elif task.on_request:
        why = f"a person asks for {task.name} each time; a batch cannot"
    elif not ROLE.includes(task.role):
        why = f"{task.name} needs the role {task.role}, and a batch works as {ROLE}"
    if why:
        raise Invalid("task_type", why)


def hold_role(task: Task | None) -> None:
    """Raise `Forbidden` if schedules of the task are for a higher role than a batch has."""
    if task is not None and not ROLE.includes(task.role):
        raise Forbidden(f"{task.name} needs the role {task.role}, and a batch works as {ROLE}")
