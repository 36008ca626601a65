"""Reads a Bicep file and all files that it refers to, each once, and links their names."""

import difflib
import functools
import os
import re
from pathlib import Path

from checks.bicep.problem import Problem, Report
from checks.bicep.syntax import tree
from checks.bicep.syntax.statements import statements
from checks.bicep.unit import Imported, Named, Placed, Unit

KINDS: dict[type, str] = {
    tree.Parameter: "parameter",
    tree.Variable: "variable",
    tree.Resource: "resource",
    tree.Module: "module",
    tree.NamedType: "type",
    tree.Function: "function",
}
SCOPES = ("tenant", "managementGroup", "subscription", "resourceGroup")
RESOURCE_TYPE = re.compile(r"[\w.]+(?:/\w+)+@\d{4}-\d\d-\d\d(?:-\w+)?")
NESTED_TYPE = re.compile(r"\w+(?:@\d{4}-\d\d-\d\d(?:-\w+)?)?")


class Library:
    def __init__(self) -> None:
        self._units: dict[Path, Unit] = {}

    @property
    def units(self) -> tuple[Unit, ...]:
        """In the order in which they were found."""
        return tuple(self._units.values())

    def unit(self, path: Path) -> Unit:
        """The file at this path, linked. Raises OSError; a file that is no UTF-8 has a problem."""
        key = path.resolve()
        if key not in self._units:
            self._units[key] = _read(path)
            _link(self._units[key], self)
        return self._units[key]


def _read(path: Path) -> Unit:
    report = Report(path)
    found: tuple[tree.Statement, ...] = ()
    try:
        found, problems = _parsed(path.read_text(encoding="utf-8-sig"))
        for problem in problems:
            report.add(problem.line, problem.message)
    except UnicodeDecodeError as error:
        report.add(1, f"the file is not UTF-8: {error.reason} at byte {error.start}")
    return Unit(path, report, found, readable=not report.problems)


@functools.lru_cache(maxsize=64)
def _parsed(source: str) -> tuple[tuple[tree.Statement, ...], tuple[Problem, ...]]:
    """A file's statements, and what cannot be read in it: once for all copies of the file."""
    report = Report(Path())
    return statements(source, report), report.problems


def _link(unit: Unit, library: Library) -> None:
    _scope(unit)
    _names(unit)
    _outputs(unit)
    for resource in unit.of_kind(tree.Resource):
        unit.resources.setdefault(resource.name, _placed(unit, resource, None))
    for module in unit.of_kind(tree.Module):
        if other := _file(unit, module.source, module.line, library):
            unit.modules.setdefault(module.name, other)
    for imported in unit.of_kind(tree.Import):
        _import(unit, imported, library)


def _scope(unit: Unit) -> None:
    for count, found in enumerate(unit.of_kind(tree.TargetScope)):
        if count:
            unit.report.add(found.line, "targetScope is set twice")
        elif found.name not in SCOPES:
            unit.report.add(
                found.line, f"targetScope: {found.name!r} is none of {', '.join(SCOPES)}"
            )
            unit.scope = next(iter(difflib.get_close_matches(found.name, SCOPES)), unit.scope)
        else:
            unit.scope = found.name


def _names(unit: Unit) -> None:
    for found in unit.statements:
        if isinstance(found, tree.Extension):
            unit.unknown.add(found.name)
        if not isinstance(found, Named):
            continue
        if first := unit.symbols.get(found.name):
            unit.report.add(
                found.line, f"{found.name} is declared twice: it is {_said(first)} already"
            )
        unit.symbols.setdefault(found.name, found)


def _said(found: Named) -> str:
    return f"the {KINDS[type(found)]} of line {found.line}"


def _outputs(unit: Unit) -> None:
    lines: dict[str, int] = {}
    for found in unit.of_kind(tree.Output):
        if found.name in lines:
            unit.report.add(
                found.line, f"the output {found.name} is declared on line {lines[found.name]} too"
            )
        lines.setdefault(found.name, found.line)


def _placed(unit: Unit, resource: tree.Resource, parent: Placed | None) -> Placed:
    wanted = NESTED_TYPE if parent else RESOURCE_TYPE
    sound = wanted.fullmatch(resource.type) is not None
    if not sound:
        example = "'blobServices'" if parent else "'Microsoft.Web/sites@2024-11-01'"
        unit.report.add(
            resource.line, f"{resource.type!r} is no resource type; one is like {example}"
        )
    name, _, version = resource.type.partition("@")
    if parent:
        name, version = f"{parent.type}/{name}", version or parent.version
    sound = sound and (parent is None or parent.sound)
    placed = Placed(resource, name, version, parent, sound)
    for child in resource.body.resources:
        if child.name in placed.children:
            unit.report.add(child.line, f"{child.name} is declared twice in {resource.name}")
        placed.children.setdefault(child.name, _placed(unit, child, placed))
    return placed


def _file(unit: Unit, source: str, line: int, library: Library) -> Unit | None:
    """The file that a module or an import names; None, with a problem, if it cannot be read."""
    if source.startswith(("br:", "br/", "ts:", "ts/")):
        unit.report.add(
            line, f"{source} lies in a registry and cannot be built offline: use a file"
        )
        return None
    path = Path(os.path.normpath(unit.path.parent / source))
    if not path.is_file():
        unit.report.add(line, f"there is no file {source} beside {unit.path.name}")
        return None
    if path.resolve() == unit.path.resolve():
        unit.report.add(line, f"{unit.path.name} refers to itself")
        return None
    if path.suffix != ".bicep":
        unit.report.add(line, f"{source} is no Bicep file: only these are read here")
        return None
    return library.unit(path)


def _import(unit: Unit, found: tree.Import, library: Library) -> None:
    other = _file(unit, found.source, found.line, library)
    if found.name:
        _taken(unit, found.name, found.line)
        if other and other.readable:
            unit.wildcards[found.name] = other
        else:
            unit.unknown.add(found.name)
    for original, local in found.symbols:
        _taken(unit, local, found.line)
        if not other or not other.readable:
            unit.unknown.add(local)
        elif _exported(unit, other, original, found.line):
            unit.imported[local] = Imported(other, original, found.line)
        else:
            unit.unknown.add(local)


def _taken(unit: Unit, name: str, line: int) -> None:
    if name in unit.names():
        unit.report.add(line, f"{name} is declared twice")


def _exported(unit: Unit, other: Unit, name: str, line: int) -> bool:
    declared = other.symbols.get(name)
    if declared is None:
        unit.report.add(line, f"{other.path.name} declares no {name}")
        return False
    if not declared.decorator("export"):
        unit.report.add(line, f"{other.path.name} does not export {name}: put @export() before it")
        return False
    return True
