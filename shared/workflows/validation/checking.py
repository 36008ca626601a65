"""All checks of a definition, in order: the later ones need what the earlier ones ensure."""

from __future__ import annotations

from collections.abc import Iterator

from shared.errors import Invalid
from shared.tasks import Registry, Services
from shared.workflows.model import Definition
from shared.workflows.validation import graph, referring
from shared.workflows.validation.calling import Calling, Where
from shared.workflows.validation.children import Children, Known
from shared.workflows.validation.problem import Problem


class Checks:
    """The checks, bound to the tasks and to the services that their own checks use."""

    def __init__(self, registry: Registry, services: Services) -> None:
        self._calling = Calling(registry, services)

    def problems(
        self, workflow_id: str, definition: Definition, where: Where, known: Known
    ) -> list[Problem]:
        """What is wrong. `known`: finds the workflows that it may run."""
        found = list(graph.problems(definition))
        above = {} if found else graph.above(definition)
        if above:
            found += referring.problems(definition, above)
        found += self._calling.problems(definition, where)
        found += self._children(workflow_id, definition, known)
        return found

    def hold(self, workflow_id: str, definition: Definition, where: Where, known: Known) -> None:
        """Raise `Invalid` for the first thing that is wrong."""
        found = self.problems(workflow_id, definition, where, known)
        if found:
            more = len(found) - 1
            other = f" (and {more} more; POST /api/v1/workflows/check says all)" if more else ""
            raise Invalid(found[0].field, found[0].message + other)

    def _children(
        self, workflow_id: str, definition: Definition, known: Known
    ) -> Iterator[Problem]:
        return Children(workflow_id, known, self._calling.asks).problems(definition)
