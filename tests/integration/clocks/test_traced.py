"""What an invocation does is a part of the operation by which the host knows it."""

from __future__ import annotations

from collections.abc import Callable

import azure.functions as func
import pytest
from azure.functions.timer import TimerRequest

from shared.engine.dispatch.names import DISPATCHER, MESSAGE
from tests.integration.clocks.conftest import SimulatedEngine, User, context_of
from tests.spans import CALLER, TRACE, recorded, trace_of


def timer(user: User, _engine: SimulatedEngine) -> None:
    user(TimerRequest(past_due=False), context_of(CALLER))


def message(user: User, engine: SimulatedEngine) -> None:
    _, _, text = engine.pulses[0]
    user(func.QueueMessage(body=text.encode()), context_of(CALLER))


def shard(user: User, engine: SimulatedEngine) -> None:
    text = f'{{"shard": "{engine.app.table.shards[0]}"}}'
    user(func.QueueMessage(body=text.encode()), context_of(CALLER))


def ping(user: User, _engine: SimulatedEngine) -> None:
    user(func.HttpRequest("POST", "http://localhost/tick", body=b""), context_of(CALLER))


def ping_without(user: User, _engine: SimulatedEngine) -> None:
    """A host that says nothing of a trace passes the caller's header on."""
    headers = {"traceparent": CALLER}
    user(func.HttpRequest("POST", "http://localhost/tick", body=b"", headers=headers), context_of())


@pytest.mark.parametrize(
    ("name", "invoke"),
    [
        (DISPATCHER, timer),
        ("health_monitor", timer),
        (MESSAGE, message),
        ("shard_worker", shard),
        ("tick", ping),
        ("tick", ping_without),
    ],
)
def test_a_tick_is_a_part_of_what_the_host_says(
    engine: SimulatedEngine, name: str, invoke: Callable[[User, SimulatedEngine], None]
) -> None:
    with recorded() as spans:
        invoke(engine.functions.by_name[name], engine)
    assert trace_of(spans.named("tick")[0]) == TRACE
    assert {trace_of(one) for one in spans.named("tick")} == {TRACE}
