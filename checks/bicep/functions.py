"""Bicep's own functions: how many arguments each takes, and what it returns.

Source: Microsoft's reference of Bicep functions, and the compiler's namespaces `sys` and `az`.
"""

from dataclasses import dataclass

from checks.bicep.types import (
    ARRAY,
    BOOLEAN,
    INTEGER,
    OBJECT,
    TEXT,
    UNKNOWN,
    Field,
    Record,
    Sequence,
    Type,
)


@dataclass(frozen=True, slots=True)
class Signature:
    """`most` is None where there may be any number of arguments."""

    least: int
    most: int | None
    returns: Type

    def __str__(self) -> str:
        if self.most is None:
            return f"at least {self.least}"
        if self.least == self.most:
            return str(self.least)
        return f"{self.least} to {self.most}"


TEXTS = Sequence(item=TEXT)
INTEGERS = Sequence(item=INTEGER)


def _record(*texts: str, **others: Type) -> Record:
    """An object with these properties and no others; `texts` are strings."""
    types = {**dict.fromkeys(texts, TEXT), **others}
    return Record(fields={name: Field(type=of) for name, of in types.items()})


RESOURCE_GROUP = _record(
    *("id", "name", "type", "location", "managedBy"),
    tags=OBJECT,
    properties=_record("provisioningState"),
)
SUBSCRIPTION = _record("id", "subscriptionId", "tenantId", "displayName")
TENANT = _record("tenantId", "country", "countryCode", "displayName")
DEPLOYER = _record("objectId", "tenantId", "userPrincipalName")
ENVIRONMENT = _record(
    *("activeDirectoryDataLake", "batch", "gallery", "graph", "graphAudience", "media", "name"),
    *("portal", "resourceManager", "sqlManagement", "vmImageAliasDoc"),
    authentication=_record("identityProvider", "loginEndpoint", "tenant", audiences=TEXTS),
    suffixes=_record(
        *("acrLoginServer", "azureDatalakeAnalyticsCatalogAndJob", "azureDatalakeStoreFileSystem"),
        *("azureFrontDoorEndpointSuffix", "keyvaultDns", "sqlServerHostname", "storage"),
    ),
)

