"""What the checks look at: the Bicep program, and the files that go with it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from checks.bicep import Expression, File, Module, Problem, Program, Resource, load
from shared.errors import Misconfigured

Value = Any
"""Of a body: dict, list, str, int, bool, None, or `Expression` for what is no literal."""


@dataclass(frozen=True, slots=True)
class Infra:
    """The infrastructure of a folder that has `infra/` and `azure.yaml` in it."""

    program: Program
    parameters_file: Path
    parameters: Mapping[str, Any]
    """The values of main.parameters.json by name."""
    services: tuple[str, ...]
    """The services of azure.yaml."""

    @property
    def main(self) -> File:
        return self.program.main

    def file(self, name: str) -> File | None:
        """The Bicep file with that name; None if main.bicep does not lead to it."""
        return next((one for one in self.program.files if one.path.name == name), None)

    def deployed(self, kind: str) -> Iterator[tuple[File, Resource]]:
        """The resources of that type that are deployed, not only referred to."""
        for file, resource in self.all_deployed():
            if resource.type.lower() == kind.lower():
                yield file, resource

    def all_deployed(self) -> Iterator[tuple[File, Resource]]:
        for file in self.program.files:
            for resource in file.resources:
                if not resource.existing:
                    yield file, resource


def read(root: Path) -> Infra:
    """Raises `Misconfigured` for a file that cannot be read."""
    parameters = root / "infra" / "main.parameters.json"
    return Infra(
        program=load(root / "infra" / "main.bicep"),
        parameters_file=parameters,
        parameters=_parameters(parameters),
        services=_services(root / "azure.yaml"),
    )


def at(value: Value, path: str) -> Value:
    """What stands at a path such as `properties.siteConfig.ftpsState`; None if nothing does."""
    for key in path.split("."):
        if not isinstance(value, Mapping):
            return None
        value = value.get(key)
    return value


def text(value: Value) -> str:
    """An expression's text with single spaces; of a literal, its value."""
    shown = value.text if isinstance(value, Expression) else str(value)
    return " ".join(shown.split())


def leaves(value: Value, path: str = "") -> Iterator[tuple[str, Value]]:
    """(path, value) of whatever is no object or list."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from leaves(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from leaves(inner, f"{path}[{index}]")
    else:
        yield path, value


def keys(value: Value) -> tuple[str, ...]:
    """The keys of an object, also of one that stands in an expression (`a ? {} : {key: 1}`)."""
    if isinstance(value, Mapping):
        return tuple(value)
    if not isinstance(value, Expression):
        return ()
    found = re.findall(r"(?:^|[{,\n])\s*'?([A-Za-z_]\w*)'?\s*:(?!:)", value.text)
    return tuple(found)


def problem(file: File, where: Resource | Module | int, message: str) -> Problem:
    return Problem(file.path, where if isinstance(where, int) else where.line, message)


def line_of(file: File, words: str) -> int:
    """The first line that has these words; 1 if none has."""
    lines = file.path.read_text().splitlines()
    return next((number for number, line in enumerate(lines, 1) if words in line), 1)


def block(file: File, begins: str) -> str:
    """A declaration's text, to the closing brace at the beginning of a line."""
    found = re.search(
        rf"^{re.escape(begins)}.*?^\}}", file.path.read_text(), re.MULTILINE | re.DOTALL
    )
    return found[0] if found else ""


def depends_on(infra: Infra, module: str) -> list[str]:
    """What a module of main.bicep names in `dependsOn`."""
    found = re.search(r"dependsOn:\s*\[([^\]]*)\]", block(infra.main, f"module {module} "))
    return re.findall(r"\w+", found[1]) if found else []


def _parameters(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text())["parameters"]
        return {name: one["value"] for name, one in found.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise Misconfigured(f"{file} is no parameter file: {error!r}") from None


def _services(file: Path) -> tuple[str, ...]:
    try:
        return tuple(yaml.safe_load(file.read_text())["services"])
    except (OSError, yaml.YAMLError, KeyError, TypeError) as error:
        raise Misconfigured(f"{file} has no services: {error!r}") from None
