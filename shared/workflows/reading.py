"""Reads definitions, and gives each its version: the SHA-256 of its canonical JSON.

Canonical: ASCII, names in order, no blanks, and what has its default left out. So a definition in
YAML and the same one in JSON are one version.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from pydantic import ValidationError

from shared.errors import Damaged, Invalid
from shared.tasks.wording import first_in_words
from shared.workflows import texts
from shared.workflows.model import (
    APPROVAL,
    EVENT,
    WAIT,
    WORKFLOW,
    Call,
    Definition,
    Input,
    Retries,
    Step,
)
from shared.workflows.written import StepPart, WaitPart, WorkflowPart

EVENT_SECONDS = 7 * 86_400
"""How long a step waits for an event, if it does not say."""


@dataclass(frozen=True, slots=True)
class Read:
    """A definition that was read."""

    definition: Definition
    text: str
    """Its canonical JSON."""


def read(value: object) -> Read:
    """The definition that a JSON value is. Raises `Invalid`, naming the field: `steps[3].needs`."""
    texts.hold_depth(value)
    if not isinstance(value, dict):
        raise Invalid(texts.FIELD, "give an object with name and steps")
    try:
        part = WorkflowPart.model_validate(value)
    except ValidationError as error:
        place, said = first_in_words(error.errors(), WorkflowPart, "field")
        raise Invalid(field_name(place), said) from None
    text = canonical(part)
    if len(text) > texts.LARGEST:
        raise Invalid(texts.FIELD, f"it has more than {texts.LARGEST:,} bytes as JSON")
    return Read(_definition(part, hashlib.sha256(text.encode()).hexdigest()), text)


def read_body(data: bytes, media_type: str) -> Read:
    """The definition in a body of that media type. Raises `Invalid`."""
    reader = texts.READERS.get(media_type)
    if reader is None:
        known = "application/json or application/yaml"
        raise Invalid(texts.FIELD, f"send it as {known}, in the header Content-Type")
    return read(reader(data))


def read_definition(text: str) -> Definition:
    """The definition of a canonical JSON that was stored. Raises `Damaged`."""
    try:
        return read(json.loads(text)).definition
    except (Invalid, ValueError) as error:
        raise Damaged(f"the stored definition cannot be read: {error!s:.200}") from error


def canonical(part: WorkflowPart) -> str:
    """The canonical JSON."""
    said = part.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return json.dumps(said, sort_keys=True, separators=(",", ":"))


def field_name(place: tuple[str | int, ...]) -> str:
    """A place in words: `steps[3].wait.seconds`."""
    made = ""
    for part in place:
        made += f"[{part}]" if isinstance(part, int) else f".{part}"
    return made.removeprefix(".") or texts.FIELD


def bare(text: str) -> str:
    """An expression without the `${{ }}` around it, which `when` and `foreach` need not have."""
    text = text.strip()
    return text[3:-2].strip() if text.startswith("${{") and text.endswith("}}") else text


def _definition(part: WorkflowPart, digest: str) -> Definition:
    return Definition(
        name=part.name,
        description=part.description,
        inputs={name: Input(**one.model_dump()) for name, one in part.inputs.items()},
        deadline_seconds=part.deadline_seconds,
        steps=tuple(_step(number, one) for number, one in enumerate(part.steps)),
        digest=digest,
    )


def _step(number: int, part: StepPart) -> Step:
    undo = part.compensate
    return Step(
        id=part.id,
        number=number,
        call=_call(part),
        needs=part.needs,
        when=None if part.when is None else bare(part.when),
        foreach=None if part.foreach is None else bare(part.foreach),
        max_parallel=part.max_parallel,
        retry=Retries() if part.retry is None else Retries(**part.retry.model_dump()),
        timeout_seconds=part.timeout_seconds,
        on_error=part.on_error,
        impact=part.impact,
        compensate=None if undo is None else Call(undo.task, undo.parameters),
    )


def _call(part: StepPart) -> Call:
    """The task that the step calls; one without `task` calls a built-in one."""
    given = part.parameters or {}
    if part.wait is not None:
        return _wait(part.wait)
    if part.approval is not None:
        said = part.approval.model_dump(exclude_defaults=True)
        return Call(APPROVAL, said)
    if part.workflow is not None:
        return Call(WORKFLOW, {"workflow_id": part.workflow, "input": given})
    return Call(part.task or "", given)


def _wait(part: WaitPart) -> Call:
    if part.event is not None:
        limit = part.timeout_seconds or EVENT_SECONDS
        return Call(EVENT, {"name": part.event, "timeout_seconds": limit})
    said = {"seconds": part.seconds, "until": part.until}
    return Call(WAIT, {name: value for name, value in said.items() if value is not None})
