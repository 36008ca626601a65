"""A deployment as it was read: what other checks look at."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from checks.bicep.checking import check_unit
from checks.bicep.library import Library
from checks.bicep.parameters import check_parameters, path_of
from checks.bicep.plain import Expression, Plain, plain, plain_type
from checks.bicep.problem import Problem
from checks.bicep.syntax import tree
from checks.bicep.unit import Placed, Unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """`type` as it stands in the file; `default` is None without one, too: see `required`."""

    name: str
    type: str
    required: bool
    default: Plain
    secure: bool
    allowed: tuple[Plain, ...]
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    name: str
    type: str
    value: Plain
    secure: bool
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """`type` is the whole type, of a nested resource too; `parent` is the symbol of its parent.

    `loop` is what the loop runs over.
    """

    symbol: str
    type: str
    api_version: str
    existing: bool
    condition: Expression | None
    loop: Expression | None
    parent: str | None
    body: dict[str, Plain]
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """`file` is None if the module's file cannot be read; `scope` is None for the file's own."""

    symbol: str
    file: Path | None
    params: dict[str, Plain]
    scope: Plain
    condition: Expression | None
    loop: Expression | None
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    path: Path
    scope: str
    params: Mapping[str, Parameter]
    variables: Mapping[str, Plain]
    types: Mapping[str, str | dict[str, str]]
    """Of an object type its properties and their types; of any other its source."""
    resources: tuple[Resource, ...]
    modules: tuple[Module, ...]
    outputs: Mapping[str, Output]


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """`files`: the one asked for first, then the others as they are referred to."""

    files: tuple[File, ...]
    problems: tuple[Problem, ...]

    @property
    def main(self) -> File:
        return self.files[0]


def load(main: Path) -> Program:
    """Reads and checks a deployment, with `main.parameters.json` if that lies beside it.

    Raises OSError if there is no such file.
    """
    library = Library()
    first = library.unit(main)
    units = library.units
    for unit in units:
        check_unit(unit)
    reports = [unit.report for unit in units]
    if first.readable and path_of(main).is_file():
        reports.append(check_parameters(path_of(main), first))
    return Program(
        files=tuple(_file(unit) for unit in units),
        problems=tuple(problem for report in reports for problem in report.problems),
    )


def _file(unit: Unit) -> File:
    return File(
        path=unit.path,
        scope=unit.scope,
        params={name: _parameter(found) for name, found in unit.parameters.items()},
        variables={found.name: plain(found.value) for found in unit.of_kind(tree.Variable)},
        types={found.name: plain_type(found.type) for found in unit.of_kind(tree.NamedType)},
        resources=tuple(_resource(found) for found in unit.placed()),
        modules=tuple(_module(unit, found) for found in unit.of_kind(tree.Module)),
        outputs={name: _output(found) for name, found in unit.outputs.items()},
    )


def _parameter(found: tree.Parameter) -> Parameter:
    allowed = found.decorator("allowed")
    values = plain(allowed.arguments[0]) if allowed and allowed.arguments else None
    return Parameter(
        name=found.name,
        type=found.type.text,
        required=found.default is None and not isinstance(found.type, tree.TypeNullable),
        default=None if found.default is None else plain(found.default),
        secure=found.decorator("secure") is not None,
        allowed=tuple(values) if isinstance(values, list) else (),
        line=found.line,
    )


def _output(found: tree.Output) -> Output:
    return Output(
        name=found.name,
        type=found.type.text,
        value=plain(found.value),
        secure=found.decorator("secure") is not None,
        line=found.line,
    )


def _resource(placed: Placed) -> Resource:
    found = placed.declaration
    return Resource(
        symbol=found.name,
        type=placed.type,
        api_version=placed.version,
        existing=found.existing,
        condition=_expression(found.condition),
        loop=_expression(found.loop.over if found.loop else None),
        parent=_parent(placed),
        body=_properties(found.body),
        line=found.line,
    )


def _parent(placed: Placed) -> str | None:
    if placed.parent:
        return placed.parent.declaration.name
    parent = placed.declaration.body.get("parent")
    return parent.text if parent else None


def _module(unit: Unit, found: tree.Module) -> Module:
    params = found.body.get("params")
    scope = found.body.get("scope")
    file = unit.modules.get(found.name)
    return Module(
        symbol=found.name,
        file=file.path if file else None,
        params=_properties(params) if isinstance(params, tree.Object) else {},
        scope=plain(scope) if scope else None,
        condition=_expression(found.condition),
        loop=_expression(found.loop.over if found.loop else None),
        line=found.line,
    )


def _expression(of: tree.Expression | None) -> Expression | None:
    return None if of is None else Expression(of.text)


def _properties(of: tree.Object) -> dict[str, Plain]:
    found = plain(of)
    return found if isinstance(found, dict) else {}
