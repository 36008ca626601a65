"""A definition, or a run of it, as a Mermaid flow chart. Pure.

https://mermaid.js.org/syntax/flowchart.html

What people wrote stands in quotes, with every character that Mermaid or HTML could read as anything
but text written by its number (`#60;`), so no name can break out of its box, and none can script.
A state has a shape, a colour and a word, so that no one needs to tell colours apart.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping

from shared.text import cut
from shared.workflows.model import APPROVAL, EVENT, WAIT, WORKFLOW, Definition, OnError, Step

_FIRST = "waiting"
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


def of_definition(definition: Definition) -> str:
    """The flow chart of a definition."""
    return _chart([*_head(definition), *_boxes(definition, None), *_arrows(definition)])


def of_run(definition: Definition, states: Mapping[str, str]) -> str:
    """The flow chart of a run. `states`: how each step stands, by its id: a word of
    `state.StepStatus`, and what else there is to say, such as `running 3/10`."""
    shown = [*_head(definition), *_boxes(definition, states), *_arrows(definition)]
    return _chart([*shown, *_classes(definition, states)])


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


def _boxes(definition: Definition, states: Mapping[str, str] | None) -> Iterator[str]:
    for step in definition.steps:
        opened, closed = _SHAPES.get(step.call.task, _TASK)
        lines = [_title(step), *_rules(step)]
        if states is not None:
            lines.append(escaped(states.get(step.id, _FIRST).replace("_", " ")))
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


def _arrows(definition: Definition) -> Iterator[str]:
    numbers = {step.id: step.number for step in definition.steps}
    for step in definition.steps:
        for name in step.needs:
            if name in numbers:
                yield f"  s{numbers[name]} --> s{step.number}"


def _classes(definition: Definition, states: Mapping[str, str]) -> Iterator[str]:
    members: dict[str, list[str]] = {}
    for step in definition.steps:
        word = states.get(step.id, _FIRST).partition(" ")[0]
        members.setdefault(word if word in _STATES else _FIRST, []).append(f"s{step.number}")
    for word, boxes in sorted(members.items()):
        yield f"  classDef {word} {_STATES[word]}"
        yield f"  class {','.join(boxes)} {word}"


def _chart(lines: Iterable[str]) -> str:
    return "\n".join(lines) + "\n"
