"""A job belongs to the trace of what caused it, on every way that it can take."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from opentelemetry.trace import SpanKind, StatusCode

from local.azurite import Azurite
from shared import tracing
from shared.engine.commands.backfills import Wish
from shared.recurrence import Frequency, Recurrence
from shared.schedules.job import Job, Status, parse_id
from shared.schedules.model import Overlap
from shared.storage.queues.jobs import Message
from tests.integration.engine.conftest import START, Engine, make
from tests.integration.schedules.conftest import Counter
from tests.spans import CALLER, TRACE, Spans, id_of, recorded, trace_of


@pytest.fixture
def spans() -> Iterator[Spans]:
    with recorded() as found:
        yield found


def run(engine: Engine, task: str = "works", **changes: object) -> Job:
    """A job that a request with a `traceparent` asked for, when it ended."""
    schedule = engine.add(task, enabled=False, **changes)
    with tracing.continued(CALLER), tracing.span("request"):
        engine.app.manager.run_now(schedule.id, force=True)
    (job,) = engine.work()
    return job


def test_a_tick_is_the_beginning_of_the_attempts_that_it_causes(
    engine: Engine, spans: Spans
) -> None:
    ids = {engine.add().id for _ in range(3)}
    engine.later(120)
    engine.messages()
    engine.app.clocks.tick("test")
    now = engine.clock.now()  # there is a message for each shard
    sent = [one for one in engine.messages() if one.trace]  # the sweep's have none
    messages = [one for one in sent if parse_id(one.job_ids[0])[1] <= now]
    jobs = [job for one in messages for job in engine.app.worker.work(one)]
    whole, attempts = spans.one("tick"), spans.named("works")
    assert whole.parent is None and whole.kind is SpanKind.SERVER
    assert int(str((whole.attributes or {})["dispatched"])) >= 3
    named = f"00-{trace_of(whole)}-{id_of(whole):016x}-01"
    assert {message.trace for message in messages} == {named}
    assert {(one.attributes or {})["schedule_id"] for one in attempts} == ids
    for one in attempts:
        assert one.parent is not None and one.parent.span_id == id_of(whole)
        assert trace_of(one) == trace_of(whole) and one.kind is SpanKind.CONSUMER
    assert [job.trace_id for job in jobs] == 3 * [trace_of(whole)]


def test_each_tick_begins_a_trace(engine: Engine, spans: Spans) -> None:
    engine.app.clocks.tick("test")
    with tracing.span("a job's task"):
        engine.later(600)
        assert engine.app.clocks.stand_in() is not None
        engine.app.clocks.watch(engine.add().id)
    assert len(spans.named("tick")) == 3
    assert len({trace_of(one) for one in spans.all()}) == 4


def test_an_attempt_says_what_it_was(engine: Engine, spans: Spans) -> None:
    job = run(engine)
    said = dict(spans.one("works").attributes or {})
    assert (
        said.items()
        >= {
            "schedule_id": job.schedule_id,
            "job_id": job.id,
            "task": "works",
            "attempt": 1,
            "status": "succeeded",
            "table_requests": 0,
            "blob_requests": 0,
        }.items()
    )
    assert trace_of(spans.one("works")) == TRACE


def test_a_failed_one_says_why_and_no_secret(engine: Engine, spans: Spans) -> None:
    run(engine, "fails", max_attempts=1)
    one = spans.one("fails")
    said = dict(one.attributes or {})
    assert (one.status.status_code, said["status"]) == (StatusCode.ERROR, "failed")
    assert (said["error.type"], "on fire" in str(said["error"])) == ("OSError", True)
    assert "secret" not in one.to_json()


def test_a_retry_is_in_the_trace_of_the_first_attempt(engine: Engine, spans: Spans) -> None:
    schedule = engine.add("fails", enabled=False, max_attempts=2)
    with tracing.continued(CALLER), tracing.span("request"):
        engine.app.manager.run_now(schedule.id, force=True)
    assert engine.work() == []
    _, again = engine.messages()  # after the guard
    engine.later(3600)
    (job,) = engine.app.worker.work(again)
    first, second = spans.named("fails")
    assert trace_of(first) == trace_of(second) == job.trace_id == TRACE
    assert first.parent == second.parent
    assert (second.attributes or {})["attempt"] == 2


def test_a_takeover_is_in_the_trace_of_the_attempt_that_died(
    engine: Engine, azurite: Azurite, spans: Spans
) -> None:
    schedule = engine.add("waits", enabled=False)
    with tracing.continued(CALLER), tracing.span("request"):
        engine.app.manager.run_now(schedule.id, force=True)
    dying = engine.start()
    assert engine.calls.entered.wait(20)
    (guard,) = engine.messages()
    other = make(azurite, engine.app.settings.prefix, prepared=True)
    other.clock.set(engine.clock.now() + timedelta(minutes=2))
    other.calls.hold.set()
    (job,) = other.app.worker.work(guard)
    assert tracing.trace_id(guard.trace) == TRACE
    took = spans.one("waits")
    assert trace_of(took) == job.trace_id == TRACE
    assert dict(took.attributes or {}).items() >= {"attempt": 2, "taken_over": 1}.items()
    engine.calls.hold.set()
    assert dying.ended() == []


def test_a_job_that_waited_for_another_keeps_the_trace_of_what_caused_it(
    engine: Engine, spans: Spans
) -> None:
    schedule = engine.add("waits", enabled=False, overlap=Overlap.BUFFER_ONE)
    asked = []
    for _ in range(2):
        with tracing.span("request") as span:
            engine.app.manager.run_now(schedule.id, force=True)
        asked.append(tracing.trace_id(span.traceparent))
        engine.later(1)
    first, second = engine.messages()
    running = engine.start(first)
    assert engine.calls.entered.wait(20)
    assert engine.app.worker.work(second) == []
    engine.messages()
    engine.calls.hold.set()
    running.ended()
    engine.work()  # the message by which the first woke the second
    assert [trace_of(one) for one in spans.named("waits")] == asked


def test_a_message_that_was_lost_and_one_that_says_nothing_change_nothing(
    engine: Engine, spans: Spans
) -> None:
    schedule = engine.add(enabled=False)
    with tracing.continued(CALLER), tracing.span("request"):
        asked = engine.app.manager.run_now(schedule.id, force=True)
    engine.messages()
    (job,) = engine.app.worker.work(Message((asked.job_id,), engine.clock.now()))
    assert job.trace_id == trace_of(spans.one("works")) == TRACE


def test_a_message_that_is_sent_again_keeps_its_trace(engine: Engine) -> None:
    message = Message(("nobody-20260301T120000Z",), engine.clock.now(), trace=CALLER)
    engine.app.worker.work(message)  # it is committed in a moment, or never
    (deferred,) = engine.messages()
    engine.app.poison.handle(message.text())
    (returned,) = engine.messages()
    assert deferred.trace == returned.trace == CALLER
    assert returned.returns == 1


def test_a_row_without_a_trace_takes_that_of_the_message(engine: Engine, spans: Spans) -> None:
    tracing.use(None)
    schedule = engine.add(enabled=False)
    engine.app.manager.run_now(schedule.id, force=True)
    (message,) = engine.messages()
    with recorded() as found:
        (job,) = engine.app.worker.work(replace(message, trace=CALLER))
    assert job.trace_id == trace_of(found.one("works")) == TRACE


def test_a_takeover_of_a_job_without_a_trace_takes_none_of_another(
    engine: Engine, azurite: Azurite, spans: Spans
) -> None:
    """The guard of jobs that begin together has the trace of the message that some came by."""
    tracing.use(None)
    schedule = engine.add("waits", enabled=False)
    engine.app.manager.run_now(schedule.id, force=True)
    dying = engine.start()
    assert engine.calls.entered.wait(20)
    (guard,) = engine.messages()
    other = make(azurite, engine.app.settings.prefix, prepared=True)
    other.clock.set(engine.clock.now() + timedelta(minutes=2))
    other.calls.hold.set()
    with recorded() as found:
        (job,) = other.app.worker.work(replace(guard, trace=CALLER))
    assert job.trace_id is None and trace_of(found.one("waits")) != TRACE
    engine.calls.hold.set()
    assert dying.ended() == []


def test_off_nothing_of_it_is_stored(engine: Engine) -> None:
    schedule = engine.add(enabled=False)
    with tracing.continued(CALLER):
        engine.app.manager.run_now(schedule.id, force=True)
    (message,) = engine.messages()
    (job,) = engine.app.worker.work(message)
    assert (message.trace, job.trace, job.trace_id) == (None, None, None)
    assert "trace" not in message.text()


def test_all_jobs_of_a_backfill_are_in_the_trace_of_its_request(
    engine: Engine, spans: Spans
) -> None:
    minutely = Recurrence(frequency=Frequency.INTERVAL, interval_seconds=60)
    schedule = engine.add(recurrence=minutely, enabled=False)
    wish = Wish(first=START - timedelta(minutes=3), end=START)
    with tracing.continued(CALLER), tracing.span("request"):
        engine.app.backfills.start(schedule.id, wish)
    while engine.work():
        pass
    assert [trace_of(one) for one in spans.named("works")] == 3 * [TRACE]


def test_the_job_names_its_trace_to_people(
    engine: Engine, spans: Spans, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    schedule = engine.add("fails", enabled=False, max_attempts=1)
    counter = Counter(engine)
    path = f"/schedules/{schedule.id}/execute"
    answer = counter.ask("POST", path, {"force": True}, traceparent=CALLER).json()
    shown = f"/jobs/{answer['job_id']}"
    assert counter.told("GET", shown)["trace_id"] == TRACE, "while it waits"
    (job,) = engine.work()
    told = counter.told("GET", shown)
    assert (told["status"], told["trace_id"]) == (Status.FAILED, TRACE)
    request = spans.one("POST /api/v1/schedules/{schedule_id}/execute")
    attempt = spans.one("fails")
    assert request.parent is not None and f"{request.parent.span_id:016x}" in CALLER
    assert attempt.parent is not None and attempt.parent.span_id == id_of(request)
    assert (request.attributes or {})["http.response.status_code"] == 202
    lines = [one for one in caplog.records if getattr(one, "fields", {}).get("job_id") == job.id]
    traced = {vars(one)["event"] for one in lines if vars(one)["fields"].get("trace_id") == TRACE}
    assert traced >= {"job_started", "job_failed"}
