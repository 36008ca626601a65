"""The order of a definition's steps."""

from __future__ import annotations

import functools
from graphlib import TopologicalSorter

from shared.workflows.model import Definition, Step


@functools.lru_cache(256)
def _in_order(graph: tuple[tuple[str, ...], ...]) -> tuple[str, ...]:
    return tuple(TopologicalSorter({one: needs for one, *needs in graph}).static_order())


def backwards(definition: Definition) -> list[Step]:
    """The steps, each before all that it needs: the order in which they are undone. Raises
    `graphlib.CycleError`, which the checks of a definition rule out."""
    known = {one.id: one for one in definition.steps}
    order = _in_order(tuple((one.id, *one.needs) for one in definition.steps))
    return [known[one] for one in reversed(order)]
