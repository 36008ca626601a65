"""Whether what is written fits the type that is wanted in its place.

Objects and arrays are followed to the last property; of any other expression the type is inferred.
"""

import re
from collections.abc import Mapping
from dataclasses import replace

from checks.bicep.assignable import assignable, misfit
from checks.bicep.here import Here
from checks.bicep.inference import infer, loop_scope
from checks.bicep.members import is_null
from checks.bicep.similar import instead
from checks.bicep.syntax import tree
from checks.bicep.types import (
    Constant,
    Field,
    Integer,
    Record,
    Sequence,
    Text,
    Type,
    Unknown,
    Variants,
    members,
    resolved,
    takes_null,
    word,
)

Value = str | int | bool


def fit(of: tree.Expression, wanted: Type, where: str, here: Here) -> None:
    """Reports what does not fit; `where` names the place, such as `site.properties.siteConfig`."""
    match of:
        case tree.Ternary(yes=yes, no=no):
            guarded = replace(here, guarded=True)
            fit(yes, wanted, where, guarded)
            fit(no, wanted, where, guarded)
        case tree.Object():
            _fit_object(of, wanted, where, here)
        case tree.Array():
            _fit_array(of, wanted, where, here)
        case tree.Loop():
            _fit_loop(of, wanted, where, here)
        case tree.Name() if written := _written(of, here):
            fit(written, wanted, f"{where} ({of.name})", Here(here.unit))
        case _:
            _fit_inferred(of, wanted, where, here)


def _written(of: tree.Name, here: Here) -> tree.Expression | None:
    """The object or the array that a variable of this file stands for."""
    declaration = here.unit.symbols.get(of.name)
    if of.name in here.locals or not isinstance(declaration, tree.Variable) or declaration.type:
        return None
    value = declaration.value
    return value if isinstance(value, tree.Object | tree.Array) else None


def _fit_inferred(of: tree.Expression, wanted: Type, where: str, here: Here) -> None:
    given = resolved(infer(of, here))
    if isinstance(given, Constant):
        problem = unfit(given.value, wanted)
    elif assignable(given, wanted):
        problem = None
    else:
        problem = misfit(given, wanted)
    if problem:
        here.report(of.line, f"{where}: {problem}")


def unfit(value: Value, wanted: Type) -> str | None:
    """What is wrong with a value, if anything is.

    A string outside of an open set counts as wrong: a slip is more likely than a value that
    Azure's tables do not know. Several of the set, with commas between them, are fine there.
    """
    targets = members(wanted)
    constants = [target.value for target in targets if isinstance(target, Constant)]
    if any(isinstance(target, Unknown) for target in targets) or _among(value, constants):
        return None
    if any(isinstance(target, Text) for target in targets) and _several(value, constants):
        return None
    if not assignable(Constant(value), wanted) and not (isinstance(value, str) and constants):
        return f"{word(Constant(value))} where {word(wanted)} is wanted"
    if constants and isinstance(value, str):
        return f"{value!r} is none of {', '.join(repr(one) for one in constants)}"
    return next((problem for target in targets if (problem := _outside(value, target))), None)


def _among(value: Value, constants: list[Value]) -> bool:
    return any(value == one and type(value) is type(one) for one in constants)


def _several(value: Value, constants: list[Value]) -> bool:
    return isinstance(value, str) and all(part.strip() in constants for part in value.split(","))


def _outside(value: Value, target: Type) -> str | None:
    """How the value breaks the limits of a type of its own kind."""
    if isinstance(target, Integer) and type(value) is int:
        low, high = target.minimum, target.maximum
        if (low is not None and value < low) or (high is not None and value > high):
            return f"{value} is outside of {_range(low, high)}"
    if isinstance(target, Text) and isinstance(value, str):
        low, high = target.minimum, target.maximum
        if len(value) < low or (high is not None and len(value) > high):
            return f"{value!r} has {len(value)} characters, outside of {_range(low, high)}"
        if target.pattern and not re.search(target.pattern, value):
            return f"{value!r} does not match {target.pattern}"
    return None


def _range(low: int | None, high: int | None) -> str:
    return f"{'' if low is None else low}..{'' if high is None else high}"


