"""What somebody breaks in the infrastructure is found, and named."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from checks.infra import promises, read
from checks.infra.check import broken
from shared.errors import Misconfigured

ROOT = Path(__file__).parents[4]
PROMISES = promises(ROOT)


class Edit(NamedTuple):
    """`old` of a file becomes `new`, and a problem with these words is found in that file."""

    file: str
    old: str
    new: str
    words: str
    found_in: str = ""
    """The file that is named; empty: the one that was edited."""


TYPE = "Microsoft.Storage/storageAccounts@2025-01-01' = {"
EDITS = {
    "a property that does not exist": Edit(
        "modules/storage.bicep",
        "allowSharedKeyAccess: false",
        "allowSharedKeyAcces: false",
        "allowSharedKeyAcces",
    ),
    "a value of the wrong type": Edit(
        "modules/app.bicep", "httpsOnly: true", "httpsOnly: 'yes'", "httpsOnly"
    ),
    "an API version that does not exist": Edit(
        "modules/storage.bicep", TYPE, TYPE.replace("2025-01-01", "2025-13-01"), "2025-13-01"
    ),
    "a resource type that does not exist": Edit(
        "modules/app.bicep", "Microsoft.Web/serverfarms@", "Microsoft.Web/serverfarm@", "serverfarm"
    ),
    "a parameter that a module lacks": Edit(
        "main.bicep",
        "    vaultName: vault.outputs.name\n    tenantsVaultName",
        "    tenantsVaultName",
        "vaultName",
    ),
    "an output that a module has not": Edit(
        "main.bicep", "app.outputs.host}", "app.outputs.hostName}", "hostName"
    ),
    "a shared key": Edit(
        "modules/backups.bicep",
        "allowSharedKeyAccess: false",
        "allowSharedKeyAccess: true",
        "account.properties.allowSharedKeyAccess must be false",
    ),
    "passwords for the database": Edit(
        "modules/postgres.bicep",
        "passwordAuth: 'Disabled'",
        "passwordAuth: 'Enabled'",
        "passwordAuth must be 'Disabled'",
    ),
    "a password in the database's URL": Edit(
        "modules/database.bicep", "://${identityName}@", "://${identityName}:x@", "only user"
    ),
    "a database that is made before it has an owner": Edit(
        "modules/database.bicep",
        "dependsOn: [owner]",
        "dependsOn: []",
        "database must come after exactly one administrator",
    ),
    "a database that may belong to either of two": Edit(
        "modules/database.bicep",
        "dependsOn: [owner]",
        "dependsOn: [owner, app]",
        "database must come after exactly one administrator",
    ),
    "an administrator while the database is made": Edit(
        "modules/database.bicep",
        "  dependsOn: [database]\n",
        "  dependsOn: [owner]\n",
        "app must come after database",
    ),
    "administrators of a server that is not ready": Edit(
        "main.bicep",
        "  dependsOn: [endpoints]\n}\n\nmodule endpoints",
        "}\n\nmodule endpoints",
        "database must depend on endpoints",
    ),
    "administrators beside their server": Edit(
        "modules/postgres.bicep",
        "output id string = server.id",
        "resource me 'Microsoft.DBforPostgreSQL/flexibleServers/administrators@2025-08-01' = {\n"
        "  parent: server\n  name: token\n"
        "  properties: { principalName: token, principalType: 'User' }\n}\n"
        "output id string = server.id",
        "me must stand in another module than its server",
    ),
    "private endpoints all at once": Edit(
        "modules/endpoints.bicep",
        "@batchSize(1)\n",
        "",
        "endpoints must have @batchSize(1)",
    ),
    "a budget that nobody reads": Edit(
        "modules/budget.bicep",
        "empty(emails) ? ['Owner'] : []",
        "[]",
        "the mail half has no reader",
    ),
    "one request at a time": Edit(
        "main.bicep",
        "param httpConcurrency int = 16",
        "param httpConcurrency int = 0",
        "httpConcurrency must be 16",
    ),
    "a key in an output": Edit(
        "modules/storage.bicep",
        "output name string = account.name",
        "output name string = account.name\noutput key string = account.listKeys().keys[0].value",
        "the output key shows a key",
    ),
    "a connection string in an output": Edit(
        "modules/app.bicep",
        "output name string = app.name",
        "output name string = app.name\noutput sink string = insights.properties.ConnectionString",
        "the output sink shows a key or connection string",
    ),
    "a key in a setting": Edit(
        "modules/app.bicep",
        "  MALLOC_ARENA_MAX: '2'",
        "  MALLOC_ARENA_MAX: '2'\n  STORE: 'AccountKey=${insights.listKeys().a}'",
        "fixed.STORE has a key in it",
    ),
    "a secret in clear": Edit(
        "modules/app.bicep",
        "  MALLOC_ARENA_MAX: '2'",
        "  MALLOC_ARENA_MAX: '2'\n  SENDGRID_API_KEY: 'SG.x'",
        "the secret SENDGRID_API_KEY is set in clear",
    ),
    "a secret as a parameter": Edit(
        "modules/vault.bicep",
        "param name string",
        "param name string\n@secure()\nparam sendgrid string = ''",
        "the parameter sendgrid would carry a secret",
    ),
    "no references to the vault": Edit(
        "modules/app.bicep",
        "@Microsoft.KeyVault(VaultName=",
        "@Vault(Name=",
        "no Key Vault references",
    ),
    "a vault that can be emptied": Edit(
        "modules/vault.bicep",
        "enablePurgeProtection: true",
        "enablePurgeProtection: false",
        "enablePurgeProtection must be true",
    ),
    "a role too few": Edit(
        "modules/roles.bicep",
        "roleDefinitionId: role.storageQueueDataContributor",
        "roleDefinitionId: role.storageTableDataContributor",
        "principalId lacks the role Storage Queue Data Contributor on host",
    ),
    "a role too many": Edit(
        "modules/roles.bicep",
        "'b7e6dc6d-f1e8-4753-8033-0f276bb0955b'",
        "'8e3af657-a8ff-443c-a75c-2fe8c4bcb635'",
        "which no code needs",
    ),
    "a role that is assigned anew each time": Edit(
        "modules/roles.bicep",
        "guid(vault.id, principalId, role.keyVaultSecretsUser)",
        "guid(vault.id, 'secrets')",
        "vaultSecrets.name must be guid(vault.id, principalId, role.keyVaultSecretsUser)",
    ),
    "a role for nobody": Edit(
        "modules/roles.bicep",
        "@2022-04-01' = if (!empty(operatorId)) {",
        "@2022-04-01' = {",
        "operatorTables must be deployed only if !empty(operatorId)",
    ),
    "a custom role that may do all": Edit(
        "modules/scaling.bicep",
        "'Microsoft.Web/sites/write'",
        "'Microsoft.Web/*'",
        "role allows Microsoft.Web/*, beyond scaling",
    ),
    "a resource without tags": Edit(
        "modules/identity.bicep",
        "  location: location\n  tags: tags",
        "  location: location",
        "has no tags",
    ),
    "no tag of the environment": Edit(
        "main.bicep",
        "{ 'azd-env-name': environmentName }",
        "{ env: environmentName }",
        "lacks azd-env-name",
    ),
    "a service that azd does not know": Edit(
        "main.bicep",
        "serviceName: 'belfry'",
        "serviceName: 'api'",
        "serviceName api is none of azure.yaml",
    ),
    "a name that is too long": Edit(
        "modules/storage.bicep",
        "'stbelfry${token}'",
        "'storagebelfry${token}'",
        "26 characters; 3 to 24 are allowed",
    ),
    "a name with characters that are not allowed": Edit(
        "modules/storage.bicep",
        "'stbelfry${token}'",
        "'st-belfry${token}'",
        "lower-case letters and digits",
    ),
    "a name for two resources": Edit(
        "main.bicep",
        "name: 'stbackup${token}'",
        "name: 'stbelfry${token}'",
        "are both called 'stbelfry",
        "modules/backups.bicep",
    ),
    "another value at each deployment": Edit(
        "main.bicep",
        "param budgetStart string = ''",
        "param budgetStart string = utcNow()",
        "utcNow()",
    ),
    "an account that tells nobody": Edit(
        "modules/vault.bicep",
        "  scope: vault",
        "  scope: resourceGroup()",
        "no diagnostic settings",
    ),
    "an account that is open in a private network": Edit(
        "modules/storage.bicep",
        "privateNetwork ? 'Deny' : 'Allow'",
        "'Allow'",
        "account.properties.networkAcls.defaultAction must be privateNetwork ?",
    ),
    "a rule that deletes backups": Edit(
        "modules/backups.bicep",
        "tierToCold: { daysAfterModificationGreaterThan: coldAfterDays }",
        "delete: { daysAfterModificationGreaterThan: coldAfterDays }",
        "the lifecycle's rule tiers deletes backups",
    ),
    "a site that takes passwords": Edit(
        "modules/app.bicep",
        "properties: { allow: false }",
        "properties: { allow: true }",
        "password",
    ),
    "a site that speaks plain HTTP": Edit(
        "modules/app.bicep",
        "httpsOnly: true",
        "httpsOnly: false",
        "app.properties.httpsOnly must be true",
    ),
    "a property that Flex Consumption has not": Edit(
        "modules/app.bicep",
        "http20Enabled: true",
        "http20Enabled: true\n      linuxFxVersion: 'PYTHON|3.12'",
        "Flex Consumption has no siteConfig.linuxFxVersion",
    ),
    "a setting that Flex Consumption refuses": Edit(
        "modules/app.bicep",
        "  MALLOC_ARENA_MAX: '2'",
        "  MALLOC_ARENA_MAX: '2'\n  FUNCTIONS_WORKER_RUNTIME: 'python'",
        "Flex Consumption refuses FUNCTIONS_WORKER_RUNTIME",
    ),
    "a setting that the host lacks": Edit(
        "modules/app.bicep",
        "  AzureWebJobsStorage__credential: 'managedidentity'\n",
        "",
        "the setting AzureWebJobsStorage__credential is missing",
    ),
    "a memory that the app does not know": Edit(
        "modules/app.bicep",
        "INSTANCE_MEMORY_MB: string(instanceMemoryMB)",
        "INSTANCE_MEMORY_MB: '2048'",
        "INSTANCE_MEMORY_MB must be string(instanceMemoryMB)",
    ),
    "an app that starts before its roles": Edit(
        "main.bicep",
        "dependsOn: [roles, endpoints]",
        "dependsOn: [endpoints]",
        "must depend on roles",
    ),
    "a setting that cannot be set": Edit(
        "modules/settings.bicep",
        "  SMS_WINDOW: string?\n",
        "",
        "SMS_WINDOW of docs/settings.md cannot be set",
    ),
    "a setting that does not exist": Edit(
        "modules/settings.bicep",
        "  SMS_WINDOW: string?\n",
        "  SMS_WINDOW: string?\n  SMS_WINDOWS: string?\n",
        "SMS_WINDOWS is no setting",
    ),
    "a secret among the settings": Edit(
        "modules/settings.bicep",
        "  SMS_WINDOW: string?\n",
        "  SMS_WINDOW: string?\n  STRIPE_API_KEY: string?\n",
        "STRIPE_API_KEY is secret",
    ),
    "a parameter that the page does not name": Edit(
        "main.bicep",
        "param backupLock bool = false",
        "param backupLock bool = false\nparam fancy bool = false",
        "docs/deploy.md does not name fancy",
    ),
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "infra", tmp_path / "infra")
    (tmp_path / "docs").mkdir()
    for name in ("azure.yaml", "docs/deploy.md"):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_it_is_found(edit: Edit, root: Path) -> None:
    file = root / "infra" / edit.file
    before = file.read_text()
    assert edit.old in before
    file.write_text(before.replace(edit.old, edit.new, 1))
    infra = read(root)
    problems = [*infra.program.problems, *broken(infra, PROMISES)]
    named = root / "infra" / (edit.found_in or edit.file)
    assert [one for one in problems if edit.words in one.message and one.path == named], problems


@pytest.mark.parametrize(
    ("parameter", "value", "words"),
    [
        ("settings", {"SENDGRID_API_KEY": "SG.x"}, "the secret SENDGRID_API_KEY is in settings"),
        ("settings", {"BACKUP_CRM_URL": "postgres://u:p@h/d"}, "the secret BACKUP_CRM_URL"),
        ("settings", {"SMS_WINDOWS": "09:00-20:00"}, "SMS_WINDOWS is no setting"),
        (
            "settings",
            {"POSTGRES_BACKUPS_SCHEDULE": "30 4 * * *"},
            "of no task; did you mean POSTGRES_BACKUP_SCHEDULE?",
        ),
        ("settings", {"BACKUP_CRM_STORAGE": "AccountKey=x"}, "the secret BACKUP_CRM_STORAGE"),
        ("settings", {"INSTANCE_MEMORY_MB": "512"}, "INSTANCE_MEMORY_MB is set by"),
        ("settings", {"DATABASE_PATH": "a.db"}, "DATABASE_PATH is not for Azure"),
        ("settings", {"WEBSITE_TIME_ZONE": "CET"}, "Flex Consumption refuses WEBSITE_TIME_ZONE"),
        ("secrets", ["MAIL_FROM"], "secrets has MAIL_FROM, which is no secret setting"),
        ("secrets", ["AzureWebJobsStorage"], "secrets has AzureWebJobsStorage"),
        ("alwaysReady", [{"name": "function:tick", "instanceCount": 1}], "'function:tick'"),
        ("alwaysReady", [{"name": "function:api", "instanceCount": 1}], "'function:api'"),
    ],
)
def test_what_is_wrong_in_the_parameter_file_is_found(
    parameter: str, value: Any, words: str, root: Path
) -> None:
    _set(root, parameter, value)
    problems = [one.message for one in broken(read(root), PROMISES)]
    assert any(words in one for one in problems), problems


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("settings", {"POSTGRES_BACKUP_SCHEDULE": "30 4 * * *", "BACKUP_OFFSITE_CONTAINER": "b"}),
        ("settings", {"PUBLIC_BASE_URL": "https://belfry.example.com"}),
        ("settings", {"BACKUP_VAULT_STORAGE__accountName": "stvault"}),
        ("secrets", ["SENDGRID_API_KEY", "BACKUP_CRM_URL", "DATABASE_URL"]),
        ("alwaysReady", [{"name": "http", "instanceCount": 1}]),
        ("alwaysReady", [{"name": "function:job_worker", "instanceCount": 2}]),
        ("alwaysReady", [{"name": "function:spend_guard", "instanceCount": 1}]),
    ],
)
def test_what_is_right_there_passes(parameter: str, value: Any, root: Path) -> None:
    _set(root, parameter, value)
    assert list(broken(read(root), PROMISES)) == []


@pytest.mark.parametrize("name", ["infra/main.parameters.json", "azure.yaml"])
def test_a_file_that_cannot_be_read_is_named(name: str, root: Path) -> None:
    (root / name).write_text("{")
    with pytest.raises(Misconfigured, match=Path(name).name):
        read(root)


@pytest.mark.parametrize(
    ("start", "found"),
    [
        (None, True),
        ("", True),
        ("2030-01-01", True),
        ("2030-01-02T00:00:00Z", True),
        ("2030-01-01T00:00:00Z", False),
        ("${BUDGET_START}", False),
    ],
)
def test_a_budget_begins_with_a_month(start: str | None, found: bool, root: Path) -> None:
    _set(root, "budgetAmount", 100)
    if start is not None:
        _set(root, "budgetStart", start)
    problems = [one.message for one in broken(read(root), PROMISES)]
    assert any("budgetStart must be the first of a month" in one for one in problems) == found


def _set(root: Path, parameter: str, value: Any) -> None:
    file = root / "infra" / "main.parameters.json"
    given = json.loads(file.read_text())
    given["parameters"][parameter] = {"value": value}
    file.write_text(json.dumps(given))
