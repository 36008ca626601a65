"""What the tests of the proxy share: clients that go through it."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from azure.data.tables import TableClient
from azure.storage.blob import ContainerClient
from azure.storage.queue import QueueClient

from tests.faults import FaultProxy

SECONDS = 20
"""More than anything here takes; a test that waits this long has failed."""


class Account:
    """A table, a queue and a container of a test's own, with clients that go through the proxy."""

    def __init__(self, text: str, direct: str, open_: ExitStack) -> None:
        self.name = f"t{uuid.uuid4().hex}"
        self._text = text
        self._direct = direct
        self._open = open_

    def table(self, **options: Any) -> TableClient:
        return self._open.enter_context(
            TableClient.from_connection_string(self._text, self.name, **options)
        )

    def queue(self, **options: Any) -> QueueClient:
        return self._open.enter_context(
            QueueClient.from_connection_string(self._text, self.name, **options)
        )

    def container(self, **options: Any) -> ContainerClient:
        return self._open.enter_context(
            ContainerClient.from_connection_string(self._text, self.name, **options)
        )

    def stored(self) -> list[str]:
        """Row keys that Azurite holds, asked past the proxy."""
        with TableClient.from_connection_string(self._direct, self.name) as table:
            return [row["RowKey"] for row in table.list_entities()]


def row(key: str, **properties: Any) -> dict[str, Any]:
    return {"PartitionKey": "p", "RowKey": key, **properties}


def port_of(proxy: FaultProxy, service: str) -> int:
    return int(
        proxy.connection_string.partition(f"{service}Endpoint=http://127.0.0.1:")[2].partition("/")[
            0
        ]
    )


def until(true: Callable[[], bool]) -> None:
    """For what happens in the proxy and gives no sign."""
    deadline = time.monotonic() + SECONDS
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.005)
