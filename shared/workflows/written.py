"""A definition as people write it, in JSON or YAML. Its JSON Schema is made of this."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self, TypeAlias

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    field_validator,
    model_validator,
)

from shared.tasks import Flag, Impact
from shared.text import is_clean, parts
from shared.workflows.model import MAX_PARALLEL, MAX_STEPS, OnError

MAX_SECONDS = 366 * 86_400
"""The longest wait, and the longest run."""
MAX_NEEDS = 50
MAX_INPUTS = 50
_RESERVED = frozenset({"true", "false", "null", "in"})
_OPEN = "${{"
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)", re.ASCII)


def _free(name: str) -> str:
    if name in _RESERVED:
        raise ValueError(f"{name} is a word of expressions; give another name")
    return name


def _expression(text: str) -> str:
    if not text.strip():
        raise ValueError("it is empty; leave it out, or give an expression")
    return text


def _seconds(value: object) -> object:
    if isinstance(value, str) and _OPEN not in value:
        raise ValueError("give a whole number of seconds, or an expression in ${{ }}")
    return value


def _until(text: str) -> str:
    if _OPEN not in text and not _INSTANT.fullmatch(text):
        said = (
            "give a time with its offset, such as 2030-01-31T09:00:00Z, or an expression in ${{ }}"
        )
        raise ValueError(said)
    return text


Id: TypeAlias = Annotated[
    str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$"), AfterValidator(_free)
]
"""Of a step, an input or an event."""
WorkflowId: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]
Text: TypeAlias = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)
]
Expr: TypeAlias = Annotated[str, StringConstraints(max_length=2100), AfterValidator(_expression)]
"""With or without `${{ }}` around it."""
Whole: TypeAlias = Annotated[int, Field(strict=True)]
Seconds: TypeAlias = Annotated[int, Field(strict=True, ge=1, le=MAX_SECONDS)]
Parameters: TypeAlias = dict[str, Any]


class Part(BaseModel):
    """The base of all parts of a definition."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    @field_validator("*", mode="before")
    @classmethod
    def _is_clean(cls, value: object) -> object:
        if not all(is_clean(one) for one in parts(value) if isinstance(one, str)):
            raise ValueError("it holds half of a surrogate pair, or a null character")
        return value


class InputPart(Part):
    """A value that a run is started with."""

    type: Literal["string", "integer", "number", "boolean", "array", "object"] = "string"
    required: Flag = False
    """Whether each run must be given it."""
    default: Any = None
    """Its value if it is not given."""
    description: str = Field(default="", max_length=500)

    @model_validator(mode="after")
    def _default_fits(self) -> Self:
        if self.default is None:
            return self
        if self.required:
            raise ValueError("default: a required input has none; leave one of the two out")
        types = _TYPES[self.type]
        is_bool = isinstance(self.default, bool)
        if not isinstance(self.default, types) or is_bool != (self.type == "boolean"):
            raise ValueError(f"default: give a value of type {self.type}")
        return self


_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
}


class WaitPart(Part):
    """What a step waits for: one of seconds, until and event."""

    seconds: Annotated[int | str, Field(union_mode="left_to_right")] | None = None
    """How long, or an expression in `${{ }}`."""
    until: Annotated[str, AfterValidator(_until)] | None = None
    """A time such as 2030-01-31T09:00:00Z, or an expression in `${{ }}`."""
    event: Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_.-]{0,59}$")] | None = (
        None
    )
    """The name of an event that is sent to the run."""
    timeout_seconds: Seconds | None = None
    """How long an event is waited for. Default: 7 days."""

    @field_validator("seconds", mode="before")
    @classmethod
    def _number(cls, value: object) -> object:
        if isinstance(value, bool) or (isinstance(value, int) and not 0 <= value <= MAX_SECONDS):
            raise ValueError(f"give 0 to {MAX_SECONDS:,} seconds")
        return _seconds(value)

    @model_validator(mode="after")
    def _one(self) -> Self:
        given = [one for one in ("seconds", "until", "event") if getattr(self, one) is not None]
        if len(given) != 1:
            raise ValueError("give one of seconds, until and event")
        if self.timeout_seconds is not None and self.event is None:
            raise ValueError("timeout_seconds: it is for an event; leave it out")
        return self


