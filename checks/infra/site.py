"""The function app is as Flex Consumption and the host want it.

https://learn.microsoft.com/azure/azure-functions/flex-consumption-plan
https://learn.microsoft.com/azure/azure-functions/functions-app-settings
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from checks.bicep import File, Problem, Resource
from checks.infra.infra import Infra, at, depends_on, keys, line_of, problem, text
from shared.settings import SETTINGS

REFUSED = (
    "AzureWebJobsStorage",
    "ENABLE_ORYX_BUILD",
    "FUNCTIONS_EXTENSION_VERSION",
    "FUNCTIONS_MAX_HTTP_CONCURRENCY",
    "FUNCTIONS_WORKER_DYNAMIC_CONCURRENCY_ENABLED",
    "FUNCTIONS_WORKER_PROCESS_COUNT",
    "FUNCTIONS_WORKER_RUNTIME",
    "FUNCTIONS_WORKER_RUNTIME_VERSION",
    "SCM_DO_BUILD_DURING_DEPLOYMENT",
    "WEBSITE_CONTENTAZUREFILECONNECTIONSTRING",
    "WEBSITE_CONTENTSHARE",
    "WEBSITE_CONTENTOVERVNET",
    "WEBSITE_DNS_SERVER",
    "WEBSITE_MAX_DYNAMIC_APPLICATION_SCALE_OUT",
    "WEBSITE_NODE_DEFAULT_VERSION",
    "WEBSITE_RUN_FROM_PACKAGE",
    "WEBSITE_SKIP_CONTENTSHARE_VALIDATION",
    "WEBSITE_TIME_ZONE",
    "WEBSITE_VNET_ROUTE_ALL",
)
"""Settings that Flex Consumption refuses or ignores; AzureWebJobsStorage beside an identity stops
the host, even if it is empty."""

REFUSED_PROPERTIES = (
    "alwaysOn",
    "elasticWebAppScaleLimit",
    "ftpsState",
    "functionAppScaleLimit",
    "linuxFxVersion",
    "minimumElasticInstanceCount",
    "preWarmedInstanceCount",
    "pythonVersion",
    "use32BitWorkerProcess",
    "vnetRouteAllEnabled",
)
"""Of siteConfig: what a site on Flex Consumption should not have (there is no FTPS there)."""

NEEDED = (
    "AzureWebJobsStorage__accountName",
    "AzureWebJobsStorage__credential",
    "AzureWebJobsStorage__clientId",
    "AZURE_CLIENT_ID",
    "APPLICATIONINSIGHTS_CONNECTION_STRING",
    "APPLICATIONINSIGHTS_AUTHENTICATION_STRING",
    "BACKUP_STORAGE__accountName",
    "BACKUP_STORAGE__clientId",
    "FUNCTIONS_REQUEST_BODY_SIZE_LIMIT",
    "INSTANCE_MEMORY_MB",
    "MALLOC_ARENA_MAX",
    "PYTHON_THREADPOOL_THREAD_COUNT",
)

_WANTED = {
    "kind": "functionapp,linux",
    "properties.httpsOnly": True,
    "properties.keyVaultReferenceIdentity": "identityId",
    "properties.siteConfig.minTlsVersion": "1.2",
    "properties.siteConfig.scmMinTlsVersion": "1.2",
    "properties.functionAppConfig.runtime.name": "python",
    "properties.functionAppConfig.runtime.version": "3.12",
    "properties.functionAppConfig.deployment.storage.value": "packagesUrl",
    "properties.functionAppConfig.deployment.storage.authentication.type": "UserAssignedIdentity",
    "properties.functionAppConfig.scaleAndConcurrency.instanceMemoryMB": "instanceMemoryMB",
}
_GROUPS = ("http", "durable", "blob")
_SETTINGS = ("defaults", "database", "offsite", "people", "fixed")
"""Variables of app.bicep with the settings that it makes itself."""


def configured(infra: Infra) -> Iterator[Problem]:
    """HTTPS alone, TLS 1.2, no FTP, no passwords for publishing; the app's identity throughout."""
    for file, resource in infra.deployed("Microsoft.Web/sites"):
        for path, value in _WANTED.items():
            if text(at(resource.body, path)) != str(value):
                yield problem(file, resource, f"{resource.symbol}.{path} must be {_shown(value)}")
        for name in keys(at(resource.body, "properties.siteConfig")):
            if name in REFUSED_PROPERTIES:
                yield problem(file, resource, f"Flex Consumption has no siteConfig.{name}")
        yield from _publishing(infra, file, resource)


