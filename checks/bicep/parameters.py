"""Parameters files, against the parameters of the deployment that they lie beside.

azd replaces `${NAME}` by what its environment holds, and `${NAME=default}` by the default if it
holds nothing; where a parameter is no string, it reads the result as JSON. What the environment
holds is not known here, so of `${NAME}` only the default is checked.
"""

import json
import re
from pathlib import Path

from checks.bicep.assignable import assignable
from checks.bicep.fitting import fit
from checks.bicep.here import Here
from checks.bicep.inference import infer
from checks.bicep.modules import fields
from checks.bicep.problem import Report
from checks.bicep.similar import instead
from checks.bicep.syntax import tree
from checks.bicep.types import Field, Type, is_secure, word
from checks.bicep.unit import Unit

ANYWHERE = re.compile(r"\$\{(?P<name>[^}=]*)(?:=(?P<default>[^}]*))?\}|\$\(")
"""`${NAME}`, `${NAME=default}`, and the beginning of `$(secretOrRandomPassword ...)`."""
NAME = re.compile(r"[A-Za-z_]\w*")
WRAPPERS = ("value", "reference", "metadata")


def path_of(main: Path) -> Path:
    """`main.parameters.json`, for `main.bicep`."""
    return main.with_suffix(".parameters.json")


def check_parameters(path: Path, main: Unit) -> Report:
    """What is wrong in the file. Raises OSError if there is none."""
    report = Report(path)
    source = path.read_text(encoding="utf-8-sig")
    try:
        content = json.loads(source, object_pairs_hook=_once)
    except json.JSONDecodeError as problem:
        report.add(problem.lineno, f"no JSON: {problem.msg}")
        return report
    except ValueError as problem:
        report.add(_lines(source, str(problem))[-1], f"{problem} is given twice")
        return report
    given = content.get("parameters") if isinstance(content, dict) else None
    if not isinstance(given, dict):
        report.add(1, 'the file has no "parameters": {...}')
        return report
    wanted = fields(main)
    for name, wrapped in given.items():
        line = _lines(source, name)[0]
        if name not in wanted:
            report.add(line, f"{main.path.name} has no parameter {name}{instead(name, wanted)}")
        elif not isinstance(wrapped, dict) or not {"value", "reference"} & wrapped.keys():
            report.add(line, f'{name} must be an object with "value" or "reference"')
        elif unknown := wrapped.keys() - set(WRAPPERS):
            report.add(line, f'{name} has {", ".join(sorted(unknown))}: there is only "value"')
        elif "value" in wrapped:
            _check(name, wrapped["value"], wanted[name], line, Here(_beside(main, report)))
    for name, field in wanted.items():
        if field.required and name not in given:
            report.add(1, f"the parameter {name} is missing: {word(field.type)}")
    return report


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(key)
        found[key] = value
    return found


def _lines(source: str, key: str) -> list[int]:
    """Where a key of this name stands; where its object is not known."""
    found = re.finditer(rf"{re.escape(json.dumps(key))}\s*:", source)
    return [source.count("\n", 0, one.start()) + 1 for one in found] or [1]


def _beside(main: Unit, report: Report) -> Unit:
    """A unit without names of its own, that reports into the parameters file."""
    return Unit(report.path, report, (), readable=True, scope=main.scope)


def _check(name: str, value: object, wanted: Field, line: int, here: Here) -> None:
    if value is None and not wanted.required:
        return
    if is_secure(wanted.type) and isinstance(value, str) and value and "$" not in value:
        here.report(line, f"{name} is secure: give it as ${{NAME}} or as a reference to a vault")
    fit(_read(value, wanted.type, line, here), wanted.type, name, here)


def _read(value: object, wanted: Type | None, line: int, here: Here) -> tree.Expression:
    """A value of JSON as an expression. `wanted` is None within an object or an array."""
    text = json.dumps(value)
    match value:
        case dict():
            properties = tuple(
                tree.Property(
                    line=line, key=key, computed=None, value=_read(inner, None, line, here)
                )
                for key, inner in value.items()
            )
            return tree.Object(line=line, text=text, properties=properties)
        case list():
            items = tuple(_read(inner, None, line, here) for inner in value)
            return tree.Array(line=line, text=text, items=items)
        case str() if found := ANYWHERE.search(value):
            return _replaced(value, found, wanted, line, here)
        case str() | int() | bool() | None:
            return tree.Literal(line=line, text=text, value=value)
    here.report(line, f"{text} is no value of Bicep: it has no fractions")
    return _unknown(line)


def _replaced(
    value: str, found: re.Match[str], wanted: Type | None, line: int, here: Here
) -> tree.Expression:
    """What azd makes of a string with `${...}` in it."""
    if found["name"] is not None and not NAME.fullmatch(found["name"]):
        here.report(line, f"{value!r}: {found['name']!r} is no name of an environment variable")
    if found[0] != value or found["default"] is None or wanted is None:
        whole = found[0] == value or found[0] == "$("
        return _unknown(line) if whole else tree.Interpolated(line=line, text=value, parts=())
    written = tree.Literal(line=line, text=value, value=found["default"])
    try:
        parsed = _read(json.loads(found["default"]), None, line, here)
    except json.JSONDecodeError:
        return written
    return written if assignable(infer(written, here), wanted) else parsed


def _unknown(line: int) -> tree.Expression:
    """What may be anything: `any(null)`."""
    null = tree.Literal(line=line, text="null", value=None)
    return tree.Call(line=line, text="any(null)", of=None, name="any", arguments=(null,))
