"""Secrets: a secure parameter has no value in the file, and no output tells a secret or a key.

An output that is itself @secure() may hold one. Source: the rules secure-parameter-default and
outputs-should-not-contain-secrets of Bicep's linter.
"""

from collections.abc import Iterator
from dataclasses import replace

from checks.bicep.here import Here
from checks.bicep.inference import infer
from checks.bicep.syntax import tree
from checks.bicep.syntax.walk import parts
from checks.bicep.types import is_secure
from checks.bicep.unit import Unit


def check_parameter_default(parameter: tree.Parameter, unit: Unit) -> None:
    default = parameter.default
    if default is None or not parameter.decorator("secure"):
        return
    empty = isinstance(default, tree.Literal) and default.value in ("", None)
    made = isinstance(default, tree.Call) and default.name == "newGuid"
    if not empty and not made and not (isinstance(default, tree.Object) and not default.properties):
        unit.report.add(
            default.line,
            f"{parameter.name} is secure: its default would be in the file for all to read;"
            " leave it out, or have ''",
        )


def check_output(output: tree.Output, here: Here) -> None:
    if output.decorator("secure"):
        return
    if secret := next(_secrets(output.value, replace(here, muted=True), set()), None):
        here.report(
            output.line,
            f"the output {output.name} tells {secret}: outputs stand in the deployment's history"
            " in clear; read it where it is needed from an `existing` resource",
        )


def _secrets(of: tree.Expression, here: Here, seen: set[str]) -> Iterator[str]:
    """What an expression tells that must stay secret, also through variables."""
    for part in parts(of):
        if isinstance(part, tree.Call) and part.name.startswith("list"):
            yield f"what {part.name}() returns"
        elif isinstance(part, tree.Call) and part.name == "getSecret":
            yield "a secret of the vault"
        elif isinstance(part, tree.Name) and part.name not in seen:
            seen.add(part.name)
            declaration = here.unit.symbols.get(part.name)
            if isinstance(declaration, tree.Variable):
                yield from _secrets(declaration.value, here, seen)
            elif isinstance(declaration, tree.Parameter) and declaration.decorator("secure"):
                yield f"the secure parameter {part.name}"
        elif isinstance(part, tree.Member) and is_secure(infer(part, here)):
            yield f"{part.text}, which is secret"
