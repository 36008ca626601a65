"""Requests that wait at the gate until the test lets them go."""

from __future__ import annotations

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from azure.core.exceptions import AzureError
from azure.data.tables import TableClient

from local.azurite import Azurite
from tests.faults import Fault, FaultProxy, LoseAnswer, Reset, Throttle, When
from tests.faults.setup import SECONDS, Account, row, until


def test_held_before_is_not_yet_written_and_held_after_is(
    account: Account, proxy: FaultProxy
) -> None:
    with ThreadPoolExecutor(1) as pool:
        table = account.table()
        with proxy.hold("before", operation="entity") as held:
            done = pool.submit(table.create_entity, row("a"))
            assert held.arrived.wait(SECONDS)
            assert (account.stored(), done.done()) == ([], False)
            held.release()
            done.result(SECONDS)
        with proxy.hold("after", operation="entity") as held:
            done = pool.submit(table.create_entity, row("b"))
            assert held.arrived.wait(SECONDS)
            assert (account.stored(), done.done()) == (["a", "b"], False)
            assert held.requests[0].name == "POST entity"
            held.release()
            done.result(SECONDS)
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
                assert held.arrived.wait(SECONDS)
                held.release(then)
                assert isinstance(done.exception(SECONDS), AzureError)
            assert account.stored() == stored


def test_a_held_write_comes_late_though_its_client_gave_up(
    account: Account, proxy: FaultProxy
) -> None:
    late = proxy.hold("before", method="POST")
    with pytest.raises(AzureError, match=r"(?i)timed out"):
        account.table(retry_total=0, read_timeout=0.1).create_entity(row("late"))
    assert account.stored() == []
    late.release()
    until(lambda: proxy.counts()["entities_written"] == 1)
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
            assert held.arrived.wait(SECONDS)
            proxy.rules.add(LoseAnswer(hang=True))
            hangs = pool.submit(table.create_entity, row("b"))
            until(lambda: proxy.counts()["faults"].get("lose_answer") == 1)
        assert isinstance(waits.exception(SECONDS), AzureError)
        assert isinstance(hangs.exception(SECONDS), AzureError)
        table.close()
        assert [e["RowKey"] for e in direct.list_entities()] == ["b"]
    assert not [t for t in threading.enumerate() if t.name.startswith("fault proxy")]