FUNCTIONS = {
    "any": Signature(1, 1, UNKNOWN),
    "array": Signature(1, 1, ARRAY),
    "base64": Signature(1, 1, TEXT),
    "base64ToJson": Signature(1, 1, UNKNOWN),
    "base64ToString": Signature(1, 1, TEXT),
    "bool": Signature(1, 1, BOOLEAN),
    "buildUri": Signature(1, 1, TEXT),
    "cidrHost": Signature(2, 2, TEXT),
    "cidrSubnet": Signature(3, 3, TEXT),
    "coalesce": Signature(1, None, UNKNOWN),
    "concat": Signature(1, None, UNKNOWN),
    "contains": Signature(2, 2, BOOLEAN),
    "dataUri": Signature(1, 1, TEXT),
    "dataUriToString": Signature(1, 1, TEXT),
    "dateTimeAdd": Signature(2, 3, TEXT),
    "dateTimeFromEpoch": Signature(1, 1, TEXT),
    "dateTimeToEpoch": Signature(1, 1, INTEGER),
    "deployer": Signature(0, 0, DEPLOYER),
    "deployment": Signature(0, 0, _record("name", "location", properties=OBJECT)),
    "distinct": Signature(1, 1, ARRAY),
    "empty": Signature(1, 1, BOOLEAN),
    "endsWith": Signature(2, 2, BOOLEAN),
    "environment": Signature(0, 0, ENVIRONMENT),
    "extensionResourceId": Signature(3, None, TEXT),
    "externalInput": Signature(1, 2, UNKNOWN),
    "fail": Signature(1, 1, UNKNOWN),
    "filter": Signature(2, 2, ARRAY),
    "first": Signature(1, 1, UNKNOWN),
    "flatten": Signature(1, 1, ARRAY),
    "format": Signature(1, None, TEXT),
    "getSecret": Signature(4, 5, TEXT),
    "groupBy": Signature(2, 3, OBJECT),
    "guid": Signature(1, None, TEXT),
    "indexOf": Signature(2, 2, INTEGER),
    "int": Signature(1, 1, INTEGER),
    "intersection": Signature(2, None, UNKNOWN),
    "items": Signature(1, 1, Sequence(item=_record("key", value=UNKNOWN))),
    "join": Signature(2, 2, TEXT),
    "json": Signature(1, 1, UNKNOWN),
    "last": Signature(1, 1, UNKNOWN),
    "lastIndexOf": Signature(2, 2, INTEGER),
    "length": Signature(1, 1, INTEGER),
    "like": Signature(2, 2, BOOLEAN),
    "loadDirectoryFileInfo": Signature(1, 2, ARRAY),
    "loadFileAsBase64": Signature(1, 1, TEXT),
    "loadJsonContent": Signature(1, 3, UNKNOWN),
    "loadTextContent": Signature(1, 2, TEXT),
    "loadYamlContent": Signature(1, 3, UNKNOWN),
    "managementGroup": Signature(0, 1, _record("id", "name", "type", properties=OBJECT)),
    "managementGroupResourceId": Signature(2, None, TEXT),
    "map": Signature(2, 2, ARRAY),
    "mapValues": Signature(2, 2, OBJECT),
    "max": Signature(1, None, INTEGER),
    "min": Signature(1, None, INTEGER),
    "nameof": Signature(1, 1, TEXT),
    "newGuid": Signature(0, 0, TEXT),
    "objectKeys": Signature(1, 1, TEXTS),
    "padLeft": Signature(2, 3, TEXT),
    "parseCidr": Signature(1, 1, UNKNOWN),
    "parseUri": Signature(1, 1, OBJECT),
    "pickZones": Signature(3, 5, ARRAY),
    "providers": Signature(1, 2, UNKNOWN),
    "range": Signature(2, 2, INTEGERS),
    "readEnvironmentVariable": Signature(1, 2, TEXT),
    "reduce": Signature(3, 3, UNKNOWN),
    "reference": Signature(1, 3, UNKNOWN),
    "replace": Signature(3, 3, TEXT),
    "resourceGroup": Signature(0, 2, RESOURCE_GROUP),
    "resourceId": Signature(2, None, TEXT),
    "roleDefinitions": Signature(1, 1, _record("id", "roleDefinitionId")),
    "shallowMerge": Signature(1, 1, OBJECT),
    "skip": Signature(2, 2, UNKNOWN),
    "sort": Signature(2, 2, ARRAY),
    "split": Signature(2, 2, TEXTS),
    "startsWith": Signature(2, 2, BOOLEAN),
    "string": Signature(1, 1, TEXT),
    "subscription": Signature(0, 1, SUBSCRIPTION),
    "subscriptionResourceId": Signature(2, None, TEXT),
    "substring": Signature(2, 3, TEXT),
    "take": Signature(2, 2, UNKNOWN),
    "tenant": Signature(0, 0, TENANT),
    "tenantResourceId": Signature(2, None, TEXT),
    "toLogicalZone": Signature(3, 3, TEXT),
    "toLogicalZones": Signature(3, 3, TEXTS),
    "toLower": Signature(1, 1, TEXT),
    "toObject": Signature(2, 3, OBJECT),
    "toPhysicalZone": Signature(3, 3, TEXT),
    "toPhysicalZones": Signature(3, 3, TEXTS),
    "toUpper": Signature(1, 1, TEXT),
    "trim": Signature(1, 1, TEXT),
    "tryGet": Signature(2, None, UNKNOWN),
    "union": Signature(2, None, UNKNOWN),
    "uniqueString": Signature(1, None, TEXT),
    "uri": Signature(2, 2, TEXT),
    "uriComponent": Signature(1, 1, TEXT),
    "uriComponentToString": Signature(1, 1, TEXT),
    "utcNow": Signature(0, 1, TEXT),
}

DECORATORS = frozenset(
    {
        "allowed",
        "batchSize",
        "description",
        "discriminator",
        "export",
        "maxLength",
        "maxValue",
        "metadata",
        "minLength",
        "minValue",
        "nullIfNotFound",
        "onlyIfNotExists",
        "patch",
        "retryOn",
        "sealed",
        "secure",
        "validate",
        "waitUntil",
    }
)

ONLY_AS_DEFAULT = frozenset({"newGuid", "utcNow"})
"""Functions that Bicep allows nowhere but in the default of a parameter."""


def signature(name: str) -> Signature | None:
    """`list*` are functions of the resource that they are asked for, and take what it takes."""
    if name.startswith("list") and name not in FUNCTIONS:
        return Signature(0, 3, UNKNOWN)
    return FUNCTIONS.get(name)
