"""Connections that end: Azurite's, and the proxy's own."""

from __future__ import annotations

import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue

import pytest
from azure.core.exceptions import AzureError
from azure.data.tables import TableClient

from local.azurite import Azurite
from tests.faults import FaultProxy, Throttle
from tests.faults.setup import SECONDS, port_of, until


def test_an_azurite_that_is_gone_is_a_connection_that_ends(azurite: Azurite) -> None:
    nobody = azurite.connection_string
    for port in azurite.ports:
        with socket.create_server(("127.0.0.1", 0)) as unused:
            nobody = nobody.replace(f":{port}/", f":{unused.getsockname()[1]}/")
    with (
        FaultProxy(nobody) as proxy,
        TableClient.from_connection_string(proxy.connection_string, "t1t", retry_total=0) as table,
    ):
        with pytest.raises(AzureError):
            table.create_table()
        assert proxy.counts()["faults"] == {"unreachable": 1}


def test_a_connection_that_azurite_closed_is_replaced_unseen(azurite: Azurite) -> None:
    """As it does with idle ones, and when it ends and is started anew."""
    closed = SimpleQueue[int]()
    answer = b"HTTP/1.1 204 No Content\r\n\r\n"

    def serve(listener: socket.socket) -> None:
        for n in range(3):
            accepted, _ = listener.accept()
            with accepted:
                accepted.recv(1 << 16)
                accepted.sendall(answer)
            closed.put(n)

    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        FaultProxy(
            azurite.connection_string.replace(
                f":{azurite.ports[2]}/", f":{listener.getsockname()[1]}/"
            )
        ) as proxy,
        socket.create_connection(("127.0.0.1", port_of(proxy, "Table")), SECONDS) as client,
        ThreadPoolExecutor(1) as pool,
    ):
        listener.settimeout(SECONDS)
        pool.submit(serve, listener)
        for n in range(3):
            client.sendall(b"GET / HTTP/1.1\r\n\r\n")
            assert client.recv(1 << 16) == answer
            assert closed.get(timeout=SECONDS) == n
        assert proxy.counts()["faults"] == {}


def test_a_string_without_three_endpoints_is_refused(azurite: Azurite) -> None:
    partial = azurite.connection_string.replace("QueueEndpoint", "FileEndpoint")
    with pytest.raises(ValueError, match="queue"), FaultProxy(partial):
        pass


def test_a_connection_that_fails_in_the_proxy_is_closed(
    proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the garbage collector finds its sockets, in whichever test comes later."""
    failed: list[threading.ExceptHookArgs] = []
    monkeypatch.setattr(threading, "excepthook", failed.append)
    proxy.rules.add(Throttle(), where=lambda request: bool(request.headers["missing"]))
    with socket.create_connection(("127.0.0.1", port_of(proxy, "Table")), SECONDS) as client:
        client.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert client.recv(1 << 16) == b""
    until(lambda: bool(failed))
    assert failed[0].exc_type is KeyError
    failed.clear()
