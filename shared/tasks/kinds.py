"""What a field takes, in plain words: for help texts and for error messages."""

from __future__ import annotations

import types
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import Enum
from pathlib import PurePath
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import AwareDatetime, BaseModel

TIME = "a time with its offset, such as 2030-01-31T09:00:00Z"
_LISTS = (list, tuple, set, frozenset, Sequence)
_PLAIN = (
    (bool, "true or false"),
    (int, "a whole number"),
    (float, "a number"),
    (str, "text"),
    ((datetime, AwareDatetime), TIME),
    (PurePath, "a path"),
)


def kind(annotation: object) -> str:
    """What it takes, in words that can follow "give"; a None beside it is left out."""
    return either(_kind(one) for one in options(annotation))


def options(annotation: object) -> list[object]:
    """The types of a union, without None; the type itself, if it is no union."""
    annotation = _bare(annotation)
    if get_origin(annotation) not in (Union, types.UnionType):
        return [annotation]
    found = [part for one in get_args(annotation) for part in options(one)]
    return [one for one in found if one is not type(None)]


def model(annotation: object) -> type[BaseModel] | None:
    """The model that an annotation is, or that its union contains."""
    for one in options(annotation):
        if isinstance(one, type) and issubclass(one, BaseModel):
            return one
    return None


def inner(annotation: object, part: str | int) -> object:
    """The type at `part` of what the annotation takes: a field's, or an item's."""
    if isinstance(part, int):
        lists = [one for one in options(annotation) if get_origin(one) in _LISTS]
        return get_args(lists[0])[0] if lists else None
    found = model(annotation)
    field = found.model_fields.get(part) if found is not None else None
    return field.annotation if field is not None else None


def example(annotation: object, place: Sequence[str | int]) -> str:
    """ ", such as ...": what the field at `place` has as its first example; "" without one. Of an
    item of a list, the list's example is asked for."""
    names = [part for part in place if isinstance(part, str)]
    for part in names[:-1]:
        annotation = inner(annotation, part)
    found = model(annotation) if names else None
    field = found.model_fields.get(names[-1]) if found is not None else None
    said = field.examples[0] if field is not None and field.examples else None
    said = said[0] if isinstance(said, list) else said
    return "" if said is None else f", such as {said}"


def either(words: Iterable[str]) -> str:
    """ "a, b or c"."""
    *most, last = dict.fromkeys(words)
    return f"{', '.join(most)} or {last}" if most else last


def _bare(annotation: object) -> object:
    """The type without what only constrains it."""
    if get_origin(annotation) is Annotated:
        return _bare(get_args(annotation)[0])
    return annotation


def _kind(one: Any) -> str:
    origin = get_origin(one) or one
    if origin is Literal:
        return either(str(value) for value in get_args(one))
    if origin in _LISTS:
        return _list(get_args(one))
    if origin in (dict, Mapping):
        return "an object"
    if not isinstance(one, type):
        return "something else"
    if issubclass(one, Enum):
        return either(str(member.value) for member in one)
    if issubclass(one, BaseModel):
        return f"an object with {either(one.model_fields)}"
    return next((words for type_, words in _PLAIN if issubclass(one, type_)), "something else")


def _list(items: Sequence[object]) -> str:
    whole = bool(items) and _bare(items[0]) is int
    return "a list, such as " + ("[1, 2]" if whole else '["a", "b"]')
