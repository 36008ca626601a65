"""Clients for a storage account, from a connection string or a managed identity.

The SDKs are imported where a client is made: a cold start pays only for what it uses. Azurite
closes idle connections after 5 s, so a request that met a closed one is tried again at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shared.settings import StorageAccount

if TYPE_CHECKING:
    from azure.data.tables import TableClient, TableServiceClient
    from azure.storage.blob import ContainerClient
    from azure.storage.queue import QueueClient

_TIMEOUTS = {"connection_timeout": 5, "read_timeout": 20, "retry_total": 3}
_BACKOFF: dict[str, Any] = {"initial_backoff": 1, "increment_base": 2}
"""Of queues and blobs, whose own is 15 s: longer than a message or a person waits."""


class Connection:
    """One storage account. `transport` is the SDKs' own; tests give one that fails."""

    def __init__(self, account: StorageAccount, transport: Any = None) -> None:
        self._account = account
        self._options: dict[str, Any] = dict(_TIMEOUTS)
        if transport is not None:
            self._options["transport"] = transport

    def tables(self) -> TableServiceClient:
        from azure.data.tables import TableServiceClient

        text = self._account.connection_string.reveal()
        if text:
            return TableServiceClient.from_connection_string(text, **self._options)
        return TableServiceClient(self._url("table"), credential=self._identity(), **self._options)

    def table(self, name: str) -> TableClient:
        return self.tables().get_table_client(name)

    def queue(self, name: str) -> QueueClient:
        from azure.storage.queue import QueueClient

        text = self._account.connection_string.reveal()
        if text:
            return QueueClient.from_connection_string(text, name, **self._options, **_BACKOFF)
        url = self._url("queue")
        return QueueClient(url, name, credential=self._identity(), **self._options, **_BACKOFF)

    def container(self, name: str) -> ContainerClient:
        from azure.storage.blob import ContainerClient

        text = self._account.connection_string.reveal()
        if text:
            return ContainerClient.from_connection_string(text, name, **self._options, **_BACKOFF)
        url = self._url("blob")
        return ContainerClient(url, name, credential=self._identity(), **self._options, **_BACKOFF)

    def _url(self, service: str) -> str:
        return f"https://{self._account.account_name}.{service}.core.windows.net"

    def _identity(self) -> Any:
        from azure.identity import ManagedIdentityCredential

        return ManagedIdentityCredential(client_id=self._account.client_id or None)
