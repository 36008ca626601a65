"""Limits: how many jobs of a task, or of a project, may run at once, on all instances together.

Each limit is a semaphore (`tables.locks`), whose places are held by the jobs that count against it.
If a worker is killed, its jobs stop counting when their leases end.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from shared.schedules.model import Schedule
from shared.storage.tables.locks import Locks
from shared.tasks import Registry, Task

LIMIT = "limit:"
"""The prefix of the names of these semaphores."""


class Limits:
    """The limits, bound to their store. `per_project`: 0 for no limit."""

    def __init__(self, locks: Locks, registry: Registry, per_project: int) -> None:
        self._locks = locks
        self._registry = registry
        self._per_project = per_project

    def of(self, schedule: Schedule) -> Sequence[tuple[str, int]]:
        """(name, the most jobs at once) of each limit on the schedule's jobs."""
        found: list[tuple[str, int]] = []
        task = self._registry.find(schedule.definition.task_type)
        if task is not None and task.max_concurrent is not None:
            found.append((_of_task(task), task.max_concurrent))
        if self._per_project and schedule.definition.project_id is not None:
            found.append((f"{LIMIT}project:{schedule.definition.project_id}", self._per_project))
        return found

    def take(self, schedule: Schedule, job_id: str, now: datetime, until: datetime) -> bool:
        """Count the job against each of its limits until `until`; False if one is reached.

        For a job that already counts, this extends the time.
        """
        taken: list[str] = []
        for name, most in self.of(schedule):
            if not self._locks.take(name, job_id, now, until, places=most):
                for earlier in taken:
                    self._locks.release(earlier, job_id)
                return False
            taken.append(name)
        return True

    def take_of(self, task: Task, holder: str, now: datetime, until: datetime) -> bool:
        """Count what is no job of its own, an item of a batch, against its task's limit, as `take`
        does. Its project's limit counts the batch's job."""
        if task.max_concurrent is None:
            return True
        return self._locks.take(_of_task(task), holder, now, until, places=task.max_concurrent)

    def release_of(self, task: Task, holder: str) -> None:
        """Stop counting that."""
        if task.max_concurrent is not None:
            self._locks.release(_of_task(task), holder)

    def full(self, schedule: Schedule, now: datetime) -> bool:
        """Whether one of its limits is reached, so that its jobs wait."""
        return any(len(self._locks.holders(name, now)) >= most for name, most in self.of(schedule))

    def release(self, schedule: Schedule, job_id: str) -> None:
        """Stop counting the job."""
        for name, _ in self.of(schedule):
            self._locks.release(name, job_id)


def _of_task(task: Task) -> str:
    return f"{LIMIT}task:{task.name}"
