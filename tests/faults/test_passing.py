"""Through the proxy the real SDKs work against real Azurite, and what passes is counted."""

from __future__ import annotations

import os
import socket
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from azure.core.exceptions import HttpResponseError, ResourceExistsError
from azure.data.tables import TableServiceClient, TableTransactionError, UpdateMode
from azure.storage.queue import generate_queue_sas

from local.azurite import ACCOUNT, Azurite
from tests.faults import FaultProxy
from tests.faults.setup import SECONDS, Account, port_of, row


def test_tables_work_and_are_counted(account: Account, proxy: FaultProxy) -> None:
    table = account.table()
    table.create_entity(row("a", text="täxt / 'quoted'"))
    table.upsert_entity(row("a", n=1))
    table.update_entity(row("a", n=2), mode=UpdateMode.REPLACE)
    table.submit_transaction(
        [("create", row(f"b{n}", text="\nPOST http://x HTTP/1.1\n")) for n in range(100)]
    )
    table.submit_transaction([("update", row("b0", n=3)), ("delete", row("b1"))])
    assert table.get_entity("p", "b0")["n"] == 3
    assert len(list(table.query_entities("PartitionKey eq 'p'"))) == 100
    table.delete_entity(row("a"))
    assert proxy.counts() == {
        "table": {
            "DELETE entity": 1,
            "GET entity": 1,
            "GET query": 1,
            "PATCH entity": 1,
            "POST $batch": 2,
            "POST entity": 1,
            "PUT entity": 1,
        },
        "queue": {},
        "blob": {},
        "entities_written": 106,
        "entities": {"DELETE": 2, "PATCH": 2, "POST": 101, "PUT": 1},
        "faults": {},
    }


def test_writes_that_storage_refused_are_not_counted_as_written(
    account: Account, proxy: FaultProxy
) -> None:
    table = account.table()
    table.create_entity(row("a"))
    with pytest.raises(ResourceExistsError):
        table.create_entity(row("a"))
    with pytest.raises(TableTransactionError):
        table.submit_transaction([("create", row("b")), ("create", row("a"))])
    assert account.stored() == ["a"]
    assert proxy.counts()["entities_written"] == 1
    assert proxy.counts()["table"] == {"POST $batch": 1, "POST entity": 2}


def test_queues_work_and_are_counted(account: Account, proxy: FaultProxy) -> None:
    queue = account.queue()
    queue.send_message("one")
    queue.send_message("two <&> é")
    assert [m.content for m in queue.peek_messages(2)] == ["one", "two <&> é"]
    first = queue.receive_message(visibility_timeout=30)
    second = queue.receive_message(visibility_timeout=30)
    assert first is not None
    assert second is not None
    queue.update_message(first, visibility_timeout=60)
    queue.delete_message(second)
    queue.get_queue_properties()
    queue.clear_messages()
    assert proxy.counts()["queue"] == {
        "DELETE message": 1,
        "DELETE messages": 1,
        "GET messages": 2,
        "GET metadata": 1,
        "GET peek": 1,
        "POST messages": 2,
        "PUT message": 1,
    }


def test_blobs_of_4_mib_work_and_are_counted(account: Account, proxy: FaultProxy) -> None:
    container = account.container(max_single_put_size=4 << 20, max_block_size=4 << 20)
    whole, long = os.urandom(4 << 20), os.urandom(10 << 20)
    container.upload_blob("whole", whole)
    container.upload_blob("long", long)
    assert container.download_blob("whole").readall() == whole
    assert container.download_blob("long").readall() == long
    assert container.get_blob_client("whole").get_blob_properties().size == 4 << 20
    assert sorted(container.list_blob_names()) == ["long", "whole"]
    lease = container.get_blob_client("whole").acquire_lease()
    lease.release()
    assert proxy.counts()["blob"] == {
        "GET blob": 2,
        "GET list": 1,
        "HEAD blob": 1,
        "PUT blob": 1,
        "PUT block": 3,
        "PUT blocklist": 1,
        "PUT lease": 2,
    }


def test_a_wrong_key_is_refused_as_without_the_proxy(azurite: Azurite, proxy: FaultProxy) -> None:
    wrong = proxy.connection_string.replace("AccountKey=Eby8", "AccountKey=Abc8")
    with (
        TableServiceClient.from_connection_string(wrong) as tables,
        pytest.raises(HttpResponseError) as refused,
    ):
        list(tables.list_tables())
    assert refused.value.status_code == 403


def test_many_threads_share_the_proxy(account: Account, proxy: FaultProxy) -> None:
    table, queue = account.table(), account.queue()

    def work(n: int) -> None:
        table.create_entity(row(f"{n:03}"))
        queue.send_message(str(n))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(200)))
    assert account.stored() == [f"{n:03}" for n in range(200)]
    assert proxy.counts()["table"] == {"POST entity": 200}
    assert proxy.counts()["queue"] == {"POST messages": 200}


def test_chunks_and_expect_continue_pass(account: Account, proxy: FaultProxy) -> None:
    """No SDK here sends them; the Functions host's does."""
    key = proxy.connection_string.partition("AccountKey=")[2].partition(";")[0]
    until = datetime.now(UTC) + timedelta(hours=1)
    sas = generate_queue_sas(ACCOUNT, account.name, key, "a", expiry=until)
    parts = [b"<QueueMessage><Message", b"Text>in chunks</MessageText></QueueMessage>"]
    with socket.create_connection(("127.0.0.1", port_of(proxy, "Queue")), timeout=SECONDS) as raw:
        head = f"POST /{ACCOUNT}/{account.name}/messages?{sas} HTTP/1.1\r\nHost: x\r\n"
        head += "Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n"
        raw.sendall(head.encode())
        assert raw.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        for part in (*parts, b""):
            raw.sendall(b"%x\r\n%s\r\n" % (len(part), part))
        assert raw.recv(12) == b"HTTP/1.1 201"
    assert [m.content for m in account.queue().peek_messages()] == ["in chunks"]


def test_the_proxy_costs_little(azurite: Azurite, proxy: FaultProxy) -> None:
    """Half a millisecond at most, measured by turns so that a busy machine slows both."""

    def ask(connection: socket.socket) -> float:
        began = time.perf_counter()
        connection.sendall(b"GET /devstoreaccount1/t() HTTP/1.1\r\nHost: x\r\n\r\n")
        assert connection.recv(1 << 16).startswith(b"HTTP/1.1 ")
        return time.perf_counter() - began

    through = port_of(proxy, "Table")
    with (
        socket.create_connection(("127.0.0.1", azurite.ports[2]), timeout=SECONDS) as direct,
        socket.create_connection(("127.0.0.1", through), timeout=SECONDS) as proxied,
    ):
        pairs = [(ask(direct), ask(proxied)) for _ in range(300)]
    more = statistics.median(slow - fast for fast, slow in pairs)
    print(f"the proxy adds {more * 1e6:.0f} us a request")
    assert more < 0.0005
