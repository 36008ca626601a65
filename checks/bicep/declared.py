"""The types that a file declares: those of its parameters and outputs, and its own by name."""

import difflib
from collections.abc import Callable, Iterator
from dataclasses import replace

from checks.bicep.syntax import tree
from checks.bicep.types import (
    ARRAY,
    BOOLEAN,
    INTEGER,
    NULL,
    OBJECT,
    TEXT,
    UNKNOWN,
    Choice,
    Constant,
    Field,
    Integer,
    Later,
    Null,
    Record,
    Sequence,
    Text,
    Type,
    Variants,
    either,
    members,
    nullable,
    resolved,
    takes_null,
    without_null,
)
from checks.bicep.unit import Unit

Decorators = tuple[tree.Decorator, ...]
PRIMITIVES: dict[str, Type] = {
    "string": TEXT,
    "int": INTEGER,
    "bool": BOOLEAN,
    "object": OBJECT,
    "array": ARRAY,
    "any": UNKNOWN,
}


def declared(unit: Unit, of: tree.TypeExpression, decorators: Decorators = ()) -> Type:
    """The type, with the limits that its decorators set. Unknown names are reported."""
    return _limited(_written(unit, of, decorators), decorators)


def of_parameter(unit: Unit, parameter: tree.Parameter) -> Type:
    return declared(unit, parameter.type, parameter.decorators)


def of_named(unit: Unit, name: str) -> Type:
    """The type that the unit declares by this name; what it means is looked up when needed."""
    found = unit.symbols.get(name)
    if not isinstance(found, tree.NamedType):
        return UNKNOWN
    if name not in unit.types:
        unit.types[name] = Later(lambda: declared(unit, found.type, found.decorators))
    return unit.types[name]


def is_only_itself(unit: Unit, name: str) -> bool:
    """Whether a type leads back to itself by names alone, so that it means nothing."""
    seen: set[str] = set()
    ahead = [name]
    while ahead:
        found = unit.symbols.get(ahead.pop())
        for other in _aliases(found.type) if isinstance(found, tree.NamedType) else ():
            if other == name:
                return True
            if other not in seen:
                seen.add(other)
                ahead.append(other)
    return False


def _aliases(of: tree.TypeExpression) -> Iterator[str]:
    """The names that a type may be nothing but."""
    match of:
        case tree.TypeName(path=(name,)):
            yield name
        case tree.TypeNullable(of=inner):
            yield from _aliases(inner)
        case tree.TypeUnion(members=parts):
            for part in parts:
                yield from _aliases(part)


def _written(unit: Unit, of: tree.TypeExpression, decorators: Decorators) -> Type:
    match of:
        case tree.TypeLiteral(value=value):
            return NULL if value is None else Constant(value)
        case tree.TypeNullable(of=inner):
            return nullable(declared(unit, inner))
        case tree.TypeArray(item=item):
            return Sequence(item=declared(unit, item))
        case tree.TypeTuple(items=items):
            return Sequence(item=either(*(declared(unit, item) for item in items)))
        case tree.TypeUnion():
            return _union(unit, of, decorators)
        case tree.TypeObject():
            return _record(unit, of)
        case tree.TypeOfResource():
            return UNKNOWN
    return _named(unit, of)


def _record(unit: Unit, of: tree.TypeObject) -> Record:
    return Record(
        fields={found.name: _field(unit, found) for found in of.properties},
        rest=None if of.rest is None else declared(unit, of.rest),
    )


def _field(unit: Unit, found: tree.TypeProperty) -> Field:
    of = declared(unit, found.type, found.decorators)
    optional = isinstance(found.type, tree.TypeNullable)
    return Field(type=of, required=not optional)


def _union(unit: Unit, of: tree.TypeUnion, decorators: Decorators) -> Type:
    key = next((found.arguments for found in decorators if found.name == "discriminator"), ())
    types = [declared(unit, member) for member in of.members]
    if not key or not isinstance(key[0], tree.Literal):
        return Choice(tuple(types))
    name = str(key[0].value)
    return Later(lambda: _variants(name, types))


