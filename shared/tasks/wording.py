"""What pydantic says of a wrong value, in words for whoever wrote it."""

from __future__ import annotations

import types
from collections.abc import Mapping, Sequence
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel

from shared.errors import Invalid

_INSTANT = frozenset({"datetime_parsing", "datetime_from_date_parsing"})
_BOOLEAN = frozenset({"bool_parsing", "bool_type"})


def in_words(item: Mapping[str, Any], model: object, path: Sequence[str | int], noun: str) -> str:
    """The message of one of pydantic's errors; of a name that there is not, with those there are.

    `model`: what was validated, a type. `path`: where in it the error is. `noun`: what its fields
    are to the caller.
    """
    if item["type"] == "extra_forbidden":
        known = ", ".join(fields_at(model, path[:-1]))
        return f"no such {noun}; " + (f"there are: {known}" if known else "there is none here")
    if item["type"] in _BOOLEAN:
        return "give true or false"
    cause = item.get("ctx", {}).get("error")
    if item["type"] in _INSTANT:
        return f"{cause}; give a time with its offset, such as 2030-01-31T09:00:00Z"
    if isinstance(cause, Invalid):
        return cause.message
    return str(cause) if isinstance(cause, ValueError) else str(item["msg"])


def fields_at(model: object, path: Sequence[str | int]) -> list[str]:
    """The fields of the model at `path` of a type; none if there is no model."""
    found = _model(model)
    if found is None:
        return []
    if not path:
        return list(found.model_fields)
    field = found.model_fields.get(str(path[0]))
    return fields_at(field.annotation, path[1:]) if field is not None else []


def _model(annotation: object) -> type[BaseModel] | None:
    """The model that an annotation is, or has with None beside it."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) in (Union, types.UnionType):
        return next((one for one in map(_model, get_args(annotation)) if one is not None), None)
    return None
