"""Whether a value of one type may stand where another type is wanted.

Only what is certainly wrong is refused: a string where one of some strings is wanted may be one.
"""

from checks.bicep.types import (
    Boolean,
    Choice,
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
    resolved,
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
    """Each property that both know must fit; what is required must be there, if all is known."""
    for name, field in wanted.fields.items():
        if name in given.fields:
            if not assignable(given.fields[name].type, field.type, depth + 1):
                return False
        elif field.required and given.rest is None:
            return False
    extra = given.fields.keys() - wanted.fields.keys()
    if wanted.rest is None:
        return True
    return all(assignable(given.fields[name].type, wanted.rest, depth + 1) for name in extra)


def kinds_fit(given: Type, wanted: Type) -> bool:
    """Whether both are of one kind (string, int, bool, array, object), whatever their limits."""
    given, wanted = resolved(given), resolved(wanted)
    if isinstance(wanted, Choice):
        return any(kinds_fit(given, member) for member in wanted.members)
    return _kind(given) == _kind(wanted) or Unknown in (type(given), type(wanted))


def _kind(of: Type) -> str:
    match of:
        case Constant(value=value):
            return type(value).__name__
        case Variants():
            return Record.__name__
        case Text():
            return "str"
        case Integer():
            return "int"
        case Boolean():
            return "bool"
    return type(of).__name__
