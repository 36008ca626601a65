"""Tags by which azd finds what it deploys to, and by which a bill tells environments apart.

https://learn.microsoft.com/azure/developer/azure-developer-cli/azd-schema
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from checks.bicep import File, Problem
from checks.infra.infra import Infra, at, line_of, problem, text

_ENVIRONMENT = "azd-env-name"
_SERVICE = "azd-service-name"


def environment(infra: Infra) -> Iterator[Problem]:
    """All that has a place has the environment's tag."""
    if text(at(infra.main.variables.get("tags"), _ENVIRONMENT)) != "environmentName":
        line = line_of(infra.main, "var tags ")
        yield problem(infra.main, line, f"tags lacks {_ENVIRONMENT}: environmentName")
    for file, resource in infra.all_deployed():
        if "location" in resource.body and not _tagged(file, text(resource.body.get("tags"))):
            yield problem(file, resource, f"{resource.symbol} has no tags; use tags: tags")
    for module in infra.main.modules:
        if "tags" in module.params and text(module.params["tags"]) != "tags":
            yield problem(infra.main, module, f"{module.symbol} must get tags: tags")


def service(infra: Infra) -> Iterator[Problem]:
    """The function app has the tag of a service of azure.yaml, and there is no other service."""
    given = [
        (module, text(module.params["serviceName"]))
        for module in infra.main.modules
        if "serviceName" in module.params
    ]
    for module, name in given:
        if name not in infra.services:
            known = ", ".join(infra.services)
            yield problem(infra.main, module, f"serviceName {name} is none of azure.yaml: {known}")
    for name in infra.services:
        if name not in [one for _, one in given]:
            yield problem(infra.main, 1, f"no app is deployed for the service {name} of azure.yaml")
    for file, resource in infra.deployed("Microsoft.Web/sites"):
        if f"'{_SERVICE}': serviceName" not in text(resource.body.get("tags")):
            yield problem(
                file, resource, f"{resource.symbol} lacks the tag {_SERVICE}: serviceName"
            )


def _tagged(file: File, shown: str) -> bool:
    """Whether an expression leads to the parameter `tags`, also through variables."""
    named = set(re.findall(r"\w+", shown))
    return "tags" in named or any(
        _tagged(file, text(value)) for name, value in file.variables.items() if name in named
    )