def _fit_array(of: tree.Array, wanted: Type, where: str, here: Here) -> None:
    target = _one(wanted, Sequence)
    if not isinstance(target, Sequence):
        _fit_inferred(of, wanted, where, here)
        return
    for count, item in enumerate(of.items):
        if isinstance(item, tree.Spread):
            fit(item.of, Sequence(item=target.item), f"{where}[{count}]", here)
        else:
            fit(item, target.item, f"{where}[{count}]", here)
    spread = any(isinstance(item, tree.Spread) for item in of.items)
    low, high = target.minimum, target.maximum
    if not spread and (len(of.items) < low or (high is not None and len(of.items) > high)):
        here.report(of.line, f"{where}: {len(of.items)} items, outside of {_range(low, high)}")


def _fit_loop(of: tree.Loop, wanted: Type, where: str, here: Here) -> None:
    target = _one(wanted, Sequence)
    if isinstance(target, Sequence):
        fit(of.body, target.item, f"{where}[]", loop_scope(of, here))
    else:
        _fit_inferred(of, wanted, where, here)


def _one(wanted: Type, *kinds: type) -> Type | None:
    """The only member of these kinds; None if there are several, or anything may stand here."""
    found = [member for member in members(wanted) if isinstance(member, kinds)]
    return found[0] if len(found) == 1 else None


def _fit_object(of: tree.Object, wanted: Type, where: str, here: Here) -> None:
    match _one(wanted, Record, Variants):
        case Record(fields=fields, rest=rest):
            fit_fields(of, fields, rest, where, here)
        case Variants() as variants:
            fit_variants(of, variants, where, here)
        case _:
            _fit_inferred(of, wanted, where, here)


def fit_variants(of: tree.Object, wanted: Variants, where: str, here: Here) -> None:
    """An object whose `key` says what else it holds."""
    written = of.get(wanted.key)
    choices = ", ".join(repr(choice) for choice in wanted.choices)
    if written is None:
        if not of.spreads:
            here.report(of.line, f"{where}.{wanted.key} is missing: one of {choices}")
        return
    key = resolved(infer(written, here))
    if not isinstance(key, Constant):
        return
    choice = resolved(wanted.choices.get(str(key.value), Unknown()))
    if isinstance(choice, Record):
        fit_fields(of, {**wanted.shared, **choice.fields}, choice.rest, where, here)
    else:
        here.report(written.line, f"{where}.{wanted.key}: {key.value!r} is none of {choices}")


def fit_fields(
    of: tree.Object, fields: Mapping[str, Field], rest: Type | None, where: str, here: Here
) -> None:
    """The properties of an object, each against its own type."""
    given: set[str] = set()
    for found in of.properties:
        if found.key is None:
            if rest is not None:
                fit(found.value, rest, f"{where}.{found.computed and found.computed.text}", here)
            continue
        if found.key in given:
            here.report(found.line, f"the property {found.key} is given twice")
        given.add(found.key)
        place = f"{where}.{found.key}"
        if found.key in fields:
            _fit_field(found, fields[found.key], place, here)
        elif rest is not None:
            fit(found.value, rest, place, here)
        else:
            writable = [name for name, field in fields.items() if not field.read_only]
            here.report(
                found.line, f"{where} has no property {found.key}{instead(found.key, writable)}"
            )
    if of.spreads or any(found.key is None for found in of.properties):
        return
    for name, field in fields.items():
        if field.required and name not in given:
            here.report(of.line, f"{where}.{name} is missing: {word(field.type)}")


def _fit_field(found: tree.Property, field: Field, where: str, here: Here) -> None:
    if field.read_only:
        here.report(found.line, f"{where} is read-only: Azure sets it")
        return
    given = infer(found.value, here)
    if field.required and not takes_null(field.type):
        if is_null(given):
            here.report(found.line, f"{where} is null, and {word(field.type)} is required")
        elif not isinstance(resolved(given), Unknown) and takes_null(given):
            here.report(
                found.value.line,
                f"{where} may be null, and {word(field.type)} is required: add ?? and a value",
            )
    fit(found.value, field.type, where, here)
