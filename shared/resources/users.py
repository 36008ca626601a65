"""The schedules that name a resource."""

from __future__ import annotations

from collections.abc import Sequence

from shared.engine.records.lists import Lists
from shared.errors import Conflict
from shared.resources.model import Kind
from shared.resources.naming import named, names
from shared.tasks import Registry

MOST = 5000
"""Of so many schedules of a project, the parameters are read."""


class Users:
    """Finds them."""

    def __init__(self, registry: Registry, lists: Lists) -> None:
        self._registry = registry
        self._lists = lists

    def __call__(self, kind: Kind, resource_id: str, project_id: int | None) -> Sequence[str]:
        """The names of the project's schedules that name it, without those of a single run. Raises
        `Conflict` if the project has too many to read."""
        fields = {task.name: named(task.params, kind) for task in self._registry}
        types = {name: found for name, found in fields.items() if found}
        if not types:
            return []
        total, there = self._lists.of_project(project_id, MOST, frozenset(types))
        if total > MOST:
            raise Conflict(
                f"{total:,} schedules may name the {kind} {resource_id!r}, which are too many to "
                "look at; use ?force=true, and the runs of those that do name it fail"
            )
        found = [
            one.definition.name
            for one in there
            if names(
                one.definition.task_parameters, types.get(one.definition.task_type, []), resource_id
            )
        ]
        return sorted(found)
