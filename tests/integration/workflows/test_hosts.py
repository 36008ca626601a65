"""Three hosts at once on one run; storage that throttles, loses answers and cuts connections."""

from __future__ import annotations

import threading
from collections import Counter
from types import SimpleNamespace
from typing import cast

from local.azurite import Azurite
from shared.workflows.state import RunStatus
from tests.faults import Cut, FaultProxy, LoseAnswer, Refuse, Reset, Throttle
from tests.integration.workflows.conftest import Flows, opened, step


def test_three_hosts_lose_no_item_and_do_none_twice(azurite: Azurite, flows: Flows) -> None:
    run = flows.start(
        step(
            0,
            "each",
            foreach=str(list(range(60))),
            max_parallel=50,
            parameters={"name": "item ${{ item }}"},
        ),
        step(1, "b", needs=("each",)),
    )
    hosts = [flows, *(opened(azurite, flows) for _ in range(2))]
    turns = threading.Barrier(3)

    def work(host: Flows) -> None:
        turns.wait(20)
        for _ in range(10):
            host.work()

    threads = [threading.Thread(target=work, args=(host,)) for host in hosts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    ended = flows.heal(run)
    assert ended.status is RunStatus.SUCCEEDED, ended
    each = ended.steps["each"].work
    assert each is not None and (each.succeeded, each.open, each.failed) == (60, (), ())
    done = Counter(flows.calls.names)
    assert done == Counter({f"item {one}": 1 for one in range(60)} | {"b": 1})


def test_storage_that_fails_now_and_then_changes_nothing(azurite: Azurite, flows: Flows) -> None:
    faults = [
        LoseAnswer(),
        Refuse(503, "ServerBusy"),
        Refuse(500, "OperationTimedOut", when="after"),
        Reset("after"),
        Cut(0.6),
        Throttle(),
    ]
    chain = [
        step(number, f"s{number}", needs=(f"s{number - 1}",) if number else ())
        for number in range(10)
    ]
    with FaultProxy(azurite.connection_string) as proxy:
        behind = cast(Azurite, SimpleNamespace(connection_string=proxy.connection_string))
        shaken = opened(behind, flows)
        for number, fault in enumerate(faults):
            flows.calls.names.clear()
            rules = [
                proxy.rules.add(fault, times=1, skip=one, operation="$batch")
                for one in range(number % 2, 12, 2)
            ]
            run = flows.start(*chain)
            shaken.work()
            proxy.rules.clear()
            assert any(rule.fired for rule in rules), "the fault met nothing"
            ended = flows.heal(run)
            assert ended.status is RunStatus.SUCCEEDED, f"{fault}: {ended}"
            done = Counter(flows.calls.names)
            assert set(done) == {one.id for one in chain}
            assert max(done.values()) == 1, f"{fault}: {done}"
