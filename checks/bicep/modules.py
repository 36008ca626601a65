"""Modules: their parameters, against those that the module's file declares, and their scope."""

from dataclasses import replace
from pathlib import Path

from checks.bicep.declared import of_parameter
from checks.bicep.fitting import fit, fit_fields
from checks.bicep.here import Here
from checks.bicep.inference import infer, loop_scope
from checks.bicep.scopes import check_module_scope
from checks.bicep.similar import instead
from checks.bicep.syntax import tree
from checks.bicep.types import BOOLEAN, OBJECT, TEXT, Field, takes_null
from checks.bicep.unit import Unit

PROPERTIES = ("name", "params", "scope", "dependsOn", "identity", "extensionConfigs")


def check_module(module: tree.Module, here: Here) -> None:
    inside = loop_scope(module.loop, here) if module.loop else here
    if module.condition:
        fit(module.condition, BOOLEAN, f"the condition of {module.name}", inside)
        inside = replace(inside, guarded=True)
    infer(module.body, inside)
    for found in module.body.properties:
        if found.key not in PROPERTIES:
            here.report(
                found.line,
                f"module {module.name} has no property {found.key}"
                f"{instead(str(found.key), PROPERTIES)}",
            )
    if name := module.body.get("name"):
        fit(name, TEXT, f"module {module.name}.name", inside)
    target = here.unit.modules.get(module.name)
    if target is None or not target.readable:
        return
    if _deploys(target, here.unit):
        here.report(module.line, f"{target.path.name} deploys this file itself")
    check_module_scope(module, target, inside)
    params = module.body.get("params")
    if params is not None and not isinstance(params, tree.Object):
        fit(params, OBJECT, f"module {module.name}.params", inside)
        return
    given = params or tree.Object(line=module.line, text="{}", properties=())
    fit_fields(given, fields(target), None, f"module {module.name}", inside)


def fields(of: Unit) -> dict[str, Field]:
    """The parameters of a file, as the fields of what is given to it."""
    found = {}
    for name, parameter in of.parameters.items():
        wanted = of_parameter(of, parameter)
        required = parameter.default is None and not takes_null(wanted)
        found[name] = Field(type=wanted, required=required)
    return found


def _deploys(of: Unit, wanted: Unit) -> bool:
    """Whether a file has the other as a module, or a module of it has."""
    seen: set[Path] = set()
    ahead = [of]
    while ahead:
        for other in ahead.pop().modules.values():
            if other is wanted:
                return True
            if other.path not in seen:
                seen.add(other.path)
                ahead.append(other)
    return False
