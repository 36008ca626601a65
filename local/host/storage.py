"""The storage account of a trigger, as its settings give it: a connection string or an identity.

As in the real host: `NAME__accountName`, or `NAME__queueServiceUri` and so on, and the identity of
`NAME__clientId`. https://learn.microsoft.com/azure/azure-functions/functions-reference#connections
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from azure.identity import ManagedIdentityCredential
from azure.storage.blob import ContainerClient
from azure.storage.queue import QueueClient

_ENDPOINT = "IDENTITY_ENDPOINT"


@dataclass(frozen=True, slots=True)
class Account:
    """How to reach one storage account."""

    connection_string: str = ""
    blob_url: str = ""
    queue_url: str = ""
    client_id: str = ""

    def queue(self, name: str, **options: Any) -> QueueClient:
        """One queue."""
        if self.connection_string:
            return QueueClient.from_connection_string(self.connection_string, name, **options)
        return QueueClient(self.queue_url, name, credential=_identity(self.client_id), **options)

    def container(self, name: str, **options: Any) -> ContainerClient:
        """One container."""
        if self.connection_string:
            return ContainerClient.from_connection_string(self.connection_string, name, **options)
        return ContainerClient(self.blob_url, name, credential=_identity(self.client_id), **options)


def account(name: str, environ: Mapping[str, str]) -> Account | None:
    """The account of that connection name, also by its long form `AzureWebJobs<name>`; None if the
    settings give none."""
    return _of(name, environ) or _of(f"AzureWebJobs{name}", environ)


def problem(name: str, environ: Mapping[str, str]) -> str | None:
    """What is wrong with the connection of that name, in words."""
    found = account(name, environ)
    if found is None:
        return f"the connection setting {name} is not set"
    if not found.connection_string and not environ.get(_ENDPOINT):
        return f"{name} is given by an identity, which needs Azure; set a connection string"
    return None


def _of(name: str, environ: Mapping[str, str]) -> Account | None:
    if text := environ.get(name):
        return Account(text)
    named = environ.get(f"{name}__accountName")
    blob, queue = (
        environ.get(f"{name}__{service}ServiceUri")
        or (f"https://{named}.{service}.core.windows.net" if named else "")
        for service in ("blob", "queue")
    )
    if not blob and not queue:
        return None
    # The host heeds the client id only beside this.
    managed = environ.get(f"{name}__credential", "").lower() == "managedidentity"
    client_id = environ.get(f"{name}__clientId", "") if managed else ""
    return Account(blob_url=blob, queue_url=queue, client_id=client_id)


@functools.cache
def _identity(client_id: str) -> ManagedIdentityCredential:
    return ManagedIdentityCredential(client_id=client_id or None, retry_total=1)
