"""Mistakes in resources: types, properties, values, names, what is read from them and when.

Each is made in a copy of the sound deployment: it is found, and nothing else is.
"""

from pathlib import Path

import pytest

from tests.unit.checks.bicep.deployments import (
    APP,
    DATA,
    MAIN,
    STORAGE,
    Kinds,
    only_problem,
    titled,
)

RESOURCES: Kinds = {
    "type": (
        APP,
        "'Microsoft.Web/serverfarms@",
        "'Microsoft.Web/serverFarm@",
        "did you mean Micro",
    ),
    "version": (
        APP,
        "serverfarms@2024-11-01",
        "serverfarms@2019-01-01",
        "known in version 2024-11-01",
    ),
    "no type": (STORAGE, "'blobServices' = {", "'blob-services' = {", "is no resource type"),
    "unknown property": (APP, "httpsOnly: true", "httpOnly: true", "did you mean httpsOnly?"),
    "case": (
        STORAGE,
        "accessTier:",
        "AccessTier:",
        "no property AccessTier; did you mean accessTier?",
    ),
    "read-only": (DATA, "version: '16'", "version: '16'\n    state: 'Ready'", "state is read-only"),
    "missing": (STORAGE, "  kind: 'StorageV2'\n", "", "account.kind is missing: 'Storage' | "),
    "missing deep down": (
        APP,
        "principalId: identity.properties.principalId",
        "",
        "principalId is mi",
    ),
    "null": (STORAGE, "kind: 'StorageV2'", "kind: null", "account.kind is null, and"),
    "doubled": (
        APP,
        "httpsOnly: true",
        "httpsOnly: true\n    httpsOnly: true",
        "httpsOnly is given tw",
    ),
    "type of a value": (
        DATA,
        "storageSizeGB: 32",
        "storageSizeGB: '32'",
        "'32' where int is wanted",
    ),
    "type of a parameter": (
        APP,
        "  tags: tags\n  kind: 'functionapp,linux'",
        "  tags: owner\n  kind: 'functionapp,linux'",
        "app.tags: string where object is wanted",
    ),
    "type of an item": (
        APP,
        "['https://portal.azure.com']",
        "[443]",
        "allowedOrigins[0]: 443 where",
    ),
    "array": (
        APP,
        "cors: { allowedOrigins:",
        "cors: { supportCredentials:",
        "where bool is wanted",
    ),
    "closed set": (
        STORAGE,
        "'CanNotDelete'",
        "'DoNotDelete'",
        "is none of 'NotSpecified', 'CanNot",
    ),
    "open set": (STORAGE, "'TLS1_2'", "'TLS12'", "'TLS12' is none of 'TLS1_0', 'TLS1_1', 'TLS1_2'"),
    "range": (
        STORAGE,
        "days: 30",
        "days: 400",
        "deleteRetentionPolicy.days: 400 is outside of 1..365",
    ),
    "pattern": (DATA, "startIpAddress: '0.0.0.0'", "startIpAddress: 'any'", "'any' does not match"),
    "length": (
        STORAGE,
        "  name: name\n  location: location",
        "  name: 'st'\n  location: empty(name) ? '' : location",
        "account.name: 'st' has 2 characters, outside of 3..24",
    ),
    "through a variable": (
        MAIN,
        "'azd-env-name': environmentName",
        "'azd-env-name': 7",
        "group.tags",
    ),
    "variant": (
        APP,
        "name: 'appsettings'",
        "name: 'appSetting'",
        "appSettingsConfig.name: 'appSett",
    ),
    "slash": (
        APP,
        "name: 'scm'",
        "name: 'app/scm'",
        "has a slash, and the parent is given already",
    ),
    "no slash": (DATA, "'${server.name}/azure'", "'azure'", "has 0 slashes, and"),
    "parent": (APP, "parent: app", "parent: plan", "belongs into Microsoft.Web/sites, and plan is"),
    "same name": (
        STORAGE,
        "resource lock ",
        "resource files 'Microsoft.Storage/storageAccounts/queueServices@2025-01-01' = {\n"
        "  parent: account\n  name: 'default'\n}\n\nresource lock ",
        "files has the type and the name of queues",
    ),
    "loop's names": (
        STORAGE,
        "      name: container\n",
        "      name: 'one'\n",
        "is the same in every",
    ),
    "loop over no array": (
        MAIN,
        "[for container in containers:",
        "[for container in token:",
        "a loop runs over an array, and token is string",
    ),
}

READS: Kinds = {
    "property": (
        STORAGE,
        "primaryEndpoints.blob\n",
        "primaryEndpoint.blob\n",
        "mean primaryEndpoints?",
    ),
    "deep property": (STORAGE, "primaryEndpoints.blob\n", "primaryEndpoints.blobs\n", "mean blob?"),
    "of a string": (APP, "app.name\n", "app.name.first\n", "is string and has no property first"),
    "of an array": (MAIN, "receivers[0].address", "receivers.address", "read one of its items"),
    "of an object": (
        MAIN,
        "receivers[0].address",
        "receivers[0].mail",
        "no property mail; there are",
    ),
    "output": (
        MAIN,
        "app.outputs.name",
        "app.outputs.names",
        "no property names; did you mean name?",
    ),
    "of a module": (
        MAIN,
        "app.outputs.name",
        "app.output.name",
        "app has no property output; did you",
    ),
    "nested": (STORAGE, "account::blobs::container", "account::blob::container", "mean blobs?"),
    "of the environment": (
        MAIN,
        "take('st${token}', 24)",
        "take('st${token}${environment().suffixes.store}', 24)",
        "environment().suffixes has no property store; did you mean storage?",
    ),
    "of some objects": (
        MAIN,
        "{ name: 'http', instanceCount: 1 }\n    ]",
        "{ name: 'http', instanceCount: map([{ n: 1 }, { m: 2 }], one => one.n)[0] }\n    ]",
        "one does not always have a property n: read it as .?n",
    ),
    "extra": (MAIN, "extra.?owner", "extra.owners", "has no property owners; did you mean owner?"),
    "of what may be absent": (
        MAIN,
        "output DATABASE_ID string? = data.?outputs.id",
        "output DATABASE_ID string? = data.outputs.id",
        "data is deployed only if database: read it under that condition, or as data.?outputs",
    ),
}

START: Kinds = {
    "name": (
        APP,
        "guid(storage.id, identity.id,",
        "guid(storage.id, identity.properties.clientId,",
        "assignments.name must be known before anything is deployed",
    ),
    "condition": (
        MAIN,
        "if (database)",
        "if (app.outputs.name == 'a')",
        "the condition of data must be",
    ),
    "loop": (
        APP,
        "for (role, i) in roles",
        "for (role, i) in app.properties.hostNames",
        "the loop of",
    ),
    "loop in an object": (
        STORAGE,
        "output firstContainer string = account::blobs::container[0].name",
        "output all object = { containers: [for container in containers: container] }",
        "a loop may not stand here",
    ),
}

KINDS = {**titled("resources", RESOURCES), **titled("reads", READS), **titled("start", START)}


@pytest.mark.parametrize("kind", KINDS)
def test_the_problem_is_found_and_nothing_else(kind: str, tmp_path: Path) -> None:
    _, _, _, said = KINDS[kind]
    assert said in only_problem(tmp_path, KINDS[kind])
