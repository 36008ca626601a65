"""What may stand in some places only: loops, `getSecret`, and a name that leads back to itself."""

from collections.abc import Iterator

from checks.bicep.modules import fields
from checks.bicep.syntax import tree
from checks.bicep.syntax.walk import children, names, parts
from checks.bicep.types import is_secure
from checks.bicep.unit import Unit


def check_standing(unit: Unit) -> None:
    for statement in unit.statements:
        match statement:
            case tree.Variable(value=value) | tree.Output(value=value):
                _check_loops(value.body if isinstance(value, tree.Loop) else value, False, unit)
                _check_secrets(value, frozenset(), unit)
            case tree.Parameter(default=value) if value:
                _check_loops(value, False, unit)
            case tree.Module(body=body):
                _check_loops(body, True, unit)
                _check_secrets(body, frozenset(_secure_places(statement, unit)), unit)
    for placed in unit.placed():
        _check_loops(placed.declaration.body, True, unit)
        _check_secrets(placed.declaration.body, frozenset(), unit)
    _check_cycles(unit)


def _check_loops(of: tree.Expression, in_body: bool, unit: Unit) -> None:
    """In the body of a resource or a module a loop may be the value of any property, elsewhere
    only that of the whole statement (BCP138 of the compiler)."""
    in_body = in_body and isinstance(of, tree.Object | tree.Array)
    for child in children(of):
        if not isinstance(child, tree.Loop):
            _check_loops(child, in_body, unit)
        elif in_body and isinstance(of, tree.Object):
            _check_loops(child.body, False, unit)
        else:
            unit.report.add(
                child.line,
                "a loop may not stand here: make it the value of a variable, and name that here",
            )


def _secure_places(module: tree.Module, unit: Unit) -> Iterator[int]:
    """Where a module takes secrets: its secure parameters, both sides of a condition."""
    target = unit.modules.get(module.name)
    params = module.body.get("params")
    if target is None or not target.readable or not isinstance(params, tree.Object):
        return
    wanted = fields(target)
    for found in params.properties:
        if found.key in wanted and is_secure(wanted[found.key].type):
            yield from _sides(found.value)


def _sides(of: tree.Expression) -> Iterator[int]:
    if isinstance(of, tree.Ternary):
        yield from _sides(of.yes)
        yield from _sides(of.no)
    else:
        yield id(of)


def _check_secrets(of: tree.Expression, allowed: frozenset[int], unit: Unit) -> None:
    for part in parts(of):
        asked = isinstance(part, tree.Call) and part.of and part.name == "getSecret"
        if asked and id(part) not in allowed:
            unit.report.add(
                part.line, "getSecret() may stand only as the value of a module's secure parameter"
            )


def _check_cycles(unit: Unit) -> None:
    """What needs itself cannot be deployed (BCP080 of the compiler)."""
    needs = {name: _needs(found) & unit.symbols.keys() for name, found in unit.symbols.items()}
    for name, found in unit.symbols.items():
        if name in _reached(name, needs):
            unit.report.add(found.line, f"{name} needs itself, directly or by what it names")


def _needs(of: tree.Statement) -> set[str]:
    match of:
        case tree.Variable(value=value):
            return names(value)
        case tree.Parameter(default=value):
            return names(value)
        case tree.Resource(body=body, loop=loop) | tree.Module(body=body, loop=loop):
            local = {loop.item, loop.index} if loop else set()
            return (names(body.properties) | names(of.condition)) - local
    return set()


def _reached(start: str, needs: dict[str, set[str]]) -> set[str]:
    seen: set[str] = set()
    ahead = [start]
    while ahead:
        for name in needs.get(ahead.pop(), set()) - seen:
            seen.add(name)
            ahead.append(name)
    return seen
