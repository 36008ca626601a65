"""Clients for a storage account, from a connection string or a managed identity.

The SDKs are imported where a client is made: a cold start pays only for what it uses. What they
retry, and how long they wait, follows the policy of `failures`. azure-data-tables does not retry an
insert or a merge when its connection ends; a caller whose write may be repeated says so by
`REPEATED`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from shared.clock import Clock, SystemClock
from shared.settings import StorageAccount
from shared.storage import cancellation as heeding
from shared.storage import failures
from shared.storage.checked import CheckedClock
from shared.storage.signing import dating, is_misdated, key_of, signing

if TYPE_CHECKING:
    from azure.data.tables import TableClient, TableServiceClient
    from azure.storage.blob import ContainerClient
    from azure.storage.queue import QueueClient

    from shared.storage.queues.wire import QueueWire
    from shared.storage.tables.wire import Wire

REPEATED: dict[str, Any] = {
    "retry_on_methods": frozenset(("GET", "POST", "PATCH", "PUT", "DELETE"))
}
"""Options of a `TableClient` call: retry it, whatever became of the connection."""
_PAUSE: Any = 0.4
"""Seconds between attempts at a queue, on average: less than it takes to miss a second."""
_BLOBS: dict[str, Any] = {"retry_total": 3, "initial_backoff": 1, "increment_base": 2}
"""azure-storage-blob's own pauses start at 15 s: longer than a person waits."""
_LISTED_AGAIN = 2
"""How often a listing is retried at most: a person waits for it, and one of several accounts may be
dead."""
_LIST_PAUSE = 0.4
"""Seconds before a listing is retried."""
_LIST_CONNECTION = 2
"""Seconds that an attempt at a listing waits for a connection."""


class Connection:
    """One storage account. `transport` is the SDKs' own; tests give one that fails."""

    def __init__(
        self,
        account: StorageAccount,
        transport: Any = None,
        clock: CheckedClock | None = None,
    ) -> None:
        """`clock` hears the storage's time, and dates what is signed by key."""
        self._account = account
        self._transport = transport
        self._clock = clock

    def to(self, account: StorageAccount) -> Connection:
        """A connection to another account, by the same clock."""
        return Connection(account, clock=self._clock)

    def heeding(self, check: Callable[[], None]) -> Connection:
        """The same account, for one job: no attempt at a call of its tables begins once `check`
        raises."""
        inner = self._transport or failures.transport(self._clock, **failures.TIMEOUTS)
        return Connection(self._account, heeding.transport(inner, check), self._clock)

    def tables(self) -> TableServiceClient:
        from azure.data.tables import TableServiceClient

        text, options = self._account.connection_string.reveal(), self._table_options()
        if text:
            return TableServiceClient.from_connection_string(text, **options)
        return TableServiceClient(self._url("table"), credential=self._identity(), **options)

    def table(self, name: str) -> TableClient:
        """One table; clients made from `tables()` lack some of these options."""
        from azure.data.tables import TableClient

        text, options = self._account.connection_string.reveal(), self._table_options()
        if text:
            return TableClient.from_connection_string(text, name, **options)
        return TableClient(self._url("table"), name, credential=self._identity(), **options)

    def create_table(self, name: str) -> None:
        """Create a table; harmless if it exists."""
        from azure.core.exceptions import ResourceExistsError

        with contextlib.suppress(ResourceExistsError):
            self.table(name).create_table(**REPEATED)

    def drop_tables(self, names: Iterable[str], *, hastily: bool = False) -> None:
        """Drop tables; `hastily`: only while the storage answers at once."""
        from azure.core.exceptions import AzureError

        account = self.tables()
        if not hastily:
            for name in names:
                account.delete_table(name)
            return
        with contextlib.suppress(AzureError):
            for name in names:
                account.delete_table(name, **heeding.HASTE)

    def create_queue(self, name: str) -> None:
        """Create a queue; harmless if it exists."""
        from azure.core.exceptions import ResourceExistsError

        with contextlib.suppress(ResourceExistsError):
            self.queue(name).create_queue()

    def wire(self, name: str) -> Wire:
        """A table by hand: for many rows."""
        from shared.storage.tables.wire import from_account

        return from_account(self._account, name, self._transport, self._clock)

    def queue_wire(self, name: str) -> QueueWire:
        """A queue by hand: for many messages."""
        from shared.storage.queues.wire import from_account

        return from_account(self._account, name, self._transport, self._clock)

    def queue(self, name: str) -> QueueClient:
        from azure.storage.queue import QueueClient

        options = self._options() | self._dated() | {"retry_policy": _queue_retries(self._clock)}
        text = self._account.connection_string.reveal()
        if text:
            return QueueClient.from_connection_string(text, name, **options)
        url = self._url("queue")
        return QueueClient(url, name, credential=self._identity(), **options)

    def container(self, name: str) -> ContainerClient:
        from azure.storage.blob import ContainerClient

        options = self._options() | self._dated() | {"retry_policy": _blob_retries(self._clock)}
        text = self._account.connection_string.reveal()
        if text:
            return ContainerClient.from_connection_string(text, name, **options)
        url = self._url("blob")
        return ContainerClient(url, name, credential=self._identity(), **options)

    def _options(self) -> dict[str, Any]:
        """The options of any client."""
        transport = self._transport or failures.transport(self._clock, **failures.TIMEOUTS)
        return dict(failures.TIMEOUTS) | {"transport": transport}

    def _table_options(self) -> dict[str, Any]:
        """The options of a client of tables, whose SDK dates requests by the machine's clock."""
        options = self._options() | failures.RETRIES | {"timeout": failures.WHOLE}
        key = key_of(self._account.connection_string.reveal())
        if self._clock is None or key is None:
            return options
        return options | {"per_retry_policies": [signing(key, self._clock, always=False)]}

    def _dated(self) -> dict[str, Any]:
        """The options of a client of queues or blobs, which signs after this hook."""
        return {} if self._clock is None else {"raw_request_hook": dating(self._clock)}

    def _url(self, service: str) -> str:
        return f"https://{self._account.account_name}.{service}.core.windows.net"

    def _identity(self) -> Any:
        from azure.identity import ManagedIdentityCredential

        return ManagedIdentityCredential(client_id=self._account.client_id or None)


