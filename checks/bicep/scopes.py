"""Scopes: at which of tenant, management group, subscription, resource group something is deployed.

Source: Microsoft's pages on `targetScope` and on the `scope` of resources and modules.
"""

from checks.bicep.here import Here, nested
from checks.bicep.syntax import tree
from checks.bicep.table.lookup import ResourceType
from checks.bicep.unit import Placed, Unit

OF_FUNCTION = ("tenant", "managementGroup", "subscription", "resourceGroup")
OF_RESOURCE = {
    "microsoft.resources/resourcegroups": "resourceGroup",
    "microsoft.management/managementgroups": "managementGroup",
    "microsoft.subscription/aliases": "subscription",
}
EXTENSION = "resource"


def scope_of(of: tree.Expression, here: Here) -> str | None:
    """The kind of scope that an expression names: `resource` for any other resource."""
    match of:
        case tree.Call(name=name) if name in OF_FUNCTION:
            return name
        case tree.Index(of=inner) | tree.NotNull(of=inner):
            return scope_of(inner, here)
        case tree.Ternary(yes=yes, no=no):
            one, other = scope_of(yes, here), scope_of(no, here)
            return one if one == other else None
        case tree.Name(name=name) if name in here.unit.resources:
            return OF_RESOURCE.get(here.unit.resources[name].type.lower(), EXTENSION)
        case tree.Nested():
            return EXTENSION if nested(of, here) else None
    return None


def check_scope(placed: Placed, known: ResourceType, here: Here) -> None:
    """Whether a resource of this type may be deployed where it is."""
    declaration = placed.declaration
    scope = declaration.body.get("scope")
    name = declaration.name
    if scope is None:
        if placed.parent or declaration.body.get("parent") or here.unit.scope in known.scopes:
            return
        here.report(
            declaration.line,
            f"{name}: {known.name} is deployed at {_listed(known)}, and this file at"
            f" {here.unit.scope}: {_instead(known, declaration.existing)}",
        )
        return
    kind = scope_of(scope, here)
    if kind is None:
        return
    if kind not in known.scopes:
        here.report(
            scope.line, f"{name}: {known.name} is deployed at {_listed(known)}, not at a {kind}"
        )
    elif not declaration.existing and _elsewhere(scope, kind, here.unit):
        here.report(
            scope.line,
            f"{name}: this file is deployed at {here.unit.scope}; put what belongs to another"
            f" scope into a module with `scope: {scope.text}`",
        )


def _listed(known: ResourceType) -> str:
    return " or ".join(sorted(known.scopes))


def _instead(known: ResourceType, existing: bool) -> str:
    if existing:
        return f"give it `scope: {min(known.scopes)}(...)`"
    return "put it into a module with a `scope`"


def _elsewhere(scope: tree.Expression, kind: str, unit: Unit) -> bool:
    """Whether a scope is another than the file's own; a resource can be extended anywhere."""
    if kind in (EXTENSION, "tenant"):
        return False
    return kind != unit.scope or not isinstance(scope, tree.Call) or bool(scope.arguments)


def check_module_scope(module: tree.Module, target: Unit, here: Here) -> None:
    """Whether the module is deployed at the scope that its file is written for."""
    scope = module.body.get("scope")
    kind = here.unit.scope if scope is None else scope_of(scope, here)
    if kind is None or kind == target.scope:
        return
    where = f"`scope` is a {kind}" if scope else f"this file is deployed at a {kind}"
    here.report(
        scope.line if scope else module.line,
        f"module {module.name}: {target.path.name} is for a {target.scope}, and {where}:"
        f" give it `scope: {target.scope}(...)`, or the symbol of one",
    )
