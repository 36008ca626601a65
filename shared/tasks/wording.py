"""What pydantic says of a wrong value, in words for whoever wrote it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from shared.errors import Invalid
from shared.tasks import kinds

Place = tuple[str | int, ...]

_INSTANT = frozenset({"datetime_parsing", "datetime_from_date_parsing"})
_LIMITS = {
    "greater_than": "give more than {gt}",
    "greater_than_equal": "give {ge} or more",
    "less_than": "give less than {lt}",
    "less_than_equal": "give {le} or less",
    "string_too_short": "give at least {min_length} characters",
    "string_too_long": "give at most {max_length} characters",
    "string_unicode": "it holds half of a surrogate pair",
    "too_short": "give at least {min_length} of them",
    "too_long": "give at most {max_length} of them",
    "finite_number": "give a number that is finite",
    "timezone_aware": f"give {kinds.TIME}",
}
"""By pydantic's word for what is wrong with a value of the right kind."""
_KINDS = {
    "string": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "datetime": kinds.TIME,
    "dict": "an object",
    "model": "an object",
}
"""What to give if the field's type is not known, by how pydantic's word for it begins."""
_NAME = ("[key]",)
"""How the place ends of an error in a name of a mapping."""
_OTHER_KIND = ("_type", "_parsing", "_from_float", "_parsing_size", "literal_error", "enum")
"""How pydantic's words end for a value of another kind."""


def in_words(item: Mapping[str, Any], model: object, place: Place, noun: str) -> tuple[Place, str]:
    """(where, what to do) of one of pydantic's errors.

    `model`: the type that was validated. `place`: where in it the error is; pydantic's names for
    the members of a union are left out of the result. `noun`: what the caller calls its fields.
    """
    where, taken = _resolved(model, place)
    said = _said(item, model, where, taken, noun)
    name, colon, rest = said.partition(": ")
    known = kinds.model(taken if where else model)
    if colon and item["type"] == "value_error" and known and name in known.model_fields:
        return (*where, name), rest  # a rule of the whole model that says which field it is about
    return where, said


def first_in_words(
    items: Iterable[Mapping[str, Any]], model: object, noun: str
) -> tuple[Place, str]:
    """The first error; for a field of a union type, the error of the type that came closest."""
    found = [in_words(item, model, tuple(item["loc"]), noun) for item in items]
    first = found[0][0]
    return max((one for one in found if one[0][: len(first)] == first), key=lambda one: len(one[0]))


def _said(item: Mapping[str, Any], model: object, where: Place, taken: object, noun: str) -> str:
    what = str(item["type"])
    context = {name: _plain(value) for name, value in item.get("ctx", {}).items()}
    cause = context.get("error")
    if what == "extra_forbidden":
        return _unknown(model, where, noun)
    if what in _INSTANT:
        said = str(cause).replace("input", "it").replace("invalid", "wrong")
        return f"{said}; give {kinds.TIME}"
    such = kinds.example(model, where)
    if what == "missing":
        return f"it is missing; give {_kind(what, taken, context)}{such}"
    if what == "string_pattern_mismatch":
        pattern = f"it does not match the pattern {context['pattern']}"
        return f"give text{such}; {pattern}" if such else pattern
    if what == "string_too_short" and context["min_length"] == 1:
        return "it is empty"
    if what in _LIMITS:
        return _LIMITS[what].format(**context)
    if what.endswith(_OTHER_KIND):
        return f"give {_kind(what, taken, context)}"
    if isinstance(cause, Invalid):
        return cause.message
    return str(cause) if isinstance(cause, ValueError) else str(item["msg"])


def _kind(what: str, taken: object, context: Mapping[str, object]) -> str:
    if taken is not None:
        return kinds.kind(taken)
    expected = str(context.get("expected", "it")).replace("'", "")
    return _KINDS.get(what.partition("_")[0], expected)


def _plain(value: object) -> object:
    """A limit as a person writes it: 0, not 0.0."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _unknown(model: object, where: Place, noun: str) -> str:
    """What to say of an unknown name: the model's hint for it, if there is one; else the known
    names."""
    found = kinds.model(_resolved(model, where[:-1])[1])
    if found is None:
        return f"no such {noun}; there is none here"
    hints: Mapping[str, str] = getattr(found, "HINTS", {})
    hint = hints.get(str(where[-1]), "")
    known = ", ".join(info.alias or name for name, info in found.model_fields.items())
    return f"no such {noun}; " + (
        hint or (f"there are: {known}" if known else "there is none here")
    )


def _resolved(model: object, place: Place) -> tuple[Place, object]:
    """(the place without pydantic's names for members of a union, the type at that place)."""
    where: Place = ()
    taken = model
    either = False
    for part in place[:-1] if place[-1:] == _NAME else place:
        if either := not either and len(kinds.options(taken)) > 1:
            continue  # pydantic's name for one of them
        where, taken = (*where, part), kinds.inner(taken, part)
    return where, taken
