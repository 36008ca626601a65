"""The tasks by name: what a schedule's `task_type` may be."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator

from shared.errors import Invalid
from shared.tasks.model import Task


class Registry:
    """Immutable once made. Raises `ValueError` if two tasks claim one name or alias."""

    def __init__(self, tasks: Iterable[Task]) -> None:
        ordered = sorted(tasks, key=lambda task: task.name)
        self._tasks = {task.name: task for task in ordered}
        self._names: dict[str, Task] = {}
        for task in ordered:
            for name in (task.name, *task.aliases):
                if name in self._names:
                    raise ValueError(f"two tasks are called {name!r}")
                self._names[name] = task

    def __iter__(self) -> Iterator[Task]:
        return iter(self._tasks.values())

    def find(self, name: str) -> Task | None:
        """The task of that name or alias, if there is one."""
        return self._names.get(name)

    def get(self, name: str) -> Task:
        """The task of that name or alias. Raises `Invalid` naming `task_type`."""
        task = self._names.get(name)
        if task is None:
            near = difflib.get_close_matches(name, self._names, n=1)
            known = ", ".join(self._tasks)
            hint = f"did you mean {near[0]!r}?" if near else f"there are: {known}"
            raise Invalid("task_type", f"there is no task {name!r}; {hint}")
        return task
