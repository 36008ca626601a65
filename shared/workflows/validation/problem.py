"""What is wrong with a definition."""

from __future__ import annotations

from dataclasses import dataclass

from shared.workflows.model import APPROVAL, EVENT, WAIT, WORKFLOW, Step


@dataclass(frozen=True, order=True, slots=True)
class Problem:
    """One thing that is wrong. `field`: `steps[3].needs`."""

    field: str
    message: str


def of_step(step: Step, *place: str | int) -> str:
    """The name of a field of a step."""
    made = f"steps[{step.number}]"
    for part in place:
        made += f"[{part}]" if isinstance(part, int) else f".{part}"
    return made


WRITTEN = {WAIT: ("wait",), EVENT: ("wait",), APPROVAL: ("approval",), WORKFLOW: ()}
"""Where people write the parameters of a step's call; of a task, in `with`."""


def of_parameter(step: Step, *place: str | int) -> str:
    """The name of a parameter of a step's call, as people write it."""
    if step.call.task == WORKFLOW:
        inner = {"workflow_id": ("workflow",), "input": ("with",)}.get(str(place[0]), ("with",))
        return of_step(step, *inner, *place[1:])
    if step.call.task == EVENT and place[:1] == ("name",):
        return of_step(step, "wait", "event")
    return of_step(step, *WRITTEN.get(step.call.task, ("with",)), *place)
