"""Storage, telemetry and database take identities alone; a private network closes them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from checks.bicep import Problem
from checks.infra.infra import Infra, at, problem, text

_STORAGE = "Microsoft.Storage/storageAccounts"
_WANTED: Mapping[str, Mapping[str, str | bool]] = {
    _STORAGE: {
        "properties.allowSharedKeyAccess": False,
        "properties.allowBlobPublicAccess": False,
        "properties.allowCrossTenantReplication": False,
        "properties.supportsHttpsTrafficOnly": True,
        "properties.minimumTlsVersion": "TLS1_2",
    },
    "Microsoft.Insights/components": {"properties.DisableLocalAuth": True},
    "Microsoft.DBforPostgreSQL/flexibleServers": {
        "properties.authConfig.passwordAuth": "Disabled",
        "properties.authConfig.activeDirectoryAuth": "Enabled",
    },
    f"{_STORAGE}/blobServices/containers": {"properties.publicAccess": "None"},
}
_CLOSED = {
    "properties.publicNetworkAccess": (
        "privateNetwork && empty(allowedAddresses) ? 'Disabled' : 'Enabled'"
    ),
    "properties.networkAcls.defaultAction": "privateNetwork ? 'Deny' : 'Allow'",
}
_PRIVATE: Mapping[str, Mapping[str, str]] = {
    _STORAGE: _CLOSED,
    "Microsoft.KeyVault/vaults": _CLOSED,
    "Microsoft.DBforPostgreSQL/flexibleServers": {
        "properties.network.publicNetworkAccess": "privateNetwork ? 'Disabled' : 'Enabled'"
    },
}


def identities_alone(infra: Infra) -> Iterator[Problem]:
    """Shared keys, passwords and public blobs are off on each account, and TLS is 1.2 or newer."""
    for kind, wanted in _WANTED.items():
        for file, resource in infra.deployed(kind):
            for path, value in wanted.items():
                found = at(resource.body, path)
                if found != value or type(found) is not type(value):
                    shown = _shown(value)
                    yield problem(file, resource, f"{resource.symbol}.{path} must be {shown}")


def closed_with_a_network(infra: Infra) -> Iterator[Problem]:
    """With `privateNetwork`, no account, vault or database has a public address."""
    for kind, wanted in _PRIVATE.items():
        for file, resource in infra.deployed(kind):
            for path, value in wanted.items():
                if text(at(resource.body, path)) != value:
                    yield problem(file, resource, f"{resource.symbol}.{path} must be {value}")


def backups_are_kept(infra: Infra) -> Iterator[Problem]:
    """In a backup account what is deleted or overwritten can be brought back, and no rule of the
    storage deletes a backup: Belfry does, by each plan's retention."""
    file = infra.file("backups.bicep")
    if file is None:
        return
    for resource in file.resources:
        if resource.type == f"{_STORAGE}/blobServices":
            for path in (
                "isVersioningEnabled",
                "deleteRetentionPolicy.enabled",
                "containerDeleteRetentionPolicy.enabled",
            ):
                if at(resource.body, f"properties.{path}") is not True:
                    yield problem(
                        file, resource, f"{resource.symbol}.properties.{path} must be true"
                    )
        if resource.type == f"{_STORAGE}/managementPolicies":
            for rule in at(resource.body, "properties.policy.rules") or ():
                if at(rule, "definition.actions.baseBlob.delete") is not None:
                    name = text(at(rule, "name"))
                    yield problem(file, resource, f"the lifecycle's rule {name} deletes backups")


def _shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else repr(value)
