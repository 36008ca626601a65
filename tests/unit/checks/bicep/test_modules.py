"""Mistakes between files: modules, scopes, secrets, parameters files.

Each is made in a copy of the sound deployment: it is found, and nothing else is.
"""

from pathlib import Path

import pytest

from tests.unit.checks.bicep.deployments import (
    DATA,
    MAIN,
    PARAMETERS,
    STORAGE,
    Kinds,
    only_problem,
    titled,
)

MODULES: Kinds = {
    "missing": (
        MAIN,
        "    storageName: storage.outputs.name\n",
        "",
        "app.storageName is missing: string",
    ),
    "unknown": (
        MAIN,
        "instances: instances",
        "instance: 1\n    instances: instances",
        "no property i",
    ),
    "type": (
        MAIN,
        "storageName: storage.outputs.name",
        "storageName: 7",
        "storageName: 7 where string is",
    ),
    "imported type": (
        MAIN,
        "{ name: 'http', instanceCount: 1 }",
        "{ name: 'http' }",
        "instanceCount is",
    ),
    "optional property": (
        MAIN,
        "BACKUP_DESTINATION: storage.outputs.blobEndpoint",
        "TRACING: 'on'",
        "TRACING: 'on' is none of 'off', 'azure', 'console'",
    ),
    "rest": (
        MAIN,
        "BACKUP_DESTINATION: storage",
        "NO_SCHEDULE: 7, BACKUP_DESTINATION: storage",
        "settings.NO_SCHEDULE: 7 where string is wanted",
    ),
    "allowed": (MAIN, "'Standard_ZRS'", "'Premium_LRS'", "storage.sku: 'Premium_LRS' is none of"),
    "default of a type": (
        MAIN,
        "planSizes = 'small'",
        "planSizes = 'medium'",
        "'medium' is none of",
    ),
    "array": (
        MAIN,
        "containers: containers",
        "containers: token",
        "string where string[] is wanted",
    ),
    "items": (
        MAIN,
        "['deployment'], database",
        "[1, 2], database",
        "in its items, 1 | 2 | 'dumps' where",
    ),
    "may be null": (
        MAIN,
        "owner: extra.?owner ?? first",
        "owner: database ? extra.?owner : first",
        "app.owner may be null, and string is required",
    ),
    "property": (
        MAIN,
        "  name: 'storage'\n",
        "  names: 'storage'\n",
        "has no property names; did you",
    ),
    "no file": (MAIN, "'modules/data.bicep'", "'modules/base.bicep'", "no file modules/base.bicep"),
    "registry": (
        MAIN,
        "'modules/data.bicep'",
        "'br/public:avm/res/db-for-postgre-sql/flexible-server:0.1.1'",
        "lies in a registry and cannot be built offline",
    ),
    "itself": (MAIN, "'modules/data.bicep'", "'main.bicep'", "main.bicep refers to itself"),
}

SCOPES: Kinds = {
    "no scope": (
        MAIN,
        "  name: 'storage'\n  scope: group\n",
        "  name: 'storage'\n",
        "is for a resourceG",
    ),
    "wrong scope": (
        MAIN,
        "scope: resourceGroup(group.name)",
        "scope: subscription()",
        "is a subscripti",
    ),
    "resource at a subscription": (
        MAIN,
        "module storage ",
        "resource id 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {\n"
        "  name: 'id'\n  location: location\n}\n\nmodule storage ",
        "deployed at resourceGroup, and this file at subscription: put it into a module",
    ),
    "no extension": (
        STORAGE,
        "  parent: account\n",
        "  scope: account\n",
        "is deployed at resourceGroup, not at a resource",
    ),
    "elsewhere": (STORAGE, "scope: account", "scope: subscription()", "belongs to another scope"),
    "unknown": (
        MAIN,
        "targetScope = 'subscription'",
        "targetScope = 'subscriptions'",
        "is none of",
    ),
}

SECRETS: Kinds = {
    "default": (
        DATA,
        "param password string",
        "param password string = 'secret'",
        "its default would be",
    ),
    "output": (
        DATA,
        "output id string = server.id",
        "output id string = '${server.id}${password}'",
        "the output id tells the secure parameter password",
    ),
    "key": (
        STORAGE,
        "= account.name",
        "= account.listKeys().keys[0].value",
        "tells what listKeys()",
    ),
    "key in a variable": (
        STORAGE,
        "output name string = account.name",
        "var key = listKeys(account.id, '2025-01-01').keys[0].value\noutput name string = key",
        "the output name tells what listKeys() returns",
    ),
    "in clear": (
        PARAMETERS,
        '"$(secretOrRandomPassword vault password)"',
        '"hunter2"',
        "is secure: giv",
    ),
}

FILES: Kinds = {
    "unknown": (
        PARAMETERS,
        '"instances"',
        '"instance"',
        "no parameter instance; did you mean inst",
    ),
    "missing": (
        PARAMETERS,
        '    "location": { "value": "${AZURE_LOCATION}" },\n',
        "",
        "location is mis",
    ),
    "type": (
        PARAMETERS,
        '{ "value": 40 }',
        '{ "value": "40" }',
        "instances: '40' where int is wanted",
    ),
    "range": (
        PARAMETERS,
        '{ "value": 40 }',
        '{ "value": 0 }',
        "instances: 0 is outside of 1..1000",
    ),
    "default of azd": (
        PARAMETERS,
        "${DATABASE=false}",
        "${DATABASE=no}",
        "'no' where bool is wanted",
    ),
    "allowed": (PARAMETERS, "${MEMORY_MB=2048}", "${MEMORY_MB=1024}", "1024 where"),
    "item": (PARAMETERS, '["ops@example.com",', "[1,", "emails[0]: 1 where string is wanted"),
    "property of a type": (
        PARAMETERS,
        '"daily": 5',
        '"daily": "5"',
        "extra.limits.daily: '5' where int",
    ),
    "no value": (PARAMETERS, '{ "value": 40 }', "40", 'instances must be an object with "value"'),
    "doubled": (PARAMETERS, '"instances"', '"memoryMb"', ":8: memoryMb is given twice"),
    "no JSON": (PARAMETERS, '{ "value": 40 },', '{ "value": 40 }', ":9: no JSON"),
}

KINDS = {
    **titled("modules", MODULES),
    **titled("scopes", SCOPES),
    **titled("secrets", SECRETS),
    **titled("parameters", FILES),
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_problem_is_found_and_nothing_else(kind: str, tmp_path: Path) -> None:
    _, _, _, said = KINDS[kind]
    assert said in only_problem(tmp_path, KINDS[kind])
