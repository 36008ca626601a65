"""A workflow's definition, as it was checked: steps that form a graph.

Every step calls a task. What waits, asks a person or runs another workflow calls a small built-in
task (`functions/workflows`), so that each step is a job like any other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from shared.tasks import Impact

MAX_STEPS = 200
MAX_ITEMS = 1000
"""The most items of one `foreach`."""
MAX_PARALLEL = 50
MAX_DEPTH = 5
"""How deep workflows may run workflows."""

WAIT = "workflow_wait"
EVENT = "workflow_event"
APPROVAL = "approval"
WORKFLOW = "workflow"
"""The built-in tasks that steps without a `task` call."""
WAITING = frozenset({WAIT, EVENT, APPROVAL, WORKFLOW})
"""Those do nothing but wait."""


class OnError(StrEnum):
    """What follows a step that failed, was rejected or was cancelled."""

    FAIL = "fail"
    """Steps under way end, no other starts, and the run fails."""
    CONTINUE = "continue"
    """The run goes on: steps that need it see that it failed, and run only if their `when` says
    so."""
    COMPENSATE = "compensate"
    """As `fail`; then what was done is undone, in reverse."""


@dataclass(frozen=True, slots=True)
class Call:
    """A task with its parameters, in which a text may hold expressions: `${{ ... }}`."""

    task: str
    parameters: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Retries:
    """How often a step's job is tried, as `tasks.Retry`; None: as its task says."""

    attempts: int | None = None
    first_delay_seconds: int | None = None
    max_delay_seconds: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One step."""

    id: str
    number: int
    """Its place in the definition, from 0 on: part of its schedule's id."""
    call: Call
    needs: tuple[str, ...] = ()
    """Steps that must have ended before."""
    when: str | None = None
    """An expression: whether it runs. Without one it runs if all that it needs succeeded."""
    foreach: str | None = None
    """An expression that gives a list: the step runs once for each item."""
    max_parallel: int = 10
    """Of a `foreach`: how many items run at once."""
    retry: Retries = Retries()
    timeout_seconds: int | None = None
    """Of one attempt; None: as its task says."""
    on_error: OnError = OnError.FAIL
    impact: Impact | None = None
    """A higher class than its task's."""
    compensate: Call | None = None
    """What undoes it. It must also do no harm if the step did nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Input:
    """A value that a run is started with."""

    type: str = "string"
    """string, integer, number, boolean, array or object."""
    required: bool = False
    default: object = None
    description: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Definition:
    """A workflow as it is written, checked."""

    name: str
    steps: tuple[Step, ...]
    description: str = ""
    inputs: Mapping[str, Input] = field(default_factory=dict)
    deadline_seconds: int | None = None
    """How long a run may take in all; then it is cancelled."""
    digest: str
    """SHA-256 of its canonical JSON, in hex: its version."""

    def step(self, step_id: str) -> Step:
        """The step of that id. Raises `KeyError`."""
        return {one.id: one for one in self.steps}[step_id]
