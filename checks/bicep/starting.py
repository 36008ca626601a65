"""What must be known before anything is deployed: names, scopes, conditions, what loops run over.

Of a resource only its id, name, type and API version are known by then; of a module nothing but
its name (BCP120, BCP178 and BCP182 of the compiler).
"""

from checks.bicep.syntax import tree
from checks.bicep.syntax.walk import children, parts
from checks.bicep.unit import Unit

KNOWN = frozenset({"id", "name", "type", "apiVersion"})


def check_start(unit: Unit) -> None:
    for placed in unit.placed():
        declaration = placed.declaration
        _check(declaration, ("name", "scope"), unit)
    for module in unit.of_kind(tree.Module):
        _check(module, ("name", "scope"), unit)
    for statement in unit.of_kind(tree.Variable):
        _check_loops(statement.value, unit)
    for output in unit.of_kind(tree.Output):
        _check_loops(output.value, unit)


def _check(of: tree.Resource | tree.Module, keys: tuple[str, ...], unit: Unit) -> None:
    for key in keys:
        _report(of.body.get(key), f"{of.name}.{key}", unit, _variables(of.loop))
    _report(of.condition, f"the condition of {of.name}", unit, _variables(of.loop))
    if of.loop:
        _report(of.loop.over, f"the loop of {of.name}", unit)
    _check_loops(of.body, unit)


def _check_loops(of: tree.Expression, unit: Unit) -> None:
    for part in parts(of):
        if isinstance(part, tree.Loop):
            _report(part.over, f"a loop over {part.over.text}", unit)


def _variables(loop: tree.Loop | None) -> frozenset[str]:
    return frozenset({loop.item, loop.index or loop.item}) if loop else frozenset()


def _report(
    of: tree.Expression | None, where: str, unit: Unit, local: frozenset[str] = frozenset()
) -> None:
    if of is not None and (late := _late(of, unit, local)):
        unit.report.add(
            of.line,
            f"{where} must be known before anything is deployed, and {late} is not:"
            " take it from parameters, or from an id or a name",
        )


def _late(of: tree.Expression, unit: Unit, seen: frozenset[str]) -> str | None:
    """The first part that is known only after something was deployed.

    `seen`: the names that are not looked up, of loops and of variables that were followed.
    """
    match of:
        case tree.Member(of=inner, name=name) if _is_deployed(inner, unit, seen):
            known = KNOWN if not _is_module(inner, unit) else {"name"}
            return None if name in known else of.text
        case tree.Call(name=name) if name.startswith("list") or name == "reference":
            return of.text
        case tree.Index(of=inner, at=tree.Literal(value=str(name))) if _is_deployed(
            inner, unit, seen
        ):
            return None if name in KNOWN else of.text
        case tree.Call(name="nameof"):
            return None
        case tree.Lambda(parameters=parameters, body=body):
            return _late(body, unit, seen | frozenset(parameters))
        case tree.Loop(over=over, body=body):
            return _late(over, unit, seen) or _late(body, unit, seen | _variables(of))
        case tree.Name(name=name) if name not in seen:
            declaration = unit.symbols.get(name)
            if isinstance(declaration, tree.Variable):
                return _late(declaration.value, unit, seen | {name})
    found = (_late(child, unit, seen) for child in children(of))
    return next((late for late in found if late), None)


def _symbol(of: tree.Expression) -> tree.Expression:
    """Without an index and without `!`."""
    while isinstance(of, tree.Index | tree.NotNull):
        of = of.of
    return of


def _is_deployed(of: tree.Expression, unit: Unit, local: frozenset[str]) -> bool:
    symbol = _symbol(of)
    if isinstance(symbol, tree.Nested):
        return True
    if not isinstance(symbol, tree.Name) or symbol.name in local:
        return False
    return isinstance(unit.symbols.get(symbol.name), tree.Resource | tree.Module)


def _is_module(of: tree.Expression, unit: Unit) -> bool:
    symbol = _symbol(of)
    return isinstance(symbol, tree.Name) and isinstance(unit.symbols.get(symbol.name), tree.Module)
