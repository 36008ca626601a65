"""Expressions: that they can be read, and name only what is known when they are evaluated. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from shared.workflows.expressions import Expression, ExpressionError, expressions_in, parse
from shared.workflows.links import names
from shared.workflows.model import Definition, Step
from shared.workflows.near import nearest
from shared.workflows.validation.graph import Above
from shared.workflows.validation.problem import Problem, of_parameter, of_step

RUN = ("id", "workflow_id", "project_id", "started_at", "events")
"""What expressions know of the run."""
STEP = ("status", "result", "error")
"""What they know of a step that has ended."""
_ROOTS = ("trigger", "run", "steps")
_ITEM = ("item", "index")


def problems(definition: Definition, above: Above) -> Iterator[Problem]:
    """What is wrong with expressions."""
    for step in definition.steps:
        known = _Known(definition, step, above.get(step.id, frozenset()))
        for field in ("when", "foreach"):
            text = getattr(step, field)
            if text is not None:
                yield from _plain(text, of_step(step, field), known)
        with_items = known.with_items() if step.foreach is not None else known
        for place, expression in _held(step.call.parameters):
            yield from with_items.wrong(of_parameter(step, *place), expression)
        if step.compensate is not None:
            undoing = with_items.with_itself()
            for place, expression in _held(step.compensate.parameters):
                field = of_step(step, "compensate", "with", *place)
                yield from undoing.wrong(field, expression)


def _plain(text: str, field: str, known: _Known) -> Iterator[Problem]:
    """An expression that is not within a text."""
    try:
        found = parse(text)
    except ExpressionError as error:
        yield Problem(field, str(error))
    else:
        yield from known.wrong(field, found)


def _held(
    parameters: object,
) -> Iterator[tuple[tuple[str | int, ...], Expression | ExpressionError]]:
    for found in expressions_in(parameters):
        if found.expression is not None:
            yield found.place, found.expression
        elif found.wrong is not None:
            yield found.place, found.wrong


class _Known:
    """What the expressions of a step may name."""

    def __init__(
        self,
        definition: Definition,
        step: Step,
        ended: Collection[str],
        roots: Collection[str] = _ROOTS,
    ) -> None:
        self._definition = definition
        self._step = step
        self._ended = ended
        self._roots = roots

    def with_items(self) -> _Known:
        """Those that are evaluated for each item of a `foreach`."""
        return _Known(self._definition, self._step, self._ended, (*self._roots, *_ITEM))

    def with_itself(self) -> _Known:
        """Those that are evaluated after the step itself."""
        return _Known(self._definition, self._step, {*self._ended, self._step.id}, self._roots)

    def wrong(self, field: str, found: Expression | ExpressionError) -> Iterator[Problem]:
        """What an expression names and may not; or what is wrong with one that is none."""
        if isinstance(found, ExpressionError):
            yield Problem(field, str(found))
            return
        for path in sorted(found.paths):
            if (said := self._said(path)) is not None:
                yield Problem(field, said)

    def _said(self, path: tuple[str, ...]) -> str | None:
        root, *fields = path
        if root not in self._roots:
            if root in _ITEM:
                return f"{root} is known in the parameters of a step with foreach only"
            return f"there is no {root}; {nearest(root, self._roots)}"
        if root == "trigger" and fields and fields[0] not in self._definition.inputs:
            inputs = self._definition.inputs
            return f"the workflow has no input {fields[0]}; {nearest(fields[0], inputs)}"
        if root == "run" and fields and fields[0] not in RUN:
            return f"there is no run.{fields[0]}; {nearest(fields[0], RUN)}"
        if root == "run" and fields[:1] == ["events"]:
            return self._of_event(fields[1:])
        return self._of_step(fields) if root == "steps" else None

    def _of_event(self, fields: list[str]) -> str | None:
        if not fields:
            return "name the event: run.events.NAME, or run.events['NAME']"
        known = names(self._definition)
        if fields[0] not in known:
            return f"no step waits for an event {fields[0]}; {nearest(fields[0], known)}"
        return None

    def _of_step(self, fields: list[str]) -> str | None:
        if not fields:
            return "name the step: steps.ID, or steps['ID']"
        name, *inner = fields
        if name not in {one.id for one in self._definition.steps}:
            return f"there is no step {name}; {nearest(name, self._ended)}"
        if name not in self._ended:
            return (
                f"{name} may not have ended by then; name it in needs, directly or through others"
            )
        if inner and inner[0] not in STEP:
            known = ", ".join(STEP)
            return f"a step has {known}; what its task returned is steps.{name}.result"
        return None
