"""Steps as a graph: what each needs, directly and through others. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter

from shared.workflows.model import Definition
from shared.workflows.near import nearest
from shared.workflows.validation.problem import Problem, of_step

Above = Mapping[str, frozenset[str]]
"""All steps that have ended when a step begins, by its id."""


def problems(definition: Definition) -> Iterator[Problem]:
    """What is wrong with ids and needs."""
    seen: dict[str, int] = {}
    for step in definition.steps:
        if (before := seen.setdefault(step.id, step.number)) != step.number:
            yield Problem(of_step(step, "id"), f"steps[{before}] is called {step.id} as well")
    for step in definition.steps:
        for number, name in enumerate(step.needs):
            if name not in seen:
                said = f"there is no step {name}; {nearest(name, seen.keys() - {step.id})}"
                yield Problem(of_step(step, "needs", number), said)
    if (circle := _circle(definition)) is not None:
        first = definition.step(circle[0])
        said = f"the steps need each other in a circle: {' -> '.join(circle)}"
        yield Problem(of_step(first, "needs"), said)


def above(definition: Definition) -> Above:
    """What each step needs, directly or not. Unknown needs are left out; there may be no circle."""
    graph = _graph(definition)
    found: dict[str, frozenset[str]] = {}
    for name in TopologicalSorter(graph).static_order():
        inner = (found[one] | {one} for one in graph[name])
        found[name] = frozenset().union(*inner)
    return found


def _circle(definition: Definition) -> list[str] | None:
    """A circle of steps, each before the one that it needs; it ends with its first."""
    try:
        TopologicalSorter(_graph(definition)).prepare()
    except CycleError as error:
        names: list[str] = error.args[1][::-1]  # graphlib has each before those that need it
        first = min(names[:-1], key=lambda one: definition.step(one).number)
        turn = names.index(first)
        return [*names[turn:-1], *names[:turn], first]
    return None


def _graph(definition: Definition) -> dict[str, list[str]]:
    known = {step.id for step in definition.steps}
    return {step.id: [one for one in step.needs if one in known] for step in definition.steps}
