"""Clients for a storage account, from a connection string or a managed identity.

The clients for tables and queues are Belfry's own (`rest`); the client for blobs is the SDK's. Each
is imported where it is made, so a cold start pays only for what it uses. All of them retry and wait
by the policy of `failures`.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import TYPE_CHECKING, Any

from shared.clock import Clock, SystemClock
from shared.settings import StorageAccount
from shared.storage import cancellation, failures
from shared.storage.account import Service, credential, endpoint
from shared.storage.checked import CheckedClock
from shared.storage.counted import Service as Counted
from shared.storage.lean import Lean
from shared.storage.read_only import read_only
from shared.storage.rest import Rest
from shared.storage.signing import dating

if TYPE_CHECKING:
    from azure.storage.blob import ContainerClient

    from shared.storage.blobs.container import Container
    from shared.storage.queues.queue import Queue
    from shared.storage.tables.account import Tables
    from shared.storage.tables.table import Table

_BLOBS: dict[str, Any] = {"retry_total": 3, "initial_backoff": 1, "increment_base": 2}
"""The default pauses of azure-storage-blob start at 15 s, which is longer than a person waits."""
_LISTED_AGAIN = 2
"""How often a listing is retried at most. A person may be waiting for it, and one of several
accounts may be down."""
_LIST_PAUSE = 0.4
"""Seconds before a listing is retried."""
_LIST_CONNECTION = 2
"""Seconds that an attempt at a listing waits for a connection."""


class Connection:
    """One storage account. `transport` is for tests, which pass one that fails."""

    def __init__(
        self,
        account: StorageAccount,
        transport: Any = None,
        clock: CheckedClock | None = None,
        *,
        read_only: bool = False,
    ) -> None:
        """`clock` learns the storage's time from answers, and dates requests that are signed with
        the account's key. `read_only`: whatever would change something raises `Refused`; a table
        that does not exist is not made, and counts as empty."""
        self._account = account
        self._transport = transport
        self._clock = clock
        self.read_only = read_only

    def to(self, account: StorageAccount) -> Connection:
        """A connection to another account, with the same clock."""
        return Connection(account, clock=self._clock, read_only=self.read_only)

    def cancellable(self, check: Callable[[], None]) -> Connection:
        """The same account, for one job: no attempt at a call of its tables begins once `check`
        raises."""
        stoppable = cancellation.transport(self._sdk_transport("tables"), check)
        return Connection(self._account, stoppable, self._clock, read_only=self.read_only)

    def table(self, name: str) -> Table:
        """One table."""
        from shared.storage.tables.table import Table

        return Table(self._table_service, name, missing_is_empty=self.read_only)

    def made_when_used(self, name: str) -> Callable[[], Table]:
        """A function that gives one table, and creates it the first time."""
        table, there = self.table(name), False

        def opened() -> Table:
            nonlocal there
            if not there:
                self.create_table(name)
                there = True
            return table

        return opened

    def queue(self, name: str) -> Queue:
        """One queue."""
        from shared.storage.queues.queue import Queue

        return Queue(self._queue_service, name)

    def create_table(self, name: str) -> None:
        """Create a table; harmless if it exists."""
        if not self.read_only:
            self._tables().create(name)

    def table_names(self, prefix: str) -> set[str]:
        """The names of the tables that begin with `prefix`."""
        return set(self._tables().names(prefix))

    def drop_tables(self, names: Iterable[str], *, hastily: bool = False) -> None:
        """Drop tables. `hastily`: try only once, with short timeouts, and stop at the first
        failure."""
        from azure.core.exceptions import AzureError

        account = self._tables()
        if not hastily:
            for name in names:
                account.drop(name)
            return
        with contextlib.suppress(AzureError):
            for name in names:
                account.drop(name, **cancellation.HASTE)

    def create_queue(self, name: str) -> None:
        """Create a queue; harmless if it exists."""
        self.queue(name).create()

    def blobs(self, name: str) -> Container:
        """One container; its client is made when it is first used."""
        from shared.storage.blobs.container import Container

        return Container(lambda: self.container(name))

    def container(self, name: str) -> ContainerClient:
        from azure.storage.blob import ContainerClient

        logging.getLogger("azure").setLevel(logging.WARNING)  # two long lines for each request
        options = self._options() | {"retry_policy": blob_retries(self._clock)}
        text = self._account.connection_string.reveal()
        if text:
            return ContainerClient.from_connection_string(text, name, **options)
        signed_in = credential(self._account)
        return ContainerClient(self._account.url("blob"), name, credential=signed_in, **options)

    def _tables(self) -> Tables:
        from shared.storage.tables.account import Tables

        return Tables(self._table_service)

    @cached_property
    def _table_service(self) -> Rest:
        from shared.storage.tables.table import unwrapping

        return self._service("table", unwrapping())

    @cached_property
    def _queue_service(self) -> Rest:
        return self._service("queue")

    def _service(self, service: Service, *policies: Any) -> Rest:
        """A service of the account: its tables, or its queues, share its connections."""
        at = endpoint(self._account, service)
        transport, clock = self._transport, self._clock
        if self.read_only:
            transport = read_only(transport or Lean(at.url, clock))
        return Rest(at.url, service, at.credential, *policies, transport=transport, clock=clock)

    def _sdk_transport(self, counts: Counted = "blobs") -> Any:
        """The transport of the SDKs' clients; its requests are counted as `counts`."""
        inner = self._transport or failures.transport(self._clock, counts, **failures.TIMEOUTS)
        return read_only(inner) if self.read_only else inner

    def _options(self) -> dict[str, Any]:
        """The options of a client for blobs, which calls the hook before it signs a request."""
        dated = {} if self._clock is None else {"raw_request_hook": dating(self._clock)}
        return dict(failures.TIMEOUTS) | {"transport": self._sdk_transport()} | dated


def blob_retries(clock: CheckedClock | None) -> Any:
    """The retry policy of a client for blobs."""
    from azure.storage.blob import ExponentialRetry

    steady: Clock = clock or SystemClock()

    class Retries(ExponentialRetry):
        def configure_retries(self, request: Any) -> dict[str, Any]:
            options = request.context.options
            if clock is not None and (given := options.get("raw_request_hook")) is not None:
                # a hook of one call (`cancellable`) takes the place of the client's
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
            in_time = steady.monotonic() < settings["until"]  # as in the clients for tables
            return again and in_time

        def sleep(self, settings: dict[str, Any], transport: Any) -> None:
            super().sleep(settings, transport)  # type: ignore[no-untyped-call]
            if settings["hook"] is not None:  # the caller may have been told to stop meanwhile
                settings["hook"]()

        def get_backoff_time(self, settings: dict[str, Any]) -> float:
            return _LIST_PAUSE if settings["listing"] else super().get_backoff_time(settings)

    return Retries(**_BLOBS)
