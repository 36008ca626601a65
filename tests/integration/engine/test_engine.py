"""The engine on real Azurite: no occurrence lost, none started twice (promise 1)."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.core.exceptions import ServiceResponseError
from azure.core.pipeline.transport import RequestsTransport

from local.azurite import Azurite
from shared.app import build
from shared.clock import SystemClock
from shared.engine.work.lease import Lease
from shared.errors import Conflict, Misconfigured, NotFound, Unavailable
from shared.recurrence import Frequency, Recurrence
from shared.schedules.job import Job, Status
from shared.schedules.model import Overlap, Schedule
from shared.schedules.plan import plan
from shared.settings import from_env
from shared.storage import failures
from shared.storage.connect import Connection
from shared.storage.queues.jobs import AHEAD, Message
from shared.storage.tables.changes import Change
from shared.storage.tables.schedules import ScheduleTable
from tests.integration.engine.conftest import START, Engine, make


def finals(engine: Engine, schedule: Schedule) -> list[Job]:
    return list(engine.app.table.jobs(schedule.id))


def test_a_tick_repeated_changes_nothing(engine: Engine) -> None:
    made = engine.add()
    engine.later(60)
    engine.tick()
    before = engine.app.table.get(made.id)
    assert engine.tick().handed_out == 0
    assert engine.app.table.get(made.id) == before


def test_ticks_at_the_same_time_hand_out_each_occurrence_once(
    engine: Engine, azurite: Azurite
) -> None:
    schedules = [engine.add() for _ in range(8)]
    engine.later(120)
    others = [make(azurite, engine.app.settings.prefix) for _ in range(3)]
    threads = [
        threading.Thread(target=other.app.dispatcher.tick, args=(engine.clock.now(), f"c{n}"))
        for n, other in enumerate(others)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    engine.tick()
    for made in schedules:
        found = engine.app.table.get(made.id)
        assert found is not None
        live = [job.id for job in found.progress.live]
        assert len(live) == len(set(live))
        assert found.progress.next_run_at is not None
        assert found.progress.next_run_at > engine.clock.now()


def test_a_message_delivered_twice_starts_one_run(engine: Engine) -> None:
    engine.add()
    engine.later(60)
    messages = engine.messages()
    for message in [*messages, *messages]:
        engine.app.worker.work(message)
    assert len(engine.calls.started) == len(set(engine.calls.started)) == 1


def test_two_workers_at_once_start_one_run(engine: Engine) -> None:
    made = engine.add("waits", overlap=Overlap.ALLOW_ALL)
    engine.later(60)
    message = engine.messages()[0]
    first = threading.Thread(target=engine.app.worker.work, args=(message,))
    first.start()
    assert engine.calls.entered.wait(20)
    assert engine.app.worker.work(message) == []
    engine.calls.hold.set()
    first.join(20)
    assert engine.calls.started == [*message.job_ids]
    assert [job.status for job in finals(engine, made)] == [Status.SUCCEEDED]


def test_a_message_ahead_of_its_commit_waits_and_an_old_one_is_void(engine: Engine) -> None:
    made = engine.add()
    early = Message((f"{made.id}-20260301T140000Z",), engine.clock.now())
    engine.messages()
    assert engine.app.worker.work(early) == []
    assert engine.messages() == [early]
    engine.later(91)
    engine.app.worker.work(early)
    assert engine.messages() == [] and engine.calls.started == []


class LostAnswers(RequestsTransport):  # type: ignore[misc]
    """Sends each request, then loses the answer of some: the change was made, nobody knows."""

    def __init__(self, lose: int) -> None:
        super().__init__()
        self._lose = lose
        self.count = 0

    def send(self, request: Any, **options: Any) -> Any:
        answer = super().send(request, **options)
        if request.method in ("POST", "PUT", "PATCH") and "$batch" in request.url:
            self.count += 1
            if self.count % self._lose == 0:
                raise ServiceResponseError("the answer was lost")
        return answer


@pytest.mark.parametrize("lose", [1, 2, 3])
def test_an_answer_that_is_lost_neither_loses_nor_doubles_a_run(
    engine: Engine, azurite: Azurite, monkeypatch: pytest.MonkeyPatch, lose: int
) -> None:
    monkeypatch.setitem(failures.RETRIES, "retry_backoff_factor", 0)
    made = engine.add()
    flaky = make(azurite, engine.app.settings.prefix, transport=LostAnswers(lose))
    for _ in range(4):
        engine.later(60)
        with contextlib.suppress(Unavailable):  # the host calls again in a minute
            flaky.app.dispatcher.tick(engine.clock.now(), "flaky")
    engine.tick()
    shown = engine.app.table.get(made.id)
    assert shown is not None
    for job in shown.progress.live:
        engine.app.worker.work(Message((job.id,), engine.clock.now()))
    accounted = {job.due_at for job in finals(engine, made)}
    due = {START + timedelta(seconds=60 * n) for n in range(1, 5)}
    assert due <= accounted
    assert len(engine.calls.started) == len(set(engine.calls.started))


def test_a_killed_worker_is_taken_over_when_its_lease_ends(
    engine: Engine, azurite: Azurite
) -> None:
    made = engine.add("waits")
    engine.later(60)
    message = engine.messages()[0]
    stopped = threading.Thread(target=engine.app.worker.work, args=(message,), daemon=True)
    stopped.start()
    assert engine.calls.entered.wait(20)
    guard = engine.messages()
    assert [one.job_ids for one in guard] == [message.job_ids]

    other = make(azurite, engine.app.settings.prefix)
    other.clock.set(engine.clock.now() + timedelta(seconds=59))
    assert other.app.worker.work(guard[0]) == [] and other.calls.started == []
    other.clock.advance(timedelta(seconds=2))
    other.calls.hold.set()
    done = other.app.worker.work(guard[0])
    assert [(job.status, job.attempt) for job in done] == [(Status.SUCCEEDED, 2)]

    engine.calls.hold.set()
    stopped.join(20)
    assert [job.attempt for job in finals(engine, made)] == [2]


def test_a_long_run_keeps_its_lease(azurite: Azurite) -> None:
    short = Lease(length=timedelta(seconds=60), beat=timedelta(milliseconds=50))
    engine = make(azurite, lease=short)
    made = engine.add("waits")
    engine.later(60)
    found = engine.app.table.get(made.id)
    assert found is not None
    renewed = threading.Event()
    begin = found.progress.live[0]
    wait = engine.clock.wait

    def paced(event: threading.Event, longest: timedelta) -> bool:
        """Each renewal's wait passes at once, on the test's clock, until two were made."""
        if engine.clock.now() - START > timedelta(seconds=150):
            renewed.set()
            engine.calls.hold.set()
            return wait(event, longest)
        engine.later(40)
        return False

    engine.clock.wait = paced  # type: ignore[method-assign]
    job = engine.app.worker.work(Message((begin.id,), engine.clock.now()))
    assert renewed.is_set()
    # timeout_seconds is 600 by default: it was neither timed out nor taken over
    assert [(one.status, one.attempt) for one in job] == [(Status.SUCCEEDED, 1)]


def test_a_task_that_hangs_ends_as_timed_out(engine: Engine) -> None:
    made = engine.add("waits", timeout_seconds=5, max_attempts=1)
    engine.later(60)
    calls = iter([False, True])

    def wait(event: threading.Event, longest: timedelta) -> bool:
        engine.calls.entered.wait(20)
        engine.later(30)
        return not next(calls) and event.is_set()

    engine.clock.wait = wait  # type: ignore[method-assign]
    (job,) = engine.app.worker.work(engine.messages()[0])
    assert job.status is Status.FAILED
    assert "timeout of 5 s" in (job.error or "")
    assert engine.app.manager.get(made.id).progress.failure_count == 1


def test_a_failure_is_tried_again_later_and_then_is_a_dead_letter(engine: Engine) -> None:
    made = engine.add("fails", max_attempts=2)
    engine.later(60)
    message = engine.messages()[0]
    assert engine.app.worker.work(message) == []
    waiting = engine.app.manager.job(message.job_ids[0])
    assert waiting.status is Status.QUEUED and waiting.attempt == 1
    engine.later(60)
    (done,) = engine.app.worker.work(message)
    assert done.status is Status.FAILED and done.attempt == 2
    assert "disk is on fire" in (done.error or "") and "secret" not in (done.error or "")
    assert engine.app.manager.get(made.id).progress.last_error == done.error
    log = done.log or ""
    assert "ERROR unexpected failure\nTraceback" in log and "secret" not in log


def test_what_cannot_be_mended_is_not_tried_again(engine: Engine) -> None:
    engine.add("refused")
    engine.later(60)
    done = engine.work()
    assert [(job.status, job.attempt) for job in done] == [(Status.FAILED, 1)]


def test_counts_follow_and_are_the_same_before_and_after_they_are_folded(engine: Engine) -> None:
    made = engine.add()
    for _ in range(3):
        engine.later(60)
        engine.tick()
        engine.work()
        shown = engine.app.manager.get(made.id).progress
        assert shown.success_count == len(finals(engine, made))
    assert shown.run_count == 3


def test_from_due_to_done_takes_five_entity_writes_and_a_note(
    engine: Engine, azurite: Azurite
) -> None:
    class Counting(RequestsTransport):  # type: ignore[misc]
        writes = 0

        def send(self, request: Any, **options: Any) -> Any:
            if "$batch" in request.url:
                body = bytes(request.content).decode()
                Counting.writes += sum(body.count(f"{verb} http") for verb in _VERBS)
            elif ":10" in request.url or "schedules" in request.url:
                Counting.writes += request.method in _VERBS
            return super().send(request, **options)

    made = engine.add()
    counted = make(azurite, engine.app.settings.prefix, transport=Counting())
    Counting.writes = 0
    counted.app.dispatcher.tick_one(made.id, START + timedelta(seconds=50))
    # the note, for all that a tick hands out; out of the due index, back into it, the row
    assert Counting.writes == 1 + 3
    counted.clock.set(START + timedelta(seconds=121))
    Counting.writes = 0
    counted.app.worker.work(Message((f"{made.id}-20260301T120200Z",), counted.clock.now()))
    assert Counting.writes == 2  # the lease, and the job's row


_VERBS = ("POST", "PUT", "PATCH", "MERGE", "DELETE")


def test_an_idle_tick_reads_each_shard_once(engine: Engine, azurite: Azurite) -> None:
    class Counting(RequestsTransport):  # type: ignore[misc]
        reads = 0

        def send(self, request: Any, **options: Any) -> Any:
            Counting.reads += request.method == "GET"
            return super().send(request, **options)

    far = Recurrence(frequency=Frequency.ONCE, start_time=datetime(2027, 1, 1, tzinfo=UTC))
    for _ in range(30):
        engine.add(recurrence=far)
    counted = make(azurite, engine.app.settings.prefix, transport=Counting())
    Counting.reads = 0
    counted.app.dispatcher.tick(engine.clock.now(), "test")
    assert Counting.reads == len(counted.app.table.shards)


def test_a_change_takes_back_what_was_handed_out_ahead(engine: Engine) -> None:
    made = engine.add()
    engine.later(30)
    message = engine.messages()[0]
    hourly = Recurrence(frequency=Frequency.HOURLY)
    engine.app.manager.change(
        made.id, lambda one: replace(one, definition=replace(one.definition, recurrence=hourly))
    )
    engine.later(31)
    engine.app.worker.work(message)
    assert engine.calls.started == []
    found = engine.app.manager.get(made.id)
    assert found.progress.live == () and found.progress.next_run_at == START + timedelta(hours=1)


def test_who_decided_on_an_older_row_loses_and_changes_nothing(engine: Engine) -> None:
    made = engine.add()
    stale = engine.app.table.get(made.id)
    assert stale is not None
    engine.app.manager.change(
        made.id, lambda one: replace(one, definition=replace(one.definition, name="renamed"))
    )
    engine.later(120)
    now = engine.clock.now()
    old = plan(stale, now, now)
    assert old.changes
    before = engine.app.table.get(made.id)
    assert engine.app.table.commit([Change(old.before, old.after, old.recorded)]) == [False]
    assert engine.app.table.get(made.id) == before and finals(engine, made) == []


def test_of_two_workers_that_claim_at_once_one_gets_the_lease(engine: Engine) -> None:
    made = engine.add()
    engine.later(60)
    seen = engine.app.table.get(made.id)
    assert seen is not None
    job = seen.progress.live[0]
    held = [
        replace(seen, progress=seen.progress.put(replace(job, attempt=1, worker=name)))
        for name in ("one", "two")
    ]
    assert [engine.app.table.commit([Change(seen, after)]) for after in held] == [[True], [False]]


def test_turned_off_it_leaves_the_due_index_and_comes_back(engine: Engine) -> None:
    made = engine.add()
    off = engine.app.manager.enable(made.id, False)
    assert off.progress.next_run_at is None and not off.is_on
    engine.later(600)
    assert engine.tick().handed_out == 0
    on = engine.app.manager.enable(made.id, True)
    assert on.progress.next_run_at is not None and on.progress.next_run_at > engine.clock.now()


def test_a_deleted_schedule_keeps_its_history_and_cancels_what_waits(engine: Engine) -> None:
    made = engine.add()
    engine.later(60)
    engine.work()
    asked = engine.app.manager.run_now(made.id, force=True)
    engine.app.manager.delete(made.id)
    with pytest.raises(NotFound):
        engine.app.manager.get(made.id)
    assert engine.app.manager.job(asked.job_id).status is Status.CANCELLED
    assert Status.SUCCEEDED in [job.status for job in finals(engine, made)]


def test_run_now_needs_force_unless_it_is_on_and_due(engine: Engine) -> None:
    made = engine.add(recurrence=Recurrence(frequency=Frequency.DAILY))
    with pytest.raises(Conflict, match="not due until 2026-03-02T00:00:00Z;"):
        engine.app.manager.run_now(made.id, force=False)
    frequent = engine.add()  # its next runs are handed out already
    with pytest.raises(Conflict, match="not due until 2026-03-01T12:01:00Z;"):
        engine.app.manager.run_now(frequent.id, force=False)
    engine.app.manager.enable(made.id, False)
    with pytest.raises(Conflict, match="turned off"):
        engine.app.manager.run_now(made.id, force=False)
    asked = engine.app.manager.run_now(made.id, force=True)
    assert [job.id for job in engine.work()] == [asked.job_id]


def test_a_lost_message_is_sent_again_by_the_sweep(engine: Engine) -> None:
    engine.add()
    engine.later(60)
    lost = engine.messages()
    engine.later(3)
    assert engine.app.sweep.sweep(engine.clock.now()) == 0
    engine.later(2)
    assert engine.app.sweep.sweep(engine.clock.now()) >= 1
    assert lost[0].job_ids in {message.job_ids for message in engine.messages()}


def test_a_given_up_message_comes_back_and_at_last_fails_its_job(engine: Engine) -> None:
    made = engine.add()
    engine.later(60)
    message = engine.messages()[0]
    for returns in range(1, 4):
        engine.app.poison.handle(message.text())
        (message,) = engine.messages()
        assert message.returns == returns
    engine.app.poison.handle(message.text())
    assert [job.status for job in finals(engine, made)] == [Status.FAILED]


def test_a_malformed_message_is_told_and_harms_nothing(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    engine.app.poison.handle("not a message")
    assert "message_poisoned" in caplog.text


def test_another_number_of_shards_is_refused_before_anything_is_lost(engine: Engine) -> None:
    other = replace(engine.app.settings, schedule_shards=3)
    with pytest.raises(Misconfigured, match="set it to 2"):
        build(other, engine.clock, tasks=engine.app.registry).prepare()


def test_storage_out_of_reach_is_said_so() -> None:
    gone = from_env(
        {
            "AzureWebJobsStorage": "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=YQ==;"
            "TableEndpoint=http://127.0.0.1:9/a;"
        }
    )
    with pytest.raises(Unavailable, match="table storage"):
        ScheduleTable(Connection(gone.storage).table("t"), 1, SystemClock()).get("x")


def test_a_tick_that_takes_long_delays_no_message(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """How long a message is hidden is counted from when it is sent."""
    made = engine.add()
    table: Any = engine.app.table
    due: Callable[..., Any] = table.due
    hidden: list[timedelta] = []

    def slow(*asked: Any) -> Any:
        engine.later(10)
        return due(*asked)

    def send(message: Message, visible_at: datetime, now: datetime | None = None) -> Any:
        hidden.append(visible_at - (now or message.sent_at))
        return object()

    monkeypatch.setattr(engine.app.queue, "send", send)
    monkeypatch.setattr(table, "due", slow)
    engine.clock.set(START + timedelta(seconds=60))
    began = engine.clock.now()
    engine.app.dispatcher.tick(began, "test")
    took = engine.clock.now() - began
    (job,) = [one for one in table.get(made.id).progress.live if one.due_at > began]
    assert took == timedelta(seconds=20)
    assert hidden[-1] == job.due_at - AHEAD - began - took
