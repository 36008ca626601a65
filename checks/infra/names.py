"""Names are valid for their kind of resource, and unique, whatever the environment is called.

A name is made of parameters and variables, so it is put together here as Azure does it; what
`uniqueString` gives is 13 characters of which any may stand anywhere.
https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from checks.bicep import Expression, File, Problem, Resource
from checks.infra.infra import Infra, Value, problem, text

TOKEN = "a1b2c3d4e5f6g"  # noqa: S105
ENVIRONMENTS = ("e", "e" * 64)
"""azd takes environment names of up to 64 characters."""


class Rule(NamedTuple):
    least: int
    most: int
    pattern: str
    words: str


_HYPHENS = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_DOTS = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?"
RULES = {
    "Microsoft.Resources/resourceGroups": Rule(
        1, 90, r"[\w.()-]*[\w()-]", "letters, digits and ._()-"
    ),
    "Microsoft.Storage/storageAccounts": Rule(3, 24, r"[a-z0-9]+", "lower-case letters and digits"),
    "Microsoft.Storage/storageAccounts/blobServices/containers": Rule(
        3, 63, r"[a-z0-9](?:-?[a-z0-9])*", "lower-case letters, digits and single hyphens"
    ),
    "Microsoft.KeyVault/vaults": Rule(
        3, 24, r"[A-Za-z](?:-?[A-Za-z0-9])*", "letters, digits and single hyphens, a letter first"
    ),
    "Microsoft.Web/sites": Rule(2, 60, _HYPHENS, "letters, digits and hyphens"),
    "Microsoft.Web/serverfarms": Rule(1, 60, _HYPHENS, "letters, digits and hyphens"),
    "Microsoft.ManagedIdentity/userAssignedIdentities": Rule(
        3, 128, r"[A-Za-z0-9][\w-]*", "letters, digits, hyphens and underscores"
    ),
    "Microsoft.OperationalInsights/workspaces": Rule(
        4, 63, _HYPHENS, "letters, digits and hyphens"
    ),
    "Microsoft.Insights/components": Rule(1, 260, r"[^%&\\?/]*[^%&\\?/. ]", r"none of %&\?/"),
    "Microsoft.Insights/actionGroups": Rule(
        1, 260, r"[^:<>+/&%\\?|]*[^:<>+/&%\\?|. ]", "none of :<>+/&%\\?|"
    ),
    "Microsoft.DBforPostgreSQL/flexibleServers": Rule(
        3, 63, r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?", "lower-case letters, digits and hyphens"
    ),
    "Microsoft.Network/virtualNetworks": Rule(2, 64, _DOTS, "letters, digits and ._-"),
    "Microsoft.Network/natGateways": Rule(1, 80, _DOTS, "letters, digits and ._-"),
    "Microsoft.Network/publicIPAddresses": Rule(1, 80, _DOTS, "letters, digits and ._-"),
    "Microsoft.Network/privateEndpoints": Rule(2, 64, _DOTS, "letters, digits and ._-"),
    "Microsoft.Network/privateDnsZones": Rule(1, 255, r"[a-z0-9-]+(?:\.[a-z0-9-]+)+", "a domain"),
    "Microsoft.Consumption/budgets": Rule(1, 63, r"[\w-]+", "letters, digits, _ and -"),
    "Microsoft.Authorization/locks": Rule(1, 90, r"[\w.()-]*[\w()-]", "letters, digits and ._()-"),
}


@dataclass(frozen=True, slots=True)
class Named:
    file: File
    resource: Resource
    name: str | None
    """As Azure gets it; None if it cannot be told here."""
    place: tuple[str, ...]
    """What must not have two of that name."""


def valid(infra: Infra) -> Iterator[Problem]:
    """Each name has the length and the characters that its kind of resource takes."""
    for environment in ENVIRONMENTS:
        for one in named(infra, environment):
            rule = RULES.get(one.resource.type)
            if rule is None or one.name is None:
                continue
            shown = f"{one.resource.symbol}.name is {one.name!r}"
            if not rule.least <= len(one.name) <= rule.most:
                yield problem(
                    one.file,
                    one.resource,
                    f"{shown}, {len(one.name)} characters; {rule.least} to {rule.most} are allowed",
                )
            elif not re.fullmatch(rule.pattern, one.name):
                yield problem(one.file, one.resource, f"{shown}; use {rule.words}")


def unique(infra: Infra) -> Iterator[Problem]:
    """No two resources of a kind have one name."""
    seen: dict[tuple[object, ...], Named] = {}
    for one in named(infra, ENVIRONMENTS[0]):
        key = (one.resource.type.lower(), one.name, one.place)
        if one.name is not None and one.resource.condition is None and key in seen:
            other = seen[key]
            yield problem(
                one.file,
                one.resource,
                f"{one.resource.symbol} and {other.resource.symbol} of {other.file.path.name} are "
                f"both called {one.name!r}",
            )
        seen.setdefault(key, one)


def told(infra: Infra) -> Iterator[Problem]:
    """Each name of a kind with rules can be put together here, so that it is checked."""
    for one in named(infra, ENVIRONMENTS[0]):
        if one.name is None and one.resource.type in RULES and one.resource.loop is None:
            name = text(one.resource.body.get("name"))
            yield problem(
                one.file, one.resource, f"{one.resource.symbol}.name cannot be told: {name}"
            )


def named(infra: Infra, environment: str) -> Iterator[Named]:
    """Every resource with its name in an environment, once for each call of its file."""
    given = {"environmentName": environment, "location": "westeurope"}
    yield from _in(infra.main, _Scope(infra.main, given), "")
    for module in infra.main.modules:
        file = next((one for one in infra.program.files if one.path == module.file), None)
        if file is None:
            continue
        outer = _Scope(infra.main, given)
        params = {name: outer.value(value) for name, value in module.params.items()}
        inner = {name: value for name, value in params.items() if value is not None}
        yield from _in(file, _Scope(file, inner), module.symbol)


def value_in(file: File, value: Value, given: Mapping[str, str]) -> str | None:
    """A string of a file, with these parameters; None if it cannot be told without Azure."""
    return _Scope(file, given).value(value)


def _in(file: File, scope: _Scope, call: str) -> Iterator[Named]:
    for resource in file.resources:
        if not resource.existing:
            around = (text(resource.body.get("parent")), text(resource.body.get("scope")))
            apart = (call, *around) if any(one != "None" for one in around) else ()
            name = None if resource.loop else scope.value(resource.body.get("name"))
            yield Named(file, resource, name, apart)


class _Scope:
    """The values of a file's names, as far as they are strings that can be told."""

    def __init__(self, file: File, given: Mapping[str, str]) -> None:
        self._file = file
        self._given = given

    def value(self, of: Value) -> str | None:
        if isinstance(of, str):
            return of
        return self._evaluated(of.text.strip()) if isinstance(of, Expression) else None

    def _evaluated(self, of: str) -> str | None:
        left, coalesces, right = of.partition(" ?? ")
        if coalesces:
            return self._evaluated(left) or self._evaluated(right)
        if re.fullmatch(r"'(?:[^'\\]|\\.)*'", of):
            return self._interpolated(of[1:-1])
        if re.fullmatch(r"uniqueString\(.*\)", of, re.DOTALL):
            return TOKEN
        return self._named(of) if re.fullmatch(r"\w+", of) else None

    def _interpolated(self, of: str) -> str | None:
        parts = re.split(r"\$\{([^}]*)\}", of)
        values = [self._evaluated(part) if i % 2 else part for i, part in enumerate(parts)]
        return None if None in values else "".join(one for one in values if one is not None)

    def _named(self, name: str) -> str | None:
        if name in self._given:
            return self._given[name]
        if name in self._file.variables:
            return self.value(self._file.variables[name])
        parameter = self._file.params.get(name)
        return self.value(parameter.default) if parameter else None
