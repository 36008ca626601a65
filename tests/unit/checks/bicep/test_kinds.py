"""Each kind of problem is found in a deployment that is sound but for it, and nothing else is."""

from pathlib import Path

import pytest

from tests.unit.checks.bicep.deployments import SOUND, changed, problems

MAIN = "main.bicep"
APP = "modules/app.bicep"
DATA = "modules/data.bicep"
STORAGE = "modules/storage.bicep"
SHARED = "modules/shared.bicep"
PARAMETERS = "main.parameters.json"


def test_the_sound_deployment_has_no_problem() -> None:
    assert problems(SOUND) == []


SYNTAX = {
    "no value": (MAIN, "var note = '''", "var nothing =\nvar note = '''", ":49: syntax: a value"),
    "no colon": (STORAGE, "kind: 'StorageV2'", "kind 'StorageV2'", "`:` after the name of a prop"),
    "no statement": (MAIN, "output APP_NAME", "outputs APP_NAME", "a statement (assert,"),
    "open string": (APP, "tier: 'FlexConsumption'", "tier: 'FlexConsumption", "' is missing"),
    "open bracket": (MAIN, "var first = empty(emails)", "var first = empty(emails", "`,` or `)`"),
    "two on a line": (
        STORAGE,
        "sku: { name: sku }",
        "sku: { name: sku tier: sku }",
        "a comma, a new line or `}` is expected, not `tier`",
    ),
    "line ends in an operator": (
        MAIN,
        "size == 'small' ?",
        "size ==\n'small' ?",
        "a value is expected, not the end of the line",
    ),
    "escape": (STORAGE, "'CanNotDelete'", r"'Can\Not'", r"\ begins no escape here"),
}
NAMES = {
    "undefined": (
        MAIN,
        "'rg-${environmentName}'",
        "'rg-${environmentNam}'",
        "environmentNam is not defined; did",
    ),
    "undefined in a module": (
        APP,
        "serverFarmId: plan.id",
        "serverFarmId: plans.id",
        "plans is not",
    ),
    "twice": (
        MAIN,
        "output APP_NAME",
        "var token = '1'\noutput APP_NAME",
        "token is declared twice",
    ),
    "twice as output": (APP, "output host", "output name", "the output name is declared on line"),
    "unused parameter": (
        DATA,
        "param name string",
        "param name string\nparam x int = 1",
        "parameter x is never",
    ),
    "unused variable": (
        MAIN,
        "var token =",
        "var other = 1\nvar token =",
        "variable other is never",
    ),
    "unused import": (
        STORAGE,
        "param tags object",
        "import { sizes } from 'shared.bicep'\nparam tags object",
        "sizes is imported and never used",
    ),
    "unused existing": (
        DATA,
        "output id",
        "resource v 'Microsoft.KeyVault/vaults@2024-11-01' existing = { name: 'vault' }\noutput id",
        "the existing resource v is never used",
    ),
    "not exported": (
        SHARED,
        "@export()\ntype sizes = 'small' | 'large'",
        "type sizes = 'small' | 'large'\n\n@export()\ntype size = sizes",
        "shared.bicep does not export sizes: put @export() before it",
    ),
    "not exported, all": (SHARED, "@export()\ntype extra", "type extra", "exports no type extra"),
    "imports nothing": (MAIN, "sizes as planSizes", "size as planSizes", "declares no size"),
    "nested twice": (
        STORAGE,
        "properties: { publicAccess: 'None' }\n    }]",
        "properties: { publicAccess: 'None' }\n    }]\n\n    resource container 'containers' = {\n"
        "      name: 'one'\n    }",
        "container is declared twice in blobs",
    ),
    "in a cycle": (
        MAIN,
        "uniqueString(subscription().id,",
        "uniqueString(token,",
        "token needs itself, dir",
    ),
    "type": (SHARED, "monthly: int?", "monthly: number?", "there is no type number"),
}
FUNCTIONS = {
    "unknown": (
        MAIN,
        "toLower(",
        "toLowercase(",
        "there is no function toLowercase(); did you mean",
    ),
    "too few arguments": (
        MAIN,
        "take('st${token}', 24)",
        "take('st${token}')",
        "takes 2 arguments",
    ),
    "of a file": (MAIN, "shared.named('func', token)", "shared.named('func')", "takes 2 arguments"),
    "of a file, type": (
        MAIN,
        "shared.named('func',",
        "shared.named(7,",
        "kind is string, and 7 is",
    ),
    "file": (DATA, "'16'", "loadTextContent('version.txt')", "there is no version.txt beside data"),
    "only in a default": (
        MAIN,
        "created: created",
        "created: '${created}${utcNow()}'",
        "only in the",
    ),
    "decorator": (STORAGE, "@minLength(3)", "@minimumLength(3)", "@minimumLength(); did you mean"),
    "decorator in a type": (
        SHARED,
        "@minValue(1)",
        "@minimum(1)",
        "there is no decorator @minimum()",
    ),
    "operand": (
        APP,
        "'Role ${i + 1} of",
        "'Role ${name + 1} of",
        "`+` takes int, and name is string",
    ),
    "condition": (
        MAIN,
        "if (database) {",
        "if (token) {",
        "the condition of data: string where bool",
    ),
}
RESOURCES = {
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
READS = {
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
MODULES = {
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
SCOPES = {
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
START = {
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
SECRETS = {
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
FILES = {
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
    f"{title}: {name}": kind
    for title, kinds in {
        "syntax": SYNTAX,
        "names": NAMES,
        "functions": FUNCTIONS,
        "resources": RESOURCES,
        "reads": READS,
        "modules": MODULES,
        "scopes": SCOPES,
        "start": START,
        "secrets": SECRETS,
        "parameters": FILES,
    }.items()
    for name, kind in kinds.items()
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_problem_is_found_and_nothing_else(kind: str, tmp_path: Path) -> None:
    file, old, new, said = KINDS[kind]
    found = problems(changed(tmp_path, file, old, new))
    assert len(found) == 1, found
    assert found[0].startswith((file, MAIN))
    assert said in found[0]
