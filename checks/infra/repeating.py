"""A second deployment changes nothing: what is deployed depends on parameters alone."""

from __future__ import annotations

import re
from collections.abc import Iterator

from checks.bicep import Problem
from checks.infra.infra import Infra, problem, text

_CHANGING = re.compile(r"\b(utcNow|newGuid|dateTimeAdd|deployment)\s*\(")
_WATCHED = (
    "Microsoft.DBforPostgreSQL/flexibleServers",
    "Microsoft.KeyVault/vaults",
    "Microsoft.Storage/storageAccounts",
    "Microsoft.Web/sites",
)


def nothing_changes(infra: Infra) -> Iterator[Problem]:
    """No time, no random id and no name of a deployment gets into a resource."""
    for file in infra.program.files:
        for number, line in enumerate(file.path.read_text().splitlines(), 1):
            code = line.partition("//")[0]
            if match := _CHANGING.search(code):
                yield problem(file, number, f"{match[1]}() is another value at each deployment")


def endpoints_in_turn(infra: Infra) -> Iterator[Problem]:
    """Private endpoints of one subnet are made one after the other: two at once fail now and then
    (Azure/bicep-registry-modules #6001, Azure/bicep-ptn-aiml-landing-zone #41)."""
    for file, resource in infra.deployed("Microsoft.Network/privateEndpoints"):
        before = file.path.read_text().splitlines()[: resource.line][-2:]
        if resource.loop is not None and not any("@batchSize(1)" in line for line in before):
            yield problem(file, resource, f"{resource.symbol} must have @batchSize(1)")


def diagnostics(infra: Infra) -> Iterator[Problem]:
    """App, storage, vault and database tell the workspace what is done to them."""
    kind = "Microsoft.Insights/diagnosticSettings"
    for watched in _WATCHED:
        for file, resource in infra.deployed(watched):
            beside = [one for one in file.resources if one.type == kind]
            parts = {resource.symbol} | {
                one.symbol
                for one in file.resources
                if text(one.body.get("parent")) == resource.symbol
            }
            if not any(text(one.body.get("scope")) in parts for one in beside):
                yield problem(file, resource, f"{resource.symbol} has no diagnostic settings")
