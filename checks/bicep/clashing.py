"""Names in Azure that clash: of the resources of one loop, and of two resources in one file."""

from checks.bicep.syntax import tree
from checks.bicep.syntax.walk import names
from checks.bicep.unit import Placed, Unit


def check_clashing(unit: Unit) -> None:
    for placed in unit.placed():
        if not placed.declaration.existing:
            _check_loop(placed.declaration, ("name", "parent", "scope"), unit)
    for module in unit.of_kind(tree.Module):
        if module.body.get("name"):
            _check_loop(module, ("name", "scope"), unit)
    _check_twice(unit)


def _check_loop(of: tree.Resource | tree.Module, keys: tuple[str, ...], unit: Unit) -> None:
    """Each turn of a loop needs a name of its own (BCP179 of the compiler)."""
    if of.loop is None:
        return
    variables = {of.loop.item, of.loop.index or of.loop.item}
    used = {name for key in keys for name in names(of.body.get(key))}
    if not variables & used:
        unit.report.add(
            of.line,
            f"{of.name} is deployed in a loop, and its name is the same in every turn:"
            f" put {of.loop.item} into it",
        )


def _check_twice(unit: Unit) -> None:
    """Two resources of one type and one literal name (BCP121 of the compiler)."""
    seen: dict[tuple[str, ...], Placed] = {}
    for placed in unit.placed():
        key = _identity(placed)
        if key is None:
            continue
        if first := seen.get(key):
            unit.report.add(
                placed.declaration.line,
                f"{placed.declaration.name} has the type and the name of"
                f" {first.declaration.name} on line {first.declaration.line}",
            )
        seen.setdefault(key, placed)


def _identity(placed: Placed) -> tuple[str, ...] | None:
    """None where a resource may be absent, or its name is no literal."""
    declaration = placed.declaration
    name = declaration.body.get("name")
    if declaration.existing or declaration.condition or declaration.loop:
        return None
    if not isinstance(name, tree.Literal):
        return None
    around = [declaration.body.get(key) for key in ("parent", "scope")]
    outer = placed.parent.declaration.name if placed.parent else ""
    return (
        placed.type.lower(),
        str(name.value).lower(),
        outer,
        *(one.text if one else "" for one in around),
    )
