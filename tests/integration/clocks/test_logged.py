"""What is logged while a function runs belongs to its invocation, in whatever thread: Azure's host
drops every other line, and the alerts on logs would never see a job that failed."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Iterator
from datetime import timedelta

import azure.functions as func
import pytest
from azure.functions.timer import TimerRequest

from shared.schedules.job import Status
from tests.integration.clocks.conftest import SimulatedEngine
from tests.invocations import ID, Sent, invocation


@pytest.fixture
def sent() -> Iterator[Sent]:
    """What the worker sends to the host."""
    made, root, before = Sent(threading.local()), logging.getLogger(), logging.getLogger().level
    root.setLevel(logging.INFO)
    root.addHandler(made)
    yield made
    root.removeHandler(made)
    root.setLevel(before)


def test_each_line_of_a_job_does(engine: SimulatedEngine, sent: Sent) -> None:
    made = engine.add()
    for id in (ID, "another"):
        sent.lines.clear()
        due, _, text = engine.jobs.pop(0)
        engine.clock.set(due)
        engine.call("job_worker", text, invocation(sent.storage, id))
        lines = {line.split()[0]: at for line, at in sent.lines}
        assert lines["job_started"] == lines["job_succeeded"] == id
        assert set(lines.values()) == {id}, "the threads were used again"
        engine.fire("schedule_dispatcher")
    assert [job.status for job in engine.ended(made)] == [Status.SUCCEEDED] * 2


def test_each_line_of_a_tick_does(engine: SimulatedEngine, sent: Sent) -> None:
    """Also those of the threads that help it."""
    for _ in range(8):
        engine.add()
    engine.clock.advance(timedelta(minutes=2))
    sent.lines.clear()
    tick = engine.functions.by_name["schedule_dispatcher"]
    tick(TimerRequest(past_due=False), invocation(sent.storage))
    words = {line.split()[0] for line, _ in sent.lines}
    assert {"job_queued", "tick_done"} <= words
    assert {at for _, at in sent.lines} == {ID}


def test_each_line_of_a_request_does(engine: SimulatedEngine, sent: Sent) -> None:
    request = func.HttpRequest("GET", "http://localhost/ops/uptime", body=b"")
    engine.clock.set(engine.now.replace(year=2030))  # so that it ticks, in another thread
    answer = asyncio.run(engine.functions.by_name["site"](request, invocation(sent.storage)))
    assert answer.status_code == 200
    ticks = [at for line, at in sent.lines if line.startswith("tick_done ")]
    assert ticks == [ID]


@pytest.mark.parametrize("name", ["shard_worker", "dead_letters"])
def test_each_line_of_a_tick_that_stands_in_does(
    engine: SimulatedEngine, sent: Sent, name: str
) -> None:
    for _ in range(8):
        engine.add()
    engine.clock.advance(timedelta(minutes=10))
    sent.lines.clear()
    engine.call(name, "{}", invocation(sent.storage))
    words = {line.split()[0] for line, _ in sent.lines}
    assert {"job_queued", "tick_done"} <= words
    assert {at for _, at in sent.lines} == {ID}