def _queue_retries(clock: CheckedClock | None) -> Any:
    """What a client of queues retries; also, once, what was refused for its date."""
    from azure.storage.queue import LinearRetry

    class Retries(LinearRetry):
        def send(self, request: Any) -> Any:
            answer: Any = super().send(request)  # type: ignore[no-untyped-call]
            refused = answer.http_response.status_code == 403
            if clock is None or not refused or not is_misdated(request.http_request, clock):
                return answer
            return super().send(request)  # type: ignore[no-untyped-call]

    return Retries(backoff=_PAUSE, retry_total=3, random_jitter_range=_PAUSE)


def _blob_retries(clock: CheckedClock | None) -> Any:
    """What a client of blobs retries."""
    from azure.storage.blob import ExponentialRetry

    steady: Clock = clock or SystemClock()

    class Retries(ExponentialRetry):
        def configure_retries(self, request: Any) -> dict[str, Any]:
            options = request.context.options
            if clock is not None and (given := options.get("raw_request_hook")) is not None:
                # a hook of one call (`heeding`) takes the place of the client's
                options["raw_request_hook"] = dating(clock, given)
            settings = super().configure_retries(request)
            settings["until"] = steady.monotonic() + failures.WHOLE
            settings["listing"] = "comp=list" in request.http_request.url
            if settings["listing"]:
                settings["total"] = min(settings["total"], _LISTED_AGAIN)
                request.context.options["connection_timeout"] = _LIST_CONNECTION
            return settings

        def increment(self, settings: dict[str, Any], *told: Any, **more: Any) -> bool:
            again = super().increment(settings, *told, **more)
            in_time = steady.monotonic() < settings["until"]  # as the clients of tables do
            return again and in_time

        def sleep(self, settings: dict[str, Any], transport: Any) -> None:
            super().sleep(settings, transport)  # type: ignore[no-untyped-call]
            if settings["hook"] is not None:  # whoever asks may have been told to stop meanwhile
                settings["hook"]()

        def get_backoff_time(self, settings: dict[str, Any]) -> float:
            return _LIST_PAUSE if settings["listing"] else super().get_backoff_time(settings)

    return Retries(**_BLOBS)