def _publishing(infra: Infra, file: File, site: Resource) -> Iterator[Problem]:
    kind = "Microsoft.Web/sites/basicPublishingCredentialsPolicies"
    closed = {
        text(one.body.get("name"))
        for _, one in infra.deployed(kind)
        if at(one.body, "properties.allow") is False
    }
    for name in ("scm", "ftp"):
        if name not in closed:
            yield problem(file, site, f"publishing by password is not turned off for {name}")


def settings_of_the_host(infra: Infra) -> Iterator[Problem]:
    """What the host needs is set, and nothing that Flex Consumption refuses."""
    file = infra.file("app.bicep")
    if file is None:
        return
    made = set(own_settings(file))
    for name in NEEDED:
        if name not in made:
            yield problem(file, line_of(file, "var fixed"), f"the setting {name} is missing")
    for name in REFUSED:
        if name in made:
            yield problem(file, line_of(file, f"{name}:"), f"Flex Consumption refuses {name}")
    given = {**(infra.parameters.get("settings") or {})}
    for name in (*given, *(infra.parameters.get("secrets") or ())):
        if name in REFUSED:
            yield Problem(infra.parameters_file, 1, f"Flex Consumption refuses {name}")
    if text(at(file.variables.get("fixed"), "INSTANCE_MEMORY_MB")) != "string(instanceMemoryMB)":
        line = line_of(file, "INSTANCE_MEMORY_MB")
        yield problem(
            file, line, "INSTANCE_MEMORY_MB must be string(instanceMemoryMB), as the site's"
        )
    order = text(file.variables.get("values"))
    if not order.endswith(", fixed)"):
        yield problem(file, line_of(file, "var values"), "`fixed` must come last in `values`")


def own_settings(file: File) -> list[str]:
    """The names of the settings that app.bicep makes itself."""
    return [name for part in _SETTINGS for name in keys(file.variables.get(part))]


def after_roles_and_container(infra: Infra) -> Iterator[Problem]:
    """The app is made after the roles, the private endpoints and the container of its package."""
    named = depends_on(infra, "app")
    for one in ("roles", "endpoints"):
        if one not in named:
            line = line_of(infra.main, "module app ")
            yield problem(infra.main, line, f"the app must depend on {one}, or it starts without")
    storage = infra.file("storage.bicep")
    made = storage.outputs.get("packagesUrl") if storage else None
    containers = (
        [one.symbol for one in storage.resources if "containers" in one.type] if storage else []
    )
    if storage and not (made and any(f"{one}.name" in text(made.value) for one in containers)):
        line = made.line if made else 1
        yield problem(storage, line, "packagesUrl must come from the container that is made here")


def always_ready(infra: Infra, functions: Sequence[str]) -> Iterator[Problem]:
    """Each name of alwaysReady is a group of the platform, or function:NAME of a function."""
    for one in infra.parameters.get("alwaysReady") or ():
        name = str(one.get("name")) if isinstance(one, dict) else str(one)
        if name not in _GROUPS and name.removeprefix("function:") not in functions:
            yield Problem(
                infra.parameters_file,
                1,
                f"alwaysReady has {name!r}; use {', '.join(_GROUPS)} or function:NAME of a timer "
                "or queue function",
            )


def http_concurrency(infra: Infra) -> Iterator[Problem]:
    """An instance takes as many requests at a time as the scaling policy thinks is usual. The
    platform's own number is 1 for Python: a page with three files would start four instances.
    https://learn.microsoft.com/azure/azure-functions/functions-concurrency"""
    usual = next(one.default for one in SETTINGS if one.name == "SCALING_HTTP_CONCURRENCY")
    most = int(usual.partition("-")[2] or usual)
    parameter = infra.main.params.get("httpConcurrency")
    if parameter is None or parameter.default != most:
        line = parameter.line if parameter else 1
        yield problem(
            infra.main, line, f"httpConcurrency must be {most}, as SCALING_HTTP_CONCURRENCY has it"
        )


def _shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
