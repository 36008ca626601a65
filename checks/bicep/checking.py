"""Checks a file that has been read: every statement, then what is never used."""

from checks.bicep.clashing import check_clashing
from checks.bicep.declared import declared, is_only_itself, of_named, of_parameter
from checks.bicep.fitting import fit
from checks.bicep.functions import DECORATORS
from checks.bicep.here import Here
from checks.bicep.inference import infer, variable
from checks.bicep.modules import check_module
from checks.bicep.placing import check_resource
from checks.bicep.secrets import check_output, check_parameter_default
from checks.bicep.similar import instead
from checks.bicep.standing import check_standing
from checks.bicep.starting import check_start
from checks.bicep.syntax import tree
from checks.bicep.types import INTEGER, UNKNOWN, resolved
from checks.bicep.unit import Unit


def check_unit(unit: Unit) -> None:
    """Reports everything that is wrong in the file, unless it cannot be read at all."""
    if not unit.readable:
        return
    here = Here(unit)
    for statement in unit.statements:
        _check_decorators(statement.decorators, here)
        _check_statement(statement, here)
    for placed in unit.resources.values():
        check_resource(placed, here)
    check_start(unit)
    check_clashing(unit)
    check_standing(unit)
    _unused(unit)


def _check_statement(of: tree.Statement, here: Here) -> None:
    unit = here.unit
    match of:
        case tree.Parameter():
            _check_parameter(of, here)
        case tree.Variable():
            variable(of, unit)
            if of.type:
                fit(of.value, declared(unit, of.type), of.name, here)
        case tree.Output():
            fit(of.value, declared(unit, of.type, of.decorators), f"output {of.name}", here)
            infer(of.value, here)
            check_output(of, here)
        case tree.NamedType():
            if is_only_itself(unit, of.name):
                here.report(of.line, f"the type {of.name} is nothing but itself")
            resolved(of_named(unit, of.name))
            _check_fields(of.type, here)
        case tree.Function():
            _check_function(of, here)
        case tree.Module():
            check_module(of, here)
        case tree.Assertion() | tree.Metadata():
            infer(of.value, here)


def _check_parameter(of: tree.Parameter, here: Here) -> None:
    wanted = of_parameter(here.unit, of)
    _check_fields(of.type, here)
    check_parameter_default(of, here.unit)
    if of.default is not None:
        within = Here(here.unit, in_default=True)
        infer(of.default, within)
        fit(of.default, wanted, of.name, within)


def _check_function(of: tree.Function, here: Here) -> None:
    names = {name: declared(here.unit, wanted) for name, wanted in of.parameters}
    inside = here.knowing(names)
    infer(of.body, inside)
    fit(of.body, declared(here.unit, of.returns), f"{of.name}()", inside)


def _check_fields(of: tree.TypeExpression, here: Here) -> None:
    """The decorators within a type."""
    if isinstance(of, tree.TypeArray):
        _check_fields(of.item, here)
    elif isinstance(of, tree.TypeNullable):
        _check_fields(of.of, here)
    elif isinstance(of, tree.TypeUnion):
        for member in of.members:
            _check_fields(member, here)
    elif isinstance(of, tree.TypeObject):
        seen: set[str] = set()
        for found in of.properties:
            if found.name in seen:
                here.report(found.line, f"the property {found.name} is declared twice")
            seen.add(found.name)
            _check_decorators(found.decorators, here)
            _check_fields(found.type, here)


def _check_decorators(found: tuple[tree.Decorator, ...], here: Here) -> None:
    for decorator in found:
        if decorator.name not in DECORATORS:
            hint = instead(decorator.name, DECORATORS)
            here.report(decorator.line, f"there is no decorator @{decorator.name}(){hint}")
        for argument in decorator.arguments:
            if decorator.name.startswith(("min", "max", "batchSize")):
                fit(argument, INTEGER, f"@{decorator.name}", here)
            elif not isinstance(argument, tree.Lambda):
                fit(argument, UNKNOWN, f"@{decorator.name}", here)


def _unused(unit: Unit) -> None:
    for of in unit.statements:
        match of:
            case tree.Parameter():
                kind = "parameter"
            case tree.Variable() | tree.NamedType() | tree.Function() if not of.decorator("export"):
                kind = {tree.Variable: "variable", tree.NamedType: "type"}.get(type(of), "function")
            case tree.Resource(existing=True, body=body) if not body.resources:
                kind = "existing resource"
            case tree.Import():
                _unused_imports(of, unit)
                continue
            case _:
                continue
        if of.name not in unit.used:
            unit.report.add(of.line, f"the {kind} {of.name} is never used: take it out")


def _unused_imports(of: tree.Import, unit: Unit) -> None:
    for name in [of.name] if of.name else [local for _, local in of.symbols]:
        if name not in unit.used:
            unit.report.add(of.line, f"{name} is imported and never used: take it out")
