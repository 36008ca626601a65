"""Whether a value of one type may stand where another type is wanted.

Only what is certainly wrong is refused: a string where one of some strings is wanted may be one.
"""

from collections.abc import Iterator

from checks.bicep.similar import instead
from checks.bicep.types import (
    Boolean,
    Constant,
    Integer,
    Null,
    Record,
    Sequence,
    Text,
    Type,
    Unknown,
    Variants,
    members,
    word,
)

DEEPEST = 8
"""Types may contain themselves: further down they are taken to fit."""


def assignable(given: Type, wanted: Type, depth: int = 0) -> bool:
    """Null does not count: where it may stand is a question of what is required."""
    targets = members(wanted)
    if depth > DEEPEST or any(isinstance(target, Unknown) for target in targets):
        return True
    return all(
        any(_fits(source, target, depth) for target in targets)
        for source in members(given)
        if not isinstance(source, Null | Unknown)
    )


def _fits(given: Type, wanted: Type, depth: int) -> bool:
    match given, wanted:
        case Constant(value=one), Constant(value=other):
            return one == other and type(one) is type(other)
        case Constant(value=value), Text() | Integer() | Boolean():
            return _constant_fits(value, wanted)
        case Text(), Text():
            return True
        case ((Text() | Integer() | Boolean()), Constant(value=value)):
            return _constant_fits(value, given)
        case (Integer(), Integer()) | (Boolean(), Boolean()):
            return True
        case Sequence(item=one), Sequence(item=other):
            return assignable(one, other, depth + 1)
        case Record(), Record():
            return _record_fits(given, wanted, depth)
        case ((Record() | Variants()), (Record() | Variants())):
            return True
    return False


def _constant_fits(value: str | int | bool, wanted: Type) -> bool:
    match wanted:
        case Text():
            return isinstance(value, str)
        case Boolean():
            return isinstance(value, bool)
        case Integer():
            return isinstance(value, int) and not isinstance(value, bool)
    return False


def _record_fits(given: Record, wanted: Record, depth: int) -> bool:
    return next(_misfits(given, wanted, depth), None) is None


def _misfits(given: Record, wanted: Record, depth: int) -> Iterator[str]:
    """The properties that do not fit: of another type, missing, or not known there."""
    for name, field in wanted.fields.items():
        if name in given.fields:
            if not assignable(given.fields[name].type, field.type, depth + 1):
                yield name
        elif field.required and given.rest is None:
            yield name
    for name in given.fields.keys() - wanted.fields.keys():
        if wanted.rest is None or not assignable(given.fields[name].type, wanted.rest, depth + 1):
            yield name


def misfit(given: Type, wanted: Type) -> str:
    """Says why a value does not fit, down to the property that is wrong."""
    records = [_only(of, Record) for of in (given, wanted)]
    if isinstance(records[0], Record) and isinstance(records[1], Record):
        return _misfit_property(records[0], records[1])
    items = [_only(of, Sequence) for of in (given, wanted)]
    if isinstance(items[0], Sequence) and isinstance(items[1], Sequence):
        return f"in its items, {misfit(items[0].item, items[1].item)}"
    return f"{word(given)} where {word(wanted)} is wanted"


def _misfit_property(given: Record, wanted: Record) -> str:
    name = min(_misfits(given, wanted, 0), default="")
    if name not in given.fields:
        return f"{name} is missing: {word(wanted.fields[name].type)}" if name else "an object"
    target = wanted.fields[name].type if name in wanted.fields else wanted.rest
    if target is None:
        return f"there is no property {name}{instead(name, wanted.fields)}"
    return f"{name}: {misfit(given.fields[name].type, target)}"


def _only(of: Type, kind: type) -> Type | None:
    """The only member of this kind, if there is one."""
    found = [member for member in members(of) if isinstance(member, kind)]
    return found[0] if len(found) == 1 else None
