"""Each kind of fault does what it says."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
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

from local.azurite import ACCOUNT
from tests.faults import Cut, Delay, FaultProxy, LoseAnswer, Refuse, Reset, Throttle, When
from tests.faults.setup import SECONDS, Account, port_of, row


def headers(error: HttpResponseError) -> Any:
    response: Any = error.response
    return response.headers


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
    with socket.create_connection(("127.0.0.1", port_of(proxy, "Blob")), timeout=SECONDS) as raw:
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