class ApprovalPart(Part):
    """What a person is asked."""

    title: str = Field(min_length=1, max_length=2100)
    """In a few words; it may hold expressions."""
    text: str = Field(default="", max_length=20_000)
    """All that a person must know to decide; it may hold expressions."""
    facts: dict[str, str] = Field(default_factory=dict, max_length=30)
    """What else matters, by its name."""
    two_persons: Flag = False
    """Whether two persons must approve."""


class RetryPart(Part):
    """How often the step's job is tried. Default: as its task says."""

    attempts: Whole | None = Field(default=None, ge=1, le=20)
    first_delay_seconds: Whole | None = Field(default=None, ge=1, le=86_400)
    """Before the second attempt; doubles with each further one."""
    max_delay_seconds: Whole | None = Field(default=None, ge=1, le=86_400)


class CompensatePart(Part):
    """What undoes a step. It must also do no harm if the step did nothing."""

    task: str = Field(min_length=1, max_length=60)
    parameters: Parameters = Field(default_factory=dict, alias="with")
    """Its parameters; they may hold expressions."""


class StepPart(Part):
    """One step: one of task, wait, approval and workflow."""

    HINTS: ClassVar[Mapping[str, str]] = {
        "if": "write it as when",
        "parameters": "write them as with",
        "depends_on": "write it as needs",
        "timeout": "write it as timeout_seconds",
        "env": "give parameters in with",
    }

    id: Id
    """By which other steps name it."""
    task: str | None = Field(default=None, min_length=1, max_length=60)
    """The task's name; `GET /api/v1/task-types` lists them."""
    parameters: Parameters | None = Field(default=None, alias="with")
    """The parameters of the task, or the input of the workflow; they may hold expressions."""
    wait: WaitPart | None = None
    approval: ApprovalPart | None = None
    workflow: WorkflowId | None = None
    """The id of another workflow, which runs to its end."""
    needs: tuple[Id, ...] = Field(default=(), max_length=MAX_NEEDS)
    """The steps that must have ended before."""
    when: Expr | None = None
    """Whether it runs. Default: if all that it needs succeeded."""
    foreach: Expr | None = None
    """A list: the step runs once for each item, which expressions call `item`."""
    max_parallel: Whole = Field(default=10, ge=1, le=MAX_PARALLEL)
    """How many items run at once."""
    retry: RetryPart | None = None
    timeout_seconds: Whole | None = Field(default=None, ge=1, le=7200)
    """Of one attempt. Default: as the task says."""
    on_error: OnError = OnError.FAIL
    """What follows if it fails: the run fails, goes on, or undoes what was done."""
    impact: Impact | None = None
    """A higher class than the task's."""
    compensate: CompensatePart | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        kinds = ("task", "wait", "approval", "workflow")
        given = [one for one in kinds if getattr(self, one) is not None]
        if len(given) != 1:
            raise ValueError(f"give one of task, wait, approval and workflow; {_said(given)}")
        if self.parameters is not None and given[0] not in ("task", "workflow"):
            raise ValueError(f"with: {given[0]} takes none; leave it out")
        if self.foreach is None and "max_parallel" in self.model_fields_set:
            raise ValueError("max_parallel: it is for foreach; leave it out")
        if len(set(self.needs)) < len(self.needs):
            raise ValueError("needs: a step is named twice")
        return self


class WorkflowPart(Part):
    """A workflow's definition: steps that form a graph."""

    name: Text
    """For people."""
    description: str = Field(default="", max_length=2000)
    inputs: dict[Id, InputPart] = Field(default_factory=dict, max_length=MAX_INPUTS)
    """What a run is started with; expressions find it in `trigger`."""
    deadline_seconds: Seconds | None = None
    """How long a run may take in all; then it is cancelled, and undone."""
    steps: tuple[StepPart, ...] = Field(min_length=1, max_length=MAX_STEPS)


def _said(given: list[str]) -> str:
    return f"there are {' and '.join(given)}" if given else "there is none"
