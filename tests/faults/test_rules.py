"""Which requests meet which fault."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest
from azure.core.exceptions import AzureError, HttpResponseError
from azure.data.tables import TableClient, UpdateMode

from local.azurite import Azurite
from tests.faults import Cut, Delay, Fault, FaultProxy, LoseAnswer, Refuse, Reset, Throttle
from tests.faults.setup import Account, row


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
