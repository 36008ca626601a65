"""A message that cannot be read is told and dropped at once, in every queue: it is never raised,
which would end it in a poison queue that nobody reads."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shared.engine.dispatch import queue_clock as chain
from shared.schedules.job import Status
from shared.storage.queues.jobs import Message
from tests.integration.clocks.conftest import SimulatedEngine, said

AT = "2026-03-01T12:00:00+00:00"
NAIVE = "2026-03-01T12:00:00"
DEEP = b"[" * 30_000


def job(**changes: Any) -> bytes:
    return json.dumps({"jobs": [], "sent_at": AT, "returns": 0} | changes).encode()


def link(**changes: Any) -> bytes:
    return json.dumps({"at": AT, "token": "t", "after": ""} | changes).encode()


BROKEN = [b"", b"\xff\xfe", b"{", b"{}", b"[]", b"null", b'"text"', b"1", b"1" * 5_000, DEEP]
JOBS = [
    job(jobs=None),
    job(jobs=[1]),
    job(sent_at=NAIVE),
    job(sent_at="soon"),
    job(sent_at=5),
    job(returns=-1),
    job(returns="x"),
    job(returns=True),
    job().replace(b'"returns": 0', b'"returns": 1e999'),
]
LINKS = [
    link(at=NAIVE),
    link(at="soon"),
    link(at=0),
    link(token=None),
    link(after=["t"]),
    link().replace(b'"' + AT.encode() + b'"', b"1e999"),
]
SHARDS = [
    json.dumps({"shard": shard}).encode()
    for shard in ("", "s002", "x' or PartitionKey ge '", None, ["s000"], 1)
]
QUEUES = {
    "job_worker": BROKEN + JOBS,
    "long_job_worker": BROKEN + JOBS,
    "dead_letters": BROKEN + JOBS,
    "long_dead_letters": BROKEN + JOBS,
    "clock_message": BROKEN + LINKS,
    "shard_worker": BROKEN + SHARDS,
}


@pytest.mark.parametrize("name", QUEUES)
def test_it_is_told_and_dropped(
    engine: SimulatedEngine, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    pulses = list(engine.pulses)
    for body in QUEUES[name]:
        caplog.clear()
        engine.call(name, body)
        (told,) = said(caplog, "message_poisoned")
        assert told["error"].startswith("message: not a ") and len(told["error"]) < 500, body
        assert [record.levelname for record in caplog.records] == ["ERROR"], body
        assert (engine.jobs, engine.pulses) == ([], pulses), body


def test_what_can_be_read_is_done(
    engine: SimulatedEngine, caplog: pytest.LogCaptureFixture
) -> None:
    made = engine.add()
    caplog.clear()
    engine.call("shard_worker", b'{"shard": "s001"}')
    first = engine.pulse().encode()
    assert chain.parse(first.decode())
    engine.call("clock_message", first)
    due, _, text = engine.jobs[0]
    engine.clock.set(due)
    engine.call("job_worker", text.encode())
    assert said(caplog, "message_poisoned") == []
    assert [job.status for job in engine.ended(made)] == [Status.SUCCEEDED]


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"])
@pytest.mark.parametrize("name", ["job_worker", "dead_letters", "clock_message"])
def test_an_instant_at_the_end_of_time_harms_nothing(
    engine: SimulatedEngine, name: str, at: str
) -> None:
    job_id = "nothing-20260301T120000Z"
    body = link(at=at) if name == "clock_message" else job(sent_at=at, jobs=[job_id])
    engine.call(name, body)


def test_a_message_from_the_future_ages_too(
    engine: SimulatedEngine, caplog: pytest.LogCaptureFixture
) -> None:
    """One that names a job which is not there is sent again only until its commit must be there."""
    future = Message(("nothing-20260301T120000Z",), engine.now.replace(year=2090))
    engine.call("job_worker", future.text().encode())
    for _ in range(30):
        if said(caplog, "message_void"):
            break
        mine = next(one for one in engine.jobs if "nothing-" in one[2])
        engine.jobs.remove(mine)
        engine.clock.set(max(mine[0], engine.now))
        engine.call("job_worker", mine[2].encode())
    assert len(said(caplog, "message_void")) == 1
    assert not [one for one in engine.jobs if "nothing-" in one[2]]
