"""Clients for a storage account, from a connection string or a managed identity.

The SDKs are imported where a client is made: a cold start pays only for what it uses. What they try
again, and how long they wait, is `failures`' policy. azure-data-tables does not try an insert or a
merge again when its connection ends; a caller whose write may be repeated says so by `REPEATED`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from shared.clock import monotonic
from shared.settings import StorageAccount
from shared.storage import failures, heeding

if TYPE_CHECKING:
    from azure.data.tables import TableClient, TableServiceClient
    from azure.storage.blob import ContainerClient
    from azure.storage.queue import QueueClient

    from shared.storage.queue_wire import QueueWire
    from shared.storage.wire import Wire

REPEATED: dict[str, Any] = {
    "retry_on_methods": frozenset(("GET", "POST", "PATCH", "PUT", "DELETE"))
}
"""Of a call of a `TableClient`: try it again, whatever became of the connection."""
_PAUSE: Any = 0.4
"""Seconds between attempts at a queue, on average: less than it takes to miss a second."""
_BLOBS: dict[str, Any] = {"retry_total": 3, "initial_backoff": 1, "increment_base": 2}
"""azure-storage-blob's own are 15 s: longer than a person waits."""
_LISTED_AGAIN = 2
"""A person waits for a listing, and of several accounts one may be dead: so it is asked for again
so often only,"""
_LIST_PAUSE = 0.4
"""after so many seconds,"""
_LIST_CONNECTION = 2
"""and no attempt waits longer for a connection."""


class Connection:
    """One storage account. `transport` is the SDKs' own; tests give one that fails."""

    def __init__(self, account: StorageAccount, transport: Any = None) -> None:
        self._account = account
        self._transport = transport

    def heeding(self, check: Callable[[], None]) -> Connection:
        """The same account, for one job: of its tables' calls no attempt begins once `check`
        raises."""
        inner = self._transport or failures.transport(**failures.TIMEOUTS)
        return Connection(self._account, heeding.transport(inner, check))

    def tables(self) -> TableServiceClient:
        from azure.data.tables import TableServiceClient

        options = self._options() | failures.RETRIES | {"timeout": failures.WHOLE}
        text = self._account.connection_string.reveal()
        if text:
            return TableServiceClient.from_connection_string(text, **options)
        return TableServiceClient(self._url("table"), credential=self._identity(), **options)

    def table(self, name: str) -> TableClient:
        return self.tables().get_table_client(name)

    def wire(self, name: str) -> Wire:
        """The same table by hand: for many rows."""
        from shared.storage.wire import from_account

        return from_account(self._account, name, self._transport)

    def queue_wire(self, name: str) -> QueueWire:
        """A queue by hand: for many messages."""
        from shared.storage.queue_wire import from_account

        return from_account(self._account, name, self._transport)

    def queue(self, name: str) -> QueueClient:
        from azure.storage.queue import LinearRetry, QueueClient

        again = LinearRetry(backoff=_PAUSE, retry_total=3, random_jitter_range=_PAUSE)
        options = self._options() | {"retry_policy": again}
        text = self._account.connection_string.reveal()
        if text:
            return QueueClient.from_connection_string(text, name, **options)
        url = self._url("queue")
        return QueueClient(url, name, credential=self._identity(), **options)

    def container(self, name: str) -> ContainerClient:
        from azure.storage.blob import ContainerClient

        options = self._options() | {"retry_policy": _blob_retries()}
        text = self._account.connection_string.reveal()
        if text:
            return ContainerClient.from_connection_string(text, name, **options)
        url = self._url("blob")
        return ContainerClient(url, name, credential=self._identity(), **options)

    def _options(self) -> dict[str, Any]:
        """Of any client."""
        given = {} if self._transport is None else {"transport": self._transport}
        made = {} if given else {"transport": failures.transport(**failures.TIMEOUTS)}
        return dict(failures.TIMEOUTS) | given | made

    def _url(self, service: str) -> str:
        return f"https://{self._account.account_name}.{service}.core.windows.net"

    def _identity(self) -> Any:
        from azure.identity import ManagedIdentityCredential

        return ManagedIdentityCredential(client_id=self._account.client_id or None)


def _blob_retries() -> Any:
    """What a client of blobs tries again."""
    from azure.storage.blob import ExponentialRetry

    class Retries(ExponentialRetry):
        def configure_retries(self, request: Any) -> dict[str, Any]:
            settings = super().configure_retries(request)
            settings["until"] = monotonic() + failures.WHOLE
            settings["listing"] = "comp=list" in request.http_request.url
            if settings["listing"]:
                settings["total"] = min(settings["total"], _LISTED_AGAIN)
                request.context.options["connection_timeout"] = _LIST_CONNECTION
            return settings

        def increment(self, settings: dict[str, Any], *told: Any, **more: Any) -> bool:
            again = super().increment(settings, *told, **more)
            return again and monotonic() < settings["until"]  # as the clients of tables do

        def sleep(self, settings: dict[str, Any], transport: Any) -> None:
            super().sleep(settings, transport)  # type: ignore[no-untyped-call]
            if settings["hook"] is not None:  # whoever asks may have been told to stop meanwhile
                settings["hook"]()

        def get_backoff_time(self, settings: dict[str, Any]) -> float:
            return _LIST_PAUSE if settings["listing"] else super().get_backoff_time(settings)

    return Retries(**_BLOBS)
