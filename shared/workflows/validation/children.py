"""Workflows that a workflow runs: that they exist, take that input, and never run it again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from shared.errors import Invalid
from shared.workflows.expressions import expressions_in
from shared.workflows.inputs import FIELD, inputs_of
from shared.workflows.model import MAX_DEPTH, WORKFLOW, Definition, Step
from shared.workflows.validation.problem import Problem, of_step

Known = Callable[[str], Definition | None]
"""Finds the present definition of a workflow of the same project."""


class Children:
    """The check, for the workflow of that id. `asks`: whether a step of any workflow asks a
    person."""

    def __init__(self, workflow_id: str, known: Known, asks: Callable[[Step], bool]) -> None:
        self._id = workflow_id
        self._known = known
        self._asks = asks

    def problems(self, definition: Definition) -> Iterator[Problem]:
        """What is wrong with the workflows that it runs."""
        for step in definition.steps:
            if step.call.task == WORKFLOW:
                yield from self._of_step(step)

    def _of_step(self, step: Step) -> Iterator[Problem]:
        name = _child(step)
        field = of_step(step, "workflow")
        if name is None:
            yield Problem(field, "give the id of a workflow; no expression can be one")
            return
        child = self._known(name)
        if child is None and name != self._id:
            yield Problem(field, f"there is no workflow {name!r:.60} in this project")
            return
        below = self._below(name)
        if (said := self._circle(below)) is not None:
            yield Problem(field, said)
            return
        if child is None:
            return
        yield from self._input(step, child)
        if step.foreach is not None and self._asks_below(below):
            said = f"{name} asks a person, once for each item; let one step ask for all first"
            yield Problem(of_step(step, "foreach"), said)

    def _input(self, step: Step, child: Definition) -> Iterator[Problem]:
        given = step.call.parameters.get("input")
        if not isinstance(given, dict):
            return
        computed = {str(one.place[0]) for one in expressions_in(given)}
        fixed = {name: value for name, value in given.items() if name not in computed}
        wanted = {name: one for name, one in child.inputs.items() if name not in computed}
        names = computed - child.inputs.keys()
        try:
            inputs_of(wanted, {**fixed, **dict.fromkeys(names)})
        except Invalid as error:
            place = error.field.removeprefix(f"{FIELD}.")
            yield Problem(of_step(step, "with", place), error.message)

    def _below(self, name: str) -> list[Mapping[str, str]]:
        """The workflows that would run, one level after another, each with one that runs it."""
        levels: list[Mapping[str, str]] = [{name: self._id}]
        while levels[-1] and self._id not in levels[-1] and len(levels) < MAX_DEPTH + 1:
            levels.append({child: one for one in levels[-1] for child in self._children_of(one)})
        return levels

    def _children_of(self, name: str) -> set[str]:
        found = self._known(name)
        return (
            {one for step in found.steps if (one := _child(step))} if found is not None else set()
        )

    def _circle(self, below: list[Mapping[str, str]]) -> str | None:
        """What to say if it would run itself, or run too deep."""
        if self._id in below[-1]:
            return f"it would run itself: {_chain(below, self._id)}"
        if len(below) > MAX_DEPTH and below[-1]:
            chain = _chain(below, next(iter(below[-1])))
            return f"at most {MAX_DEPTH} workflows run below another: {chain}"
        return None

    def _asks_below(self, below: list[Mapping[str, str]]) -> bool:
        """Whether one of those workflows asks a person."""
        found = [self._known(name) for level in below for name in level]
        return any(self._asks(step) for one in found if one is not None for step in one.steps)


def _chain(levels: list[Mapping[str, str]], last: str) -> str:
    """How the last level's workflow comes to run."""
    names = [last]
    for level in reversed(levels):
        names.append(level[names[-1]])
    return " -> ".join(reversed(names))


def _child(step: Step) -> str | None:
    """The workflow that the step runs, if it is written there."""
    name = step.call.parameters.get("workflow_id") if step.call.task == WORKFLOW else None
    return name if isinstance(name, str) and "${{" not in name else None
