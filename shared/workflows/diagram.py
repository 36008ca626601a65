"""A definition, or a run of it, as a Mermaid flow chart. Pure.

https://mermaid.js.org/syntax/flowchart.html

What people wrote stands in quotes, with every character that Mermaid or HTML could read as anything
but text written by its number (`#60;`), so no name can break out of its box, and none can script.
A state has a shape, a colour and a word, so that no one needs to tell colours apart.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from shared.text import cut
from shared.workflows.model import APPROVAL, EVENT, WAIT, WORKFLOW, Definition, OnError, Step

_LONGEST = 60
"""Characters of a text in a box."""
_PLAIN = frozenset(" .,-_/()!?+'")
_SHAPES = {
    WAIT: ("([", "])"),
    EVENT: (">", "]"),
    APPROVAL: ("{{", "}}"),
    WORKFLOW: ("[[", "]]"),
}
"""By the task that the step calls; any other has a box."""
_TASK = ("[", "]")
_WORDS = {WAIT: "wait", EVENT: "event", APPROVAL: "approval", WORKFLOW: "workflow"}
_STATES: Mapping[str, str] = {
    "waiting": "fill:#ffffff,stroke:#6b7280,color:#111827,stroke-dasharray:4 3",
    "running": "fill:#dbeafe,stroke:#1d4ed8,color:#111827,stroke-width:3px",
    "succeeded": "fill:#dcfce7,stroke:#15803d,color:#111827",
    "failed": "fill:#fee2e2,stroke:#b91c1c,color:#111827,stroke-width:4px",
    "skipped": "fill:#f3f4f6,stroke:#6b7280,color:#374151,stroke-dasharray:2 2",
    "not_run": "fill:#f3f4f6,stroke:#6b7280,color:#374151,stroke-dasharray:2 2",
    "cancelled": "fill:#fef3c7,stroke:#b45309,color:#111827,stroke-dasharray:6 2",
}
"""How a box of each state of a step looks."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """How a step of a run stands."""

    status: str
    """A word of `state.StepStatus`."""
    done: int | None = None
    """Of a `foreach`: how many items have ended."""
    total: int | None = None
    undone: bool = False
    """Whether it was undone."""


def mermaid(definition: Definition, states: Mapping[str, Shown] | None = None) -> str:
    """The flow chart. `states`: those of a run, by the steps' ids; a step without one waits."""
    lines = [*_head(definition), *_boxes(definition, states), *_arrows(definition)]
    if states is not None:
        lines += _classes(definition, states)
    return "\n".join(lines) + "\n"


def escaped(text: str) -> str:
    """A text for a box, as Mermaid's own character references where it is not plain."""
    short = cut(text, _LONGEST)
    more = "…" if short != text else ""
    return "".join(map(_escaped, short)) + more


def _escaped(letter: str) -> str:
    if letter in _PLAIN or letter.isalnum():
        return letter
    if letter.isspace() or unicodedata.category(letter).startswith("C"):
        return " "  # a control character, or one that turns the direction of writing
    return f"#{ord(letter)};"


def _head(definition: Definition) -> Iterator[str]:
    yield "---"
    yield f'title: "{escaped(definition.name)}"'
    yield "---"
    yield "flowchart TD"


def _boxes(definition: Definition, states: Mapping[str, Shown] | None) -> Iterator[str]:
    for step in definition.steps:
        opened, closed = _SHAPES.get(step.call.task, _TASK)
        lines = [_title(step), *_rules(step)]
        if states is not None:
            lines.append(_state(states.get(step.id)))
        yield f'  s{step.number}{opened}"{"<br/>".join(lines)}"{closed}'


def _title(step: Step) -> str:
    kind = step.call.task
    name = _WORDS.get(kind, kind)
    if kind == WORKFLOW:
        name = f"workflow {step.call.parameters.get('workflow_id', '')}"
    if kind == EVENT:
        name = f"event {step.call.parameters.get('name', '')}"
    return f"<b>{escaped(step.id)}</b><br/>{escaped(name)}"


def _rules(step: Step) -> Iterator[str]:
    """What else decides how it runs."""
    if step.when is not None:
        yield f"when {escaped(step.when)}"
    if step.foreach is not None:
        yield f"for each of {escaped(step.foreach)}"
    if step.impact is not None:
        yield f"class {step.impact}"
    if step.on_error is not OnError.FAIL:
        yield f"on error: {step.on_error}"
    if step.compensate is not None:
        yield f"undone by {escaped(step.compensate.task)}"


def _state(shown: Shown | None) -> str:
    if shown is None:
        return "waiting"
    count = f" {shown.done or 0} of {shown.total}" if shown.total is not None else ""
    undone = ", undone" if shown.undone else ""
    return f"{_word(shown.status).replace('_', ' ')}{count}{undone}"


def _word(status: str) -> str:
    return status if status in _STATES else "waiting"


def _arrows(definition: Definition) -> Iterator[str]:
    numbers = {step.id: step.number for step in definition.steps}
    for step in definition.steps:
        for name in step.needs:
            if name in numbers:
                yield f"  s{numbers[name]} --> s{step.number}"


def _classes(definition: Definition, states: Mapping[str, Shown]) -> Iterator[str]:
    members: dict[str, list[str]] = {}
    for step in definition.steps:
        shown = states.get(step.id)
        word = "waiting" if shown is None else _word(shown.status)
        members.setdefault(word, []).append(f"s{step.number}")
    for word, boxes in sorted(members.items()):
        yield f"  classDef {word} {_STATES[word]}"
        yield f"  class {','.join(boxes)} {word}"
