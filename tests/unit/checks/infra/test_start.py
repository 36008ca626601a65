"""With the settings that the infrastructure makes, the app starts: each is read under its name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from checks.infra import Infra, read
from checks.infra.infra import Value, keys, text
from checks.infra.names import value_in
from shared.backups import engines
from shared.notifications import channels
from shared.settings import PRIMARY, Settings, from_env

ROOT = Path(__file__).parents[4]
ID = "0f0e0d0c-0000-4000-8000-000000000001"
GIVEN = {
    "token": "a1b2c3d4e5f6g",
    "hostStorageName": "stbelfryx",
    "backupStorageName": "stbackupx",
    "offsiteStorageName": "stoffsitex",
    "identityClientId": ID,
    "vaultName": "kv-belfry-x",
    "tenantsVaultUrl": "https://kv-tenants-x.vault.azure.net/",
    "scaling": "apply",
    "databaseUrl": "postgresql://id-belfry-x@psql-belfry-x.postgres.database.azure.com:5432/company",
}
"""Parameters of app.bicep."""
KNOWN = {
    "string(instanceMemoryMB)": "2048",
    "tenant().tenantId": ID,
    "resourceId('Microsoft.Web/sites', name)": (
        f"/subscriptions/{ID}/resourceGroups/rg-e/providers/Microsoft.Web/sites/func-belfry-x"
    ),
    "insights.properties.ConnectionString": "InstrumentationKey=x;IngestionEndpoint=https://x",
}
"""What only Azure can evaluate."""


@pytest.fixture(scope="module")
def infra() -> Infra:
    return read(ROOT)


def _made(infra: Infra, parts: tuple[str, ...]) -> dict[str, str]:
    """The settings of these variables of app.bicep."""
    file = infra.file("app.bicep")
    assert file is not None
    found: dict[str, Value] = {}
    for part in parts:
        found |= _entries(file.variables[part])
    return {
        name: KNOWN.get(text(one)) or value_in(file, one, GIVEN) or f"? {text(one)}"
        for name, one in found.items()
    }


def _entries(value: Value) -> Mapping[str, Value]:
    """Of an object, also of one that stands in `a ? {} : { ... }` (then each value's source)."""
    if isinstance(value, Mapping):
        return value
    lines = [line.strip() for line in value.text.splitlines()]
    pairs = [line.split(": ", 1) for line in lines if line.split(":")[0] in keys(value)]
    return {name: type(value)(source) for name, source in pairs}


def _read(environ: Mapping[str, str]) -> Settings:
    return from_env(environ, channels=channels.declared(), schemes=engines.schemes())


def test_with_the_least(infra: Infra) -> None:
    made = _read(_made(infra, ("defaults", "fixed")))
    assert (made.storage.account_name, made.storage.client_id) == ("stbelfryx", ID)
    assert made.backup_destinations[PRIMARY].account.account_name == "stbackupx"
    assert made.prices.memory_mb == 2048
    assert made.secrets.vault_url == "https://kv-tenants-x.vault.azure.net"
    assert made.secrets.client_id == ID


def test_with_all_of_it(infra: Infra) -> None:
    environ = _made(infra, ("defaults", "database", "offsite", "people", "fixed"))
    environ["BACKUP_DESTINATIONS"] = "offsite"  # what its expression gives if nobody sets another
    assert [one for one in environ.values() if one.startswith("?")] == []
    made = _read(environ)
    offsite = made.backup_destinations["offsite"]
    assert (offsite.account.account_name, offsite.account.client_id) == ("stoffsitex", ID)
    assert made.access.sign_in and made.access.tenant == ID
    assert made.database_url.reveal().startswith("postgresql://id-belfry-x@")
    assert made.postgres_url.reveal().startswith("postgresql://id-belfry-x@")


def test_a_reference_that_azure_did_not_resolve_stops_the_app(infra: Infra) -> None:
    file = infra.file("app.bicep")
    assert file is not None and "@Microsoft.KeyVault(VaultName=" in text(
        file.variables["references"]
    )
    environ = _made(infra, ("defaults", "fixed"))
    reference = "@Microsoft.KeyVault(VaultName=kv-belfry-x;SecretName=stripe-api-key)"
    with pytest.raises(Exception, match="STRIPE_API_KEY is a Key Vault reference"):
        _read({**environ, "STRIPE_API_KEY": reference})
