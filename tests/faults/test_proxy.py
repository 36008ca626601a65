"""Through the proxy the real SDKs work against real Azurite, and each fault does what it says."""

from __future__ import annotations

import itertools
import json
import os
import socket
import statistics
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest
from azure.core.exceptions import (
    AzureError,
    HttpResponseError,
    IncompleteReadError,
    ResourceExistsError,
    ServiceRequestError,
    ServiceResponseError,
)
from azure.data.tables import TableClient, TableServiceClient, TableTransactionError, UpdateMode
from azure.storage.blob import BlobServiceClient, ContainerClient
from azure.storage.queue import QueueClient, generate_queue_sas

from local.azurite import ACCOUNT, Azurite
from tests.faults import (
    Cut,
    Delay,
    Fault,
    FaultProxy,
    LoseAnswer,
    Refuse,
    Reset,
    Throttle,
    When,
)

_SECONDS = 20
"""More than anything here takes; a test that waits this long has failed."""


@pytest.fixture
def proxy(azurite: Azurite) -> Iterator[FaultProxy]:
    with FaultProxy(azurite.connection_string, seed=7) as running:
        yield running


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


@pytest.fixture
def account(azurite: Azurite, proxy: FaultProxy) -> Iterator[Account]:
    with ExitStack() as open_:
        made = Account(proxy.connection_string, azurite.connection_string, open_)
        made.table().create_table()
        made.queue().create_queue()
        made.container().create_container()
        proxy.log.reset()
        yield made


def row(key: str, **properties: Any) -> dict[str, Any]:
    return {"PartitionKey": "p", "RowKey": key, **properties}


def _port(proxy: FaultProxy, service: str) -> int:
    return int(
        proxy.connection_string.partition(f"{service}Endpoint=http://127.0.0.1:")[2].partition("/")[
            0
        ]
    )


def headers(error: HttpResponseError) -> Any:
    response: Any = error.response
    return response.headers


# The SDKs work.


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
    with socket.create_connection(("127.0.0.1", _port(proxy, "Queue")), timeout=_SECONDS) as raw:
        head = f"POST /{ACCOUNT}/{account.name}/messages?{sas} HTTP/1.1\r\nHost: x\r\n"
        head += "Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n"
        raw.sendall(head.encode())
        assert raw.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        for part in (*parts, b""):
            raw.sendall(b"%x\r\n%s\r\n" % (len(part), part))
        assert raw.recv(12) == b"HTTP/1.1 201"
    assert [m.content for m in account.queue().peek_messages()] == ["in chunks"]


# What each fault does.


@pytest.mark.parametrize("service", ["table", "queue", "blob"])
def test_throttled_is_server_busy_and_nothing_is_written(
    account: Account, proxy: FaultProxy, service: str
) -> None:
    proxy.rules.add(Throttle(retry_after=3))
    act: dict[str, Callable[[], Any]] = {
        "table": lambda: account.table(retry_total=0).upsert_entity(row("a")),
        "queue": lambda: account.queue(retry_total=0).send_message("a"),
        "blob": lambda: account.container(retry_total=0).upload_blob("a", b"a"),
    }
    with pytest.raises(HttpResponseError) as busy:
        act[service]()
    assert busy.value.status_code == 503
    assert getattr(busy.value, "error_code", None) == "ServerBusy"
    assert headers(busy.value)["Retry-After"] == "3"
    proxy.rules.clear()
    assert account.stored() == []
    assert account.queue().peek_messages() == []
    assert list(account.container().list_blob_names()) == []


@pytest.mark.parametrize("service", ["table", "queue", "blob"])
def test_retries_survive_one_throttle(account: Account, proxy: FaultProxy, service: str) -> None:
    rule = proxy.rules.add(Throttle(retry_after=None), times=1)
    fast: dict[str, Any] = {"initial_backoff": 0, "increment_base": 0, "random_jitter_range": 0}
    act: dict[str, Callable[[], Any]] = {
        "table": lambda: account.table().create_entity(row("a")),
        "queue": lambda: account.queue(**fast).send_message("a"),
        "blob": lambda: account.container(**fast).upload_blob("a", b"a"),
    }
    act[service]()
    assert rule.fired == 1
    assert proxy.counts()["faults"] == {"throttle": 1}
    assert list(proxy.counts()[service].values()) == [2]  # type: ignore[literal-required]


