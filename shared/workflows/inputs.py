"""(What a definition asks for, what was given) -> the values that a run is started with."""

from __future__ import annotations

import json
from collections.abc import Mapping

from shared.errors import Invalid
from shared.workflows.model import Input

_KINDS: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
}
FIELD = "input"
"""What the API calls these values."""
MOST = 30_000
"""The most characters of them all as JSON, as of a task's parameters: a run's row has them."""


def inputs_of(wanted: Mapping[str, Input], given: Mapping[str, object]) -> dict[str, object]:
    """The value of each input, with defaults. Raises `Invalid` naming `input.<name>`."""
    for name in given:
        if name not in wanted:
            known = ", ".join(wanted) or "none"
            raise Invalid(f"{FIELD}.{name}", f"the workflow has no such input; it has: {known}")
    found = {name: _value(name, one, given) for name, one in wanted.items()}
    if (size := len(json.dumps(found))) > MOST:
        raise Invalid(FIELD, f"it has {size:,} characters as JSON; {MOST:,} can be")
    return found


def _value(name: str, wanted: Input, given: Mapping[str, object]) -> object:
    if name not in given:
        if wanted.required:
            raise Invalid(f"{FIELD}.{name}", f"is missing; give a value of type {wanted.type}")
        return wanted.default
    value = given[name]
    fits = isinstance(value, _KINDS[wanted.type])
    if not fits or (isinstance(value, bool) and wanted.type != "boolean"):
        raise Invalid(f"{FIELD}.{name}", f"give a value of type {wanted.type}")
    return value
