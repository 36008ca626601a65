"""No secret stands in a template, a setting or an output, and no key is ever asked for.

A value in a template is in the history of deployments, and an output in the logs of whoever
deployed: both are readable to every reader of the resource group.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from checks.bicep import File, Problem
from checks.infra.infra import Infra, Value, at, leaves, line_of, problem, text

_KEYS = re.compile(
    r"\blist(?:\w*Keys|\w*Secrets|\w*Sas|Key|Credential\w*|Host\w*)?\s*\(|AccountKey=|SharedAccessKey"
    r"|SharedAccessSignature|DefaultEndpointsProtocol|InstrumentationKey|administratorLoginPassword"
    r"|\bprimaryKey\b|\bgetSecret\s*\(",
    re.IGNORECASE,
)
"""What brings a key into a template, or is one."""
_CONNECTION = re.compile(r"\bConnectionString\b")
_ADDRESS = "APPLICATIONINSIGHTS_CONNECTION_STRING"
"""The one connection string that is an address only: local keys of telemetry are off."""
_CREDENTIAL = re.compile(r"(password|secret|credential|token|apikey|accesskey)s?$", re.IGNORECASE)

_NO_SECRETS = ("secrets", "token")
"""Names of secret settings, and the part of names that tells deployments apart."""


def no_keys(infra: Infra) -> Iterator[Problem]:
    """No key or connection string in any resource, variable or call of a module."""
    for file in infra.program.files:
        for name, value, line in _values(file):
            for path, leaf in leaves(value):
                if _KEYS.search(text(leaf)) or _KEYS.search(path):
                    yield problem(file, line, f"{name}.{path} has a key in it: sign in by identity")
                elif _CONNECTION.search(text(leaf)) and not path.endswith(_ADDRESS):
                    yield problem(file, line, f"{name}.{path} is a connection string")


def no_key_in_outputs(infra: Infra) -> Iterator[Problem]:
    """Outputs say where things are and how to get a key, never a key."""
    for file in infra.program.files:
        for name, output in file.outputs.items():
            for _, leaf in leaves(output.value):
                if _KEYS.search(text(leaf)) or _CONNECTION.search(text(leaf)):
                    yield problem(
                        file, output.line, f"the output {name} shows a key or connection string"
                    )


def no_secret_parameters(infra: Infra) -> Iterator[Problem]:
    """No value of a secret is a parameter: people put it into the vault."""
    for file in infra.program.files:
        for name, parameter in file.params.items():
            if parameter.secure or (_CREDENTIAL.search(name) and name not in _NO_SECRETS):
                yield problem(
                    file,
                    parameter.line,
                    f"the parameter {name} would carry a secret; the vault has it",
                )


def references(infra: Infra) -> Iterator[Problem]:
    """Each name of `secrets` becomes a reference to the vault, which the app's identity reads."""
    file = infra.file("app.bicep")
    if file is None:
        return
    made = text(file.variables.get("references"))
    line = line_of(file, "var references")
    if "@Microsoft.KeyVault(VaultName=" not in made or "SecretName=" not in made:
        yield problem(file, line, "`references` makes no Key Vault references of `secrets`")
    if "references" not in text(file.variables.get("values")):
        yield problem(file, line, "the references do not get into the app's settings")


def no_password(infra: Infra) -> Iterator[Problem]:
    """The URL of the database names the app's identity as its user, and nothing else."""
    file = infra.file("database.bicep")
    url = file.outputs.get("url") if file else None
    if file and (url is None or "://${identityName}@" not in text(url.value)):
        yield problem(file, url.line if url else 1, "url must have the identity as its only user")


def _values(file: File) -> Iterator[tuple[str, Value, int]]:
    for name, value in file.variables.items():
        yield name, value, line_of(file, f"var {name} ")
    for resource in file.resources:
        yield resource.symbol, resource.body, resource.line
    for module in file.modules:
        yield module.symbol, module.params, module.line


def vault(infra: Infra) -> Iterator[Problem]:
    """The vault keeps what is deleted, and takes orders by roles alone."""
    for file, resource in infra.deployed("Microsoft.KeyVault/vaults"):
        for name in ("enableRbacAuthorization", "enablePurgeProtection", "enableSoftDelete"):
            if at(resource.body, f"properties.{name}") is not True:
                yield problem(file, resource, f"{resource.symbol}.properties.{name} must be true")