def _variants(key: str, types: list[Type]) -> Type:
    choices: dict[str, Type] = {}
    for member in (one for of in types for one in members(of)):
        field = member.fields.get(key) if isinstance(member, Record) else None
        constant = resolved(field.type) if field else None
        if isinstance(constant, Constant):
            choices[str(constant.value)] = member
    variants = Variants(key=key, shared={}, choices=choices)
    return nullable(variants) if any(takes_null(of) for of in types) else variants


def _named(unit: Unit, of: tree.TypeName) -> Type:
    name, *steps = of.path
    if name == "sys" and steps and name not in unit.names():
        return PRIMITIVES.get(steps[0], UNKNOWN)
    unit.used.add(name)
    if name in unit.unknown:
        return UNKNOWN
    if name in unit.wildcards and steps:
        other = unit.wildcards[name]
        name, *steps = steps
        exported = other.symbols.get(name)
        if not isinstance(exported, tree.NamedType) or not exported.decorator("export"):
            unit.report.add(of.line, f"{other.path.name} exports no type {name}")
            return UNKNOWN
        found: Type = of_named(other, name)
    elif imported := unit.imported.get(name):
        found = of_named(imported.unit, imported.original)
    elif isinstance(unit.symbols.get(name), tree.NamedType):
        found = of_named(unit, name)
    elif name in PRIMITIVES:
        found = PRIMITIVES[name]
    else:
        unit.report.add(of.line, f"there is no type {name}{_instead(unit, name)}")
        return UNKNOWN
    return Later(lambda: _stepped(found, steps)) if steps else found


def _instead(unit: Unit, name: str) -> str:
    types = {found.name for found in unit.of_kind(tree.NamedType)} | set(unit.imported)
    near = difflib.get_close_matches(name, [*types, *PRIMITIVES], n=1)
    return f"; did you mean {near[0]}?" if near else ""


def _stepped(of: Type, steps: list[str]) -> Type:
    """`type.property`, `type[*]`, `type.*`: what is unknown there is Unknown."""
    for step in steps:
        of = resolved(without_null(of))
        if isinstance(of, Sequence) and step.startswith("["):
            of = of.item
        elif isinstance(of, Record) and step == "*":
            of = of.rest or UNKNOWN
        elif isinstance(of, Record) and step in of.fields:
            of = of.fields[step].type
        else:
            return UNKNOWN
    return of


def _limited(of: Type, decorators: Decorators) -> Type:
    for decorator in decorators:
        value = decorator.arguments[0] if decorator.arguments else None
        if decorator.name == "secure":
            of = _each(of, _secured)
        elif decorator.name == "allowed" and isinstance(value, tree.Array):
            of = _allowed(of, value)
        elif isinstance(value, tree.Literal) and type(value.value) is int:
            of = _each(of, _limit(decorator.name, value.value))
    return of


def _each(of: Type, change: Callable[[Type], Type]) -> Type:
    """The type with every member changed; null stays."""
    if isinstance(of, Later):
        return Later(lambda: _each(of.found, change))
    if isinstance(of, Choice):
        return Choice(tuple(_each(member, change) for member in of.members))
    return of if isinstance(of, Null) else change(of)


def _secured(of: Type) -> Type:
    return replace(of, secure=True) if isinstance(of, Text | Record) else of


def _limit(name: str, value: int) -> Callable[[Type], Type]:
    def limited(of: Type) -> Type:
        match name, of:
            case "minLength", Text() | Sequence():
                return replace(of, minimum=value)
            case "maxLength", Text() | Sequence():
                return replace(of, maximum=value)
            case "minValue", Integer():
                return replace(of, minimum=value)
            case "maxValue", Integer():
                return replace(of, maximum=value)
        return of

    return limited


def _allowed(of: Type, values: tree.Array) -> Type:
    """`@allowed` of an array means its items."""
    constants = tuple(
        Constant(item.value)
        for item in values.items
        if isinstance(item, tree.Literal) and item.value is not None
    )
    if len(constants) < len(values.items):
        return of
    return _each(
        of,
        lambda one: (
            replace(one, item=Choice(constants)) if isinstance(one, Sequence) else Choice(constants)
        ),
    )