def test_a_throttled_head_has_no_body_and_the_connection_stays(proxy: FaultProxy) -> None:
    proxy.rules.add(Throttle(), times=1)
    with socket.create_connection(("127.0.0.1", _port(proxy, "Blob")), timeout=_SECONDS) as raw:
        raw.sendall(f"HEAD /{ACCOUNT}/c/b HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        busy = raw.recv(1 << 16)
        assert busy.startswith(b"HTTP/1.1 503 ")
        assert busy.endswith(b"\r\n\r\n")
        raw.sendall(f"GET /{ACCOUNT}/c/b HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert raw.recv(9) == b"HTTP/1.1 "
    assert [e.faults for e in proxy.log.entries] == [["throttle"], []]


def test_refused_with_any_status_and_body(account: Account, proxy: FaultProxy) -> None:
    proxy.rules.add(Refuse(418, body=b"short and stout", headers={"X-Pot": "tea"}))
    with pytest.raises(HttpResponseError) as refused:
        account.queue(retry_total=0).send_message("a")
    assert refused.value.status_code == 418
    assert headers(refused.value)["X-Pot"] == "tea"
    assert proxy.counts()["faults"] == {"refuse": 1}


def test_refused_after_the_work_was_done(account: Account, proxy: FaultProxy) -> None:
    proxy.rules.add(Refuse(500, "OperationTimedOut", when="after"))
    with pytest.raises(HttpResponseError, match="OperationTimedOut"):
        account.table(retry_total=0).create_entity(row("a"))
    assert account.stored() == ["a"]
    assert proxy.counts()["entities_written"] == 1


def test_a_lost_answer_was_written(account: Account, proxy: FaultProxy) -> None:
    proxy.rules.add(LoseAnswer(), service="table")
    with pytest.raises((ServiceResponseError, ServiceRequestError)):
        account.table(retry_total=0).create_entity(row("a"))
    assert account.stored() == ["a"]
    assert proxy.counts()["entities_written"] == 1
    (entry,) = proxy.log.entries
    assert (entry.faults, entry.status) == (["lose_answer"], 201)


def test_an_insert_tried_again_after_a_lost_answer_finds_itself(
    account: Account, proxy: FaultProxy
) -> None:
    proxy.rules.add(LoseAnswer(), times=1)
    # A POST whose answer was lost is not tried again by azure-core, so the caller does.
    table = account.table()
    for attempt in range(2):
        try:
            table.create_entity(row("a"))
        except ResourceExistsError:
            break
        except AzureError:
            assert attempt == 0
    assert attempt == 1
    assert proxy.counts()["table"] == {"POST entity": 2}
    assert proxy.counts()["entities_written"] == 1


def test_a_message_tried_again_after_a_lost_answer_is_there_twice(
    account: Account, proxy: FaultProxy
) -> None:
    proxy.rules.add(LoseAnswer(), times=1, service="queue", method="POST")
    account.queue(initial_backoff=0, increment_base=0, random_jitter_range=0).send_message("twin")
    assert [m.content for m in account.queue().peek_messages(5)] == ["twin", "twin"]


def test_a_hung_answer_lasts_until_the_client_gives_up(account: Account, proxy: FaultProxy) -> None:
    proxy.rules.add(LoseAnswer(hang=True))
    with pytest.raises(AzureError, match=r"(?i)timed out"):
        account.table(retry_total=0, read_timeout=0.2).create_entity(row("a"))
    assert account.stored() == ["a"]


@pytest.mark.parametrize(("when", "stored"), [("before", []), ("after", ["a"])])
def test_reset(account: Account, proxy: FaultProxy, when: When, stored: list[str]) -> None:
    proxy.rules.add(Reset(when))
    with pytest.raises(AzureError, match="reset by peer"):
        account.table(retry_total=0).create_entity(row("a"))
    assert account.stored() == stored


def test_cut_sends_half_and_the_client_notices(account: Account, proxy: FaultProxy) -> None:
    table, queue = account.table(retry_total=0), account.queue(retry_total=0)
    table.create_entity(row("a", text="x" * 10_000))
    queue.send_message("a")
    rule = proxy.rules.add(Cut(), times=2, method="GET")
    with pytest.raises(IncompleteReadError):
        table.get_entity("p", "a")
    with pytest.raises(IncompleteReadError):
        queue.peek_messages()
    assert rule.fired == 2
    assert table.get_entity("p", "a")["RowKey"] == "a"


def test_a_download_survives_a_cut(account: Account, proxy: FaultProxy) -> None:
    container = account.container(retry_total=0)  # a download has tries of its own, a second apart
    container.upload_blob("a", b"x" * 100_000)
    proxy.rules.add(Cut(), times=1, method="GET")
    assert container.download_blob("a").readall() == b"x" * 100_000
    assert proxy.counts()["blob"] == {"GET blob": 2, "PUT blob": 1}


def test_delay_is_at_least_as_long(account: Account, proxy: FaultProxy) -> None:
    proxy.rules.add(Delay(0.2), times=1)
    proxy.rules.add(Delay(0.2, "after"), times=1)
    table = account.table()
    for key in ("a", "b"):
        began = time.monotonic()
        table.create_entity(row(key))
        assert time.monotonic() - began >= 0.2
    assert proxy.counts()["faults"] == {"delay": 2}


def test_held_before_is_not_yet_written_and_held_after_is(
    account: Account, proxy: FaultProxy
) -> None:
    with ThreadPoolExecutor(1) as pool:
        table = account.table()
        with proxy.hold("before", operation="entity") as held:
            done = pool.submit(table.create_entity, row("a"))
            assert held.arrived.wait(_SECONDS)
            assert (account.stored(), done.done()) == ([], False)
            held.release()
            done.result(_SECONDS)
        with proxy.hold("after", operation="entity") as held:
            done = pool.submit(table.create_entity, row("b"))
            assert held.arrived.wait(_SECONDS)
            assert (account.stored(), done.done()) == (["a", "b"], False)
            assert held.requests[0].name == "POST entity"
            held.release()
            done.result(_SECONDS)
    table.create_entity(row("c"))  # nothing is held any more


def test_a_held_request_may_meet_another_fault_at_last(account: Account, proxy: FaultProxy) -> None:
    with ThreadPoolExecutor(1) as pool:
        table = account.table(retry_total=0)
        cases: list[tuple[When, Fault, list[str]]] = [
            ("before", Throttle(), []),
            ("before", LoseAnswer(), ["before-lose_answer"]),
            ("after", Reset(), ["after-reset", "before-lose_answer"]),
        ]
        for when, then, stored in cases:
            with proxy.hold(when) as held:
                done = pool.submit(table.create_entity, row(f"{when}-{then.kind}"))
                assert held.arrived.wait(_SECONDS)
                held.release(then)
                assert isinstance(done.exception(_SECONDS), AzureError)
            assert account.stored() == stored


def test_a_held_write_comes_late_though_its_client_gave_up(
    account: Account, proxy: FaultProxy
) -> None:
    late = proxy.hold("before", method="POST")
    with pytest.raises(AzureError, match=r"(?i)timed out"):
        account.table(retry_total=0, read_timeout=0.1).create_entity(row("late"))
    assert account.stored() == []
    late.release()
    _until(lambda: proxy.counts()["entities_written"] == 1)
    assert account.stored() == ["late"]


def test_the_proxy_ends_while_requests_are_held(azurite: Azurite) -> None:
    name = f"t{uuid.uuid4().hex}"
    with (
        ThreadPoolExecutor(2) as pool,
        TableClient.from_connection_string(azurite.connection_string, name) as direct,
    ):
        direct.create_table()
        with FaultProxy(azurite.connection_string) as proxy:
            table = TableClient.from_connection_string(proxy.connection_string, name, retry_total=0)
            assert list(table.list_entities()) == []  # so that the connection to Azurite is there
            held = proxy.hold()
            waits = pool.submit(table.create_entity, row("a"))
            assert held.arrived.wait(_SECONDS)
            proxy.rules.add(LoseAnswer(hang=True))
            hangs = pool.submit(table.create_entity, row("b"))
            _until(lambda: proxy.counts()["faults"].get("lose_answer") == 1)
        assert isinstance(waits.exception(_SECONDS), AzureError)
        assert isinstance(hangs.exception(_SECONDS), AzureError)
        table.close()
        assert [e["RowKey"] for e in direct.list_entities()] == ["b"]
    assert not [t for t in threading.enumerate() if t.name.startswith("fault proxy")]


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
        socket.create_connection(("127.0.0.1", _port(proxy, "Table")), _SECONDS) as client,
        ThreadPoolExecutor(1) as pool,
    ):
        listener.settimeout(_SECONDS)
        pool.submit(serve, listener)
        for n in range(3):
            client.sendall(b"GET / HTTP/1.1\r\n\r\n")
            assert client.recv(1 << 16) == answer
            assert closed.get(timeout=_SECONDS) == n
        assert proxy.counts()["faults"] == {}


def test_a_string_without_three_endpoints_is_refused(azurite: Azurite) -> None:
    partial = azurite.connection_string.replace("QueueEndpoint", "FileEndpoint")
    with pytest.raises(ValueError, match="queue"), FaultProxy(partial):
        pass


# Which requests a rule is about.


def test_a_rule_is_about_what_matches_all_of_it(account: Account, proxy: FaultProxy) -> None:
    table, queue = account.table(retry_total=0), account.queue(retry_total=0)
    busy = Throttle()
    rules = [
        proxy.rules.add(busy, service="queue", operation="peek"),
        proxy.rules.add(busy, service="table", method="PATCH", path=r"RowKey='due:\d+'"),
        proxy.rules.add(busy, operation="$batch", body='"RowKey": "poison"'),
        proxy.rules.add(busy, where=lambda request: b"marked" in request.body),
    ]
    queue.send_message("passes")
    table.upsert_entity(row("due:x"))
    table.upsert_entity(row("due:1"), mode=UpdateMode.REPLACE)
    table.submit_transaction([("upsert", row("fine"))])
    assert [rule.fired for rule in rules] == [0, 0, 0, 0]
    acts: list[Callable[[], Any]] = [
        queue.peek_messages,
        lambda: table.upsert_entity(row("due:1")),
        lambda: table.submit_transaction([("upsert", row("poison"))]),
        lambda: table.upsert_entity(row("x", text="marked")),
    ]
    for act in acts:
        with pytest.raises(HttpResponseError):
            act()
    assert [rule.fired for rule in rules] == [1, 1, 1, 1]
    proxy.rules.remove(rules[0])
    queue.peek_messages()


def test_the_next_n_after_the_first_m(account: Account, proxy: FaultProxy) -> None:
    table = account.table(retry_total=0)
    rule = proxy.rules.add(Throttle(), times=2, skip=1, method="POST")
    fates = []
    for n in range(5):
        try:
            table.create_entity(row(str(n)))
            fates.append("ok")
        except HttpResponseError:
            fates.append("busy")
    assert fates == ["ok", "busy", "busy", "ok", "ok"]
    assert (rule.seen, rule.fired) == (5, 2)


def test_the_first_rule_that_fires_wins(account: Account, proxy: FaultProxy) -> None:
    table = account.table(retry_total=0)
    first = proxy.rules.add(Refuse(501), times=1)
    second = proxy.rules.add(Refuse(502), times=1)
    statuses = []
    for _ in range(3):
        try:
            table.get_entity("p", "none")
        except HttpResponseError as error:
            statuses.append(error.status_code)
    assert statuses == [501, 502, 404]
    assert (first.fired, second.fired) == (1, 1)


def _fates(azurite: Azurite, seed: int, *, noise: bool = False) -> list[str]:
    """What befalls 60 point reads, with or without other requests between them."""
    with (
        FaultProxy(azurite.connection_string, seed=seed) as proxy,
        TableClient.from_connection_string(
            proxy.connection_string, "absent", retry_total=0
        ) as table,
    ):
        proxy.rules.add(Throttle(), Refuse(), rate=0.3)
        for n in range(60):
            if noise and n % 3:
                with pytest.raises(HttpResponseError):
                    list(table.list_entities())
            with pytest.raises(HttpResponseError):
                table.get_entity("p", "r")
        return ["".join(e.faults) for e in proxy.log.entries if e.operation == "entity"]


def test_one_seed_is_one_run_and_another_seed_another(azurite: Azurite) -> None:
    first = _fates(azurite, 7)
    assert {"", "throttle", "refuse"} == set(first)
    assert 8 <= sum(map(bool, first)) <= 30
    assert _fates(azurite, 7) == first
    assert _fates(azurite, 7, noise=True) == first
    assert _fates(azurite, 8) != first


def test_work_survives_a_mix_of_everything(account: Account, proxy: FaultProxy) -> None:
    mix: list[Fault] = [Throttle(None), LoseAnswer(), Reset(), Reset("after"), Cut(), Delay(0.01)]
    rule = proxy.rules.add(*mix, rate=0.3)
    table = account.table(retry_total=0)
    for n in range(60):
        for _ in itertools.count():
            try:
                table.upsert_entity(row(f"{n:02}"))
                break
            except AzureError:
                continue
    assert rule.fired > 15
    assert account.stored() == [f"{n:02}" for n in range(60)]
    counts = proxy.counts()
    assert counts["table"]["PATCH entity"] == rule.seen
    assert sum(counts["faults"].values()) == rule.fired


# As a program, and its cost.


def test_the_program_obeys_and_ends_with_its_stdin(azurite: Azurite) -> None:
    command = [sys.executable, "-m", "tests.faults", "--target", azurite.connection_string]
    with subprocess.Popen(
        [*command, "--seed", "7", "--rate", "1"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    ) as program:
        assert program.stdin is not None
        assert program.stdout is not None

        def ask(line: str) -> str:
            print(line, file=program.stdin, flush=True)
            return program.stdout.readline().strip() if program.stdout else ""

        text = program.stdout.readline().strip()
        with BlobServiceClient.from_connection_string(text, retry_total=0) as blobs:
            assert ask("rate 0") == "ok"
            blobs.get_service_properties()
            assert ask("add throttle 1 blob properties") == "ok"
            with pytest.raises(HttpResponseError, match="busy"):
                blobs.get_service_properties()
            counts = json.loads(ask("counts"))
            assert counts["blob"] == {"GET properties": 2}
            assert counts["faults"] == {"throttle": 1}
            assert ask("clear") == "ok"
            assert ask("reset") == "ok"
            blobs.get_service_properties()
            assert json.loads(ask("counts"))["faults"] == {}
        for wrong in ("dance", "rate", "rate 2", "add nothing 0.1", "add reset 1 fax"):
            assert ask(wrong).startswith("error: ")
        program.stdin.close()
        assert program.wait(_SECONDS) == 0


def test_the_proxy_costs_little(azurite: Azurite, proxy: FaultProxy) -> None:
    """Half a millisecond at most, measured by turns so that a busy machine slows both."""

    def ask(connection: socket.socket) -> float:
        began = time.perf_counter()
        connection.sendall(b"GET /devstoreaccount1/t() HTTP/1.1\r\nHost: x\r\n\r\n")
        assert connection.recv(1 << 16).startswith(b"HTTP/1.1 ")
        return time.perf_counter() - began

    through = _port(proxy, "Table")
    with (
        socket.create_connection(("127.0.0.1", azurite.ports[2]), timeout=_SECONDS) as direct,
        socket.create_connection(("127.0.0.1", through), timeout=_SECONDS) as proxied,
    ):
        pairs = [(ask(direct), ask(proxied)) for _ in range(300)]
    more = statistics.median(slow - fast for fast, slow in pairs)
    print(f"the proxy adds {more * 1e6:.0f} us a request")
    assert more < 0.0005


def _until(true: Callable[[], bool]) -> None:
    """For what happens in the proxy and gives no sign."""
    deadline = time.monotonic() + _SECONDS
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.005)
