"""Who may do what in Azure: this list, and nothing beside it.

Each entry says which code needs the role. A role that is missing shows in Azure as a 403 at run
time only; one too many is never noticed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from checks.bicep import File, Problem, Resource
from checks.infra.infra import Infra, at, keys, problem, text

_ASSIGNMENT = "Microsoft.Authorization/roleAssignments"
_DEFINITION = "Microsoft.Authorization/roleDefinitions"
_GUID = re.compile(r"'([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})'")

BUILT_IN = {
    "Storage Blob Data Owner": "b7e6dc6d-f1e8-4753-8033-0f276bb0955b",
    "Storage Blob Data Contributor": "ba92f5b4-2d11-453d-a403-e96b0029c9fe",
    "Storage Queue Data Contributor": "974c5e8b-45b9-4653-ba55-5f855dd0fb88",
    "Storage Table Data Contributor": "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3",
    "Key Vault Secrets User": "4633458b-17de-408a-b874-0445c86b69e6",
    "Key Vault Secrets Officer": "b86a8fe4-44ce-4948-aee5-eccb2c155cd7",
    "Monitoring Metrics Publisher": "3913510d-42f4-4e42-8a64-420c390055eb",
}
"""https://learn.microsoft.com/azure/role-based-access-control/built-in-roles"""


class Needed(NamedTuple):
    """A role that somebody has, and why."""

    who: str
    """The parameter with the principal."""
    role: str
    on: str
    """The symbol of the resource that it is assigned on."""
    why: str
    by: str
    """The code, or page, that needs it."""


NEEDED = (
    Needed(
        "principalId",
        "Storage Blob Data Owner",
        "host",
        "the host's leases of timers and its keys; the package; snapshots and archives",
        "shared/storage/blobs",
    ),
    Needed(
        "principalId",
        "Storage Queue Data Contributor",
        "host",
        "makes, sends and receives: the engine's queues, which are triggers too",
        "shared/storage/queues",
    ),
    Needed(
        "principalId",
        "Storage Table Data Contributor",
        "host",
        "schedules, jobs and all other rows; the host's diagnostic events",
        "shared/storage/tables",
    ),
    Needed(
        "principalId",
        "Storage Blob Data Contributor",
        "backups",
        "writes, reads and deletes backups, and signs links to them (a user delegation key)",
        "shared/backups",
    ),
    Needed(
        "principalId",
        "Storage Blob Data Contributor",
        "offsite",
        "the same in the second region",
        "shared/backups",
    ),
    Needed(
        "principalId",
        "Key Vault Secrets User",
        "vault",
        "the platform resolves references with the app's identity",
        "infra/modules/app.bicep",
    ),
    Needed(
        "principalId",
        "Key Vault Secrets Officer",
        "tenantsVault",
        "sets, reads, lists and deletes the secrets of customers, in a vault with nothing else",
        "shared/secrets/vault.py",
    ),
    Needed(
        "principalId",
        "Monitoring Metrics Publisher",
        "insights",
        "the host, and traces, send telemetry without a key",
        "shared/tracing",
    ),
    Needed(
        "principalId",
        "Belfry scaling",
        "app",
        "changes always-ready and maximum instances of this one site (O8)",
        "shared/scaling/site.py",
    ),
    Needed(
        "operatorId",
        "Storage Table Data Contributor",
        "host",
        "makes keys of Belfry from a laptop",
        "shared/cli/keys.py",
    ),
    Needed(
        "operatorId",
        "Key Vault Secrets Officer",
        "vault",
        "puts secrets into the vault",
        "docs/deploy.md",
    ),
)

SCALING = ("Microsoft.Web/sites/read", "Microsoft.Web/sites/write")
"""What the custom role allows: to read and to PATCH a site."""

_OPTIONAL = {"offsite": "!empty(offsiteStorageName)"}


def as_listed(infra: Infra) -> Iterator[Problem]:
    """Each role assignment is one of the list, and each of the list is there."""
    found: dict[tuple[str, str, str], tuple[File, Resource]] = {}
    for file, resource in infra.deployed(_ASSIGNMENT):
        who, role, on = _said(file, resource)
        if not any((who, role, on) == (one.who, one.role, one.on) for one in NEEDED):
            yield problem(
                file,
                resource,
                f"{resource.symbol} gives {who} the role {role} on {on}, which no code needs; "
                "checks/infra/roles.py has those that are needed",
            )
        found[who, role, on] = file, resource
    roles = infra.file("roles.bicep") or infra.main
    for one in NEEDED:
        if (one.who, one.role, one.on) not in found:
            yield problem(roles, 1, f"{one.who} lacks the role {one.role} on {one.on}: {one.why}")


def well_formed(infra: Infra) -> Iterator[Problem]:
    """Names are GUIDs made from scope, principal and role, so a second deployment makes no second
    assignment; the principal's type is given, so a new identity need not be looked up."""
    for file, resource in infra.deployed(_ASSIGNMENT):
        name, scope = text(resource.body.get("name")), text(resource.body.get("scope"))
        principal = text(at(resource.body, "properties.principalId"))
        role = text(at(resource.body, "properties.roleDefinitionId"))
        if name != f"guid({scope}.id, {principal}, {role})":
            yield problem(
                file,
                resource,
                f"{resource.symbol}.name must be guid({scope}.id, {principal}, {role})",
            )
        if at(resource.body, "properties.principalType") is None:
            yield problem(file, resource, f"{resource.symbol}.properties.principalType is missing")
        wanted = f"!empty({principal})" if principal == "operatorId" else _OPTIONAL.get(scope)
        if wanted and text(resource.condition) != wanted:
            yield problem(file, resource, f"{resource.symbol} must be deployed only if {wanted}")


def custom_role_is_narrow(infra: Infra) -> Iterator[Problem]:
    """The role of the scaling task allows what it does and no more, in this resource group alone,
    and is there only if the task may apply what it finds."""
    for file, resource in infra.deployed(_DEFINITION):
        allowed = [
            text(action)
            for permission in at(resource.body, "properties.permissions") or ()
            for kind in ("actions", "dataActions")
            for action in permission.get(kind) or ()
        ]
        for action in allowed:
            if action not in SCALING:
                yield problem(file, resource, f"{resource.symbol} allows {action}, beyond scaling")
        for module in infra.main.modules:
            if module.file == file.path and text(module.condition) != "scaling == 'apply'":
                yield problem(
                    infra.main, module, f"{module.symbol} must depend on scaling == 'apply'"
                )


def _said(file: File, resource: Resource) -> tuple[str, str, str]:
    """(who, which role, on what), as the list has them; a role of unknown id by its expression."""
    who = text(at(resource.body, "properties.principalId"))
    on = text(resource.body.get("scope"))
    given = text(at(resource.body, "properties.roleDefinitionId"))
    return who, _role(file, given), on


def _role(file: File, given: str) -> str:
    variable, _, key = given.partition(".")
    value = file.variables.get(variable)
    shown = text(at(value, key)) if key in keys(value) else given
    match = _GUID.search(shown)
    if match:
        return next((name for name, guid in BUILT_IN.items() if guid == match[1]), match[1])
    for one in file.resources:
        if one.type == _DEFINITION and given == f"{one.symbol}.id":
            return text(at(one.body, "properties.roleName")).strip("'").partition(" ${")[0]
    return given
