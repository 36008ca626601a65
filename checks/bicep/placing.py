"""Resources: their types, their bodies, their names, their parents."""

from dataclasses import replace

from checks.bicep.fitting import fit, fit_fields, fit_variants
from checks.bicep.here import Here
from checks.bicep.inference import infer, loop_scope, nested
from checks.bicep.scopes import check_scope
from checks.bicep.syntax import tree
from checks.bicep.table.lookup import ResourceType, table
from checks.bicep.types import ARRAY, BOOLEAN, Record, Variants, resolved
from checks.bicep.unit import Placed

BESIDES = ("parent", "scope", "dependsOn")
"""What Bicep adds to the body of every resource."""


def check_resource(placed: Placed, here: Here) -> None:
    """A resource and those that are nested in it."""
    declaration = placed.declaration
    inside = loop_scope(declaration.loop, here) if declaration.loop else here
    if declaration.condition:
        fit(declaration.condition, BOOLEAN, f"the condition of {declaration.name}", inside)
        inside = replace(inside, guarded=True)
    inside = inside.within(placed)
    infer(declaration.body, inside)
    known = table().find(placed.type, placed.version)
    if known is None and placed.sound:
        _unknown(placed, here)
    elif known:
        _check_body(placed, known, inside)
        check_scope(placed, known, inside)
    if depends := declaration.body.get("dependsOn"):
        fit(depends, ARRAY, f"{declaration.name}.dependsOn", inside)
    _check_parent(placed, inside)
    _check_name(placed, here)
    for child in placed.children.values():
        check_resource(child, inside)


_ADDING = " (CONTRIBUTING.md: how to add a resource type)"


def _unknown(placed: Placed, here: Here) -> None:
    line = placed.declaration.line
    if versions := table().versions(placed.type):
        has = placed.version or "no version"
        known = ", ".join(versions)
        here.report(line, f"{placed.type} is known in version {known}, not in {has}{_ADDING}")
        return
    near = table().like(placed.type)
    hint = f"; did you mean {near}?" if near else ""
    here.report(line, f"the table knows no resource type {placed.type}{hint}{_ADDING}")


def _check_body(placed: Placed, known: ResourceType, here: Here) -> None:
    declaration = placed.declaration
    own = tuple(
        _last_segment(found) for found in declaration.body.properties if found.key not in BESIDES
    )
    body = replace(declaration.body, line=declaration.line, properties=own)
    match resolved(known.body):
        case Record(fields=fields, rest=rest):
            wanted = {
                name: replace(field, required=field.required and name == "name")
                if declaration.existing
                else field
                for name, field in fields.items()
            }
            fit_fields(body, wanted, rest, declaration.name, here)
        case Variants() as variants if not declaration.existing:
            fit_variants(body, variants, declaration.name, here)


def _last_segment(found: tree.Property) -> tree.Property:
    """A resource's name without its parents', which a type's pattern does not mean."""
    value = found.value
    if found.key != "name":
        return found
    if isinstance(value, tree.Literal) and isinstance(value.value, str):
        return replace(found, value=replace(value, value=value.value.rpartition("/")[2]))
    if isinstance(value, tree.Interpolated) and isinstance(value.parts[-1], str):
        _, slash, last = value.parts[-1].rpartition("/")
        if slash and last:
            literal = tree.Literal(line=value.line, text=value.text, value=last)
            return replace(found, value=literal)
    return found


def _check_parent(placed: Placed, here: Here) -> None:
    """Whether the type is that of a child of its parent."""
    declaration = placed.declaration
    written = declaration.body.get("parent")
    if written is None:
        return
    if placed.parent:
        here.report(written.line, f"{declaration.name} is nested: its parent is the outer resource")
        return
    symbol = written.of if isinstance(written, tree.Index | tree.NotNull) else written
    parent = nested(symbol, here)
    wanted = placed.type.rpartition("/")[0]
    if parent and parent.type.lower() != wanted.lower():
        here.report(
            written.line,
            f"{declaration.name}: {placed.type} belongs into {wanted},"
            f" and {parent.declaration.name} is {parent.type}",
        )


def _check_name(placed: Placed, here: Here) -> None:
    """Whether the name has as many parts as the type, or one where the parent is known."""
    declaration = placed.declaration
    name = declaration.body.get("name")
    if not isinstance(name, tree.Literal) or not isinstance(name.value, str):
        return
    if placed.parent or declaration.body.get("parent"):
        if "/" in name.value:
            here.report(
                name.line, f"{declaration.name}.name has a slash, and the parent is given already"
            )
        return
    wanted = placed.type.count("/") - 1
    if declaration.body.get("scope") is None and name.value.count("/") != wanted:
        here.report(
            name.line,
            f"{declaration.name}.name has {name.value.count('/')} slashes, and {placed.type}"
            f" {wanted}: give it a `parent`, or the names of its parents before its own",
        )
