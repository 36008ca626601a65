"""Calls of functions: Bicep's own, those of a resource, and those that files declare."""

from collections.abc import Callable

from checks.bicep.assignable import assignable
from checks.bicep.declared import declared
from checks.bicep.functions import FUNCTIONS, ONLY_AS_DEFAULT, Signature, signature
from checks.bicep.here import Here
from checks.bicep.inference import NAMESPACES, infer
from checks.bicep.members import item, values
from checks.bicep.similar import instead
from checks.bicep.syntax import tree
from checks.bicep.types import (
    ARRAY,
    INTEGER,
    OBJECT,
    TEXT,
    UNKNOWN,
    Constant,
    Field,
    Record,
    Sequence,
    Text,
    Type,
    either,
    members,
    resolved,
    without_null,
    word,
)
from checks.bicep.unit import Unit

Arguments = tuple[tree.Expression, ...]


def call(of: tree.Call, here: Here) -> Type:
    """The type of what the call returns. A wrong call is reported."""
    if of.of is None:
        return _function(of, here)
    if isinstance(of.of, tree.Name) and of.of.name not in here.unit.names() | here.locals.keys():
        if of.of.name in NAMESPACES:
            return _own(of, here)
    elif isinstance(of.of, tree.Name) and (other := here.unit.wildcards.get(of.of.name)):
        here.unit.used.add(of.of.name)
        return _declared(of, other, of.name, here)
    infer(of.of, here)
    for argument in of.arguments:
        infer(argument, here)
    if not (of.name.startswith("list") or of.name in ("getSecret", "exists")):
        here.report(of.line, f"a resource has no function {of.name}(): there are list*()")
    return TEXT if of.name == "getSecret" else UNKNOWN


def _function(of: tree.Call, here: Here) -> Type:
    unit = here.unit
    if imported := unit.imported.get(of.name):
        unit.used.add(of.name)
        return _declared(of, imported.unit, imported.original, here)
    if isinstance(unit.symbols.get(of.name), tree.Function):
        unit.used.add(of.name)
        return _declared(of, unit, of.name, here)
    return _own(of, here)


def _declared(of: tree.Call, unit: Unit, name: str, here: Here) -> Type:
    """A function that a file declares."""
    function = unit.symbols.get(name)
    given = [infer(argument, here) for argument in of.arguments]
    exported = unit is here.unit or (function and function.decorator("export"))
    if not isinstance(function, tree.Function) or not exported:
        here.report(of.line, f"{unit.path.name} exports no function {name}")
        return UNKNOWN
    count = len(function.parameters)
    _counted(of, Signature(count, count, UNKNOWN), here)
    for (parameter, wanted), argument, have in zip(
        function.parameters, of.arguments, given, strict=False
    ):
        want = declared(unit, wanted)
        if not assignable(have, want):
            here.report(
                argument.line,
                f"{name}(): {parameter} is {word(want)}, and {argument.text} is {word(have)}",
            )
    return declared(unit, function.returns)


def _counted(of: tree.Call, wanted: Signature, here: Here) -> None:
    count = len(of.arguments)
    if count < wanted.least or (wanted.most is not None and count > wanted.most):
        here.report(of.line, f"{of.name}() takes {wanted} arguments, not {count}")


def _own(of: tree.Call, here: Here) -> Type:
    """A function of Bicep's own."""
    wanted = signature(of.name)
    if wanted is None:
        if of.name not in here.unit.unknown:
            functions = {*FUNCTIONS, *here.unit.symbols}
            here.report(of.line, f"there is no function {of.name}(){instead(of.name, functions)}")
        for argument in of.arguments:
            infer(argument, here)
        return UNKNOWN
    _counted(of, wanted, here)
    if of.name in ONLY_AS_DEFAULT and not here.in_default:
        here.report(of.line, f"{of.name}() may stand only in the default of a parameter")
    if of.name.startswith("load") and of.arguments:
        _check_file(of, of.arguments[0], here)
    given = _arguments(of, here)
    returns = RETURNS.get(of.name)
    if returns and len(given) >= wanted.least:
        return returns(given)
    return wanted.returns


def _check_file(of: tree.Call, source: tree.Expression, here: Here) -> None:
    """What is loaded is loaded when the file is built: it must be there, and its path known."""
    if not isinstance(source, tree.Literal):
        here.report(of.line, f"{of.name}() takes a path without ${{...}}: it is read at the build")
    elif not (here.unit.path.parent / str(source.value)).exists():
        here.report(of.line, f"there is no {source.value} beside {here.unit.path.name}")


def _arguments(of: tree.Call, here: Here) -> list[Type]:
    """The types of the arguments; of a lambda, of what it returns."""
    given: list[Type] = []
    for argument in of.arguments:
        if isinstance(argument, tree.Lambda):
            names = _lambda_names(of.name, argument.parameters, given)
            given.append(infer(argument.body, here.knowing(names)))
        else:
            given.append(infer(argument, here))
    return given


def _lambda_names(function: str, names: tuple[str, ...], given: list[Type]) -> dict[str, Type]:
    """The parameters of a lambda: items of the first argument, and where it may be, the index."""
    first = without_null(given[0]) if given else UNKNOWN
    one = item(first) or UNKNOWN
    match function:
        case "reduce":
            types = [UNKNOWN, one, INTEGER]
        case "sort":
            types = [one, one]
        case "mapValues":
            types = [values(first)]
        case "groupBy" | "toObject":
            types = [one]
        case _:
            types = [one, INTEGER]
    return dict(zip(names, [*types, UNKNOWN, UNKNOWN], strict=False))


def _same(given: list[Type]) -> Type:
    """What `take` and `skip` leave: a part of a string or of an array."""
    of = resolved(given[0])
    return TEXT if isinstance(of, Constant | Text) else of


def _items(given: list[Type]) -> Type:
    record = Record(fields={"key": Field(type=TEXT), "value": Field(type=values(given[0]))})
    return Sequence(item=record)


def _joined(given: list[Type]) -> Type:
    """`union`, `concat`, `intersection`: arrays give an array, objects an object."""
    parts = [part for of in given for part in members(without_null(of))]
    if parts and all(isinstance(part, Sequence) for part in parts):
        return Sequence(item=either(*(item(part) or UNKNOWN for part in parts)))
    if parts and all(isinstance(part, Record) for part in parts):
        return OBJECT
    if parts and all(isinstance(part, Text | Constant) for part in parts):
        return TEXT
    return UNKNOWN


def _first(given: list[Type]) -> Type:
    parts = members(without_null(given[0]))
    if all(isinstance(part, Text | Constant) for part in parts):
        return TEXT
    return item(without_null(given[0])) or UNKNOWN


def _coalesced(given: list[Type]) -> Type:
    return either(*(without_null(of) for of in given[:-1]), given[-1])


RETURNS: dict[str, Callable[[list[Type]], Type]] = {
    "coalesce": _coalesced,
    "concat": _joined,
    "distinct": lambda given: given[0],
    "filter": lambda given: given[0],
    "first": _first,
    "flatten": lambda given: item(given[0]) or ARRAY,
    "intersection": _joined,
    "items": _items,
    "last": _first,
    "map": lambda given: Sequence(item=given[1]),
    "skip": _same,
    "sort": lambda given: given[0],
    "take": _same,
    "toObject": lambda given: Record(fields={}, rest=given[2] if len(given) > 2 else UNKNOWN),
    "union": _joined,
}
"""What a function returns, where it depends on its arguments' types."""
