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
from shared.engine.work.lease import Lease
from shared.errors import Conflict, Misconfigured, NotFound, Unavailable
from shared.recurrence import Frequency, Recurrence
from shared.schedules.job import Job, Status
from shared.schedules.model import Overlap, Schedule
from shared.schedules.plan import plan
from shared.settings import from_env
from shared.storage.queues.jobs import AHEAD, Message
from shared.storage.tables.schedules import Change, ScheduleTable
from shared.storage.tables.wire import from_account
from tests.integration.engine.conftest import START, Bench, make


def finals(bench: Bench, schedule: Schedule) -> list[Job]:
    return list(bench.app.table.jobs(schedule.id))


def test_a_tick_repeated_changes_nothing(bench: Bench) -> None:
    made = bench.add()
    bench.later(60)
    bench.tick()
    before = bench.app.table.get(made.id)
    assert bench.tick().handed_out == 0
    assert bench.app.table.get(made.id) == before


def test_ticks_at_the_same_time_hand_out_each_occurrence_once(
    bench: Bench, azurite: Azurite
) -> None:
    schedules = [bench.add() for _ in range(8)]
    bench.later(120)
    others = [make(azurite, bench.app.settings.prefix) for _ in range(3)]
    threads = [
        threading.Thread(target=other.app.dispatcher.tick, args=(bench.clock.now(), f"c{n}"))
        for n, other in enumerate(others)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    bench.tick()
    for made in schedules:
        found = bench.app.table.get(made.id)
        assert found is not None
        live = [job.id for job in found.progress.live]
        assert len(live) == len(set(live))
        assert found.progress.next_run_at is not None
        assert found.progress.next_run_at > bench.clock.now()


def test_a_message_delivered_twice_starts_one_run(bench: Bench) -> None:
    bench.add()
    bench.later(60)
    messages = bench.messages()
    for message in [*messages, *messages]:
        bench.app.worker.work(message)
    assert len(bench.calls.started) == len(set(bench.calls.started)) == 1


def test_two_workers_at_once_start_one_run(bench: Bench) -> None:
    made = bench.add("waits", overlap=Overlap.ALLOW_ALL)
    bench.later(60)
    message = bench.messages()[0]
    first = threading.Thread(target=bench.app.worker.work, args=(message,))
    first.start()
    assert bench.calls.entered.wait(20)
    assert bench.app.worker.work(message) == []
    bench.calls.hold.set()
    first.join(20)
    assert bench.calls.started == [*message.job_ids]
    assert [job.status for job in finals(bench, made)] == [Status.SUCCEEDED]


def test_a_message_ahead_of_its_commit_waits_and_an_old_one_is_void(bench: Bench) -> None:
    made = bench.add()
    early = Message((f"{made.id}-20260301T140000Z",), bench.clock.now())
    bench.messages()
    assert bench.app.worker.work(early) == []
    assert bench.messages() == [early]
    bench.later(91)
    bench.app.worker.work(early)
    assert bench.messages() == [] and bench.calls.started == []


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
    bench: Bench, azurite: Azurite, lose: int
) -> None:
    made = bench.add()
    flaky = make(azurite, bench.app.settings.prefix, transport=LostAnswers(lose))
    for _ in range(4):
        bench.later(60)
        with contextlib.suppress(Unavailable):  # the host calls again in a minute
            flaky.app.dispatcher.tick(bench.clock.now(), "flaky")
    bench.tick()
    shown = bench.app.table.get(made.id)
    assert shown is not None
    for job in shown.progress.live:
        bench.app.worker.work(Message((job.id,), bench.clock.now()))
    accounted = {job.due_at for job in finals(bench, made)}
    due = {START + timedelta(seconds=60 * n) for n in range(1, 5)}
    assert due <= accounted
    assert len(bench.calls.started) == len(set(bench.calls.started))


def test_a_killed_worker_is_taken_over_when_its_lease_ends(bench: Bench, azurite: Azurite) -> None:
    made = bench.add("waits")
    bench.later(60)
    message = bench.messages()[0]
    stopped = threading.Thread(target=bench.app.worker.work, args=(message,), daemon=True)
    stopped.start()
    assert bench.calls.entered.wait(20)
    guard = bench.messages()
    assert [one.job_ids for one in guard] == [message.job_ids]

    other = make(azurite, bench.app.settings.prefix)
    other.clock.set(bench.clock.now() + timedelta(seconds=59))
    assert other.app.worker.work(guard[0]) == [] and other.calls.started == []
    other.clock.advance(timedelta(seconds=2))
    other.calls.hold.set()
    done = other.app.worker.work(guard[0])
    assert [(job.status, job.attempt) for job in done] == [(Status.SUCCEEDED, 2)]

    bench.calls.hold.set()
    stopped.join(20)
    assert [job.attempt for job in finals(bench, made)] == [2]


def test_a_long_run_keeps_its_lease(azurite: Azurite) -> None:
    short = Lease(length=timedelta(seconds=60), beat=timedelta(milliseconds=50))
    bench = make(azurite, lease=short)
    made = bench.add("waits")
    bench.later(60)
    found = bench.app.table.get(made.id)
    assert found is not None
    renewed = threading.Event()
    begin = found.progress.live[0]
    wait = bench.clock.wait

    def paced(event: threading.Event, longest: timedelta) -> bool:
        """Each renewal's wait passes at once, on the test's clock, until two were made."""
        if bench.clock.now() - START > timedelta(seconds=150):
            renewed.set()
            bench.calls.hold.set()
            return wait(event, longest)
        bench.later(40)
        return False

    bench.clock.wait = paced  # type: ignore[method-assign]
    job = bench.app.worker.work(Message((begin.id,), bench.clock.now()))
    assert renewed.is_set()
    # timeout_seconds is 600 by default: it was neither timed out nor taken over
    assert [(one.status, one.attempt) for one in job] == [(Status.SUCCEEDED, 1)]


def test_a_task_that_hangs_ends_as_timed_out(bench: Bench) -> None:
    made = bench.add("waits", timeout_seconds=5, max_attempts=1)
    bench.later(60)
    calls = iter([False, True])

    def wait(event: threading.Event, longest: timedelta) -> bool:
        bench.calls.entered.wait(20)
        bench.later(30)
        return not next(calls) and event.is_set()

    bench.clock.wait = wait  # type: ignore[method-assign]
    (job,) = bench.app.worker.work(bench.messages()[0])
    assert job.status is Status.FAILED
    assert "timeout of 5 s" in (job.error or "")
    assert bench.app.manager.get(made.id).progress.failure_count == 1


def test_a_failure_is_tried_again_later_and_then_is_a_dead_letter(bench: Bench) -> None:
    made = bench.add("fails", max_attempts=2)
    bench.later(60)
    message = bench.messages()[0]
    assert bench.app.worker.work(message) == []
    waiting = bench.app.manager.job(message.job_ids[0])
    assert waiting.status is Status.QUEUED and waiting.attempt == 1
    bench.later(60)
    (done,) = bench.app.worker.work(message)
    assert done.status is Status.FAILED and done.attempt == 2
    assert "disk is on fire" in (done.error or "") and "secret" not in (done.error or "")
    assert bench.app.manager.get(made.id).progress.last_error == done.error
    log = done.log or ""
    assert "ERROR unexpected failure\nTraceback" in log and "secret" not in log


def test_what_cannot_be_mended_is_not_tried_again(bench: Bench) -> None:
    bench.add("refused")
    bench.later(60)
    done = bench.work()
    assert [(job.status, job.attempt) for job in done] == [(Status.FAILED, 1)]


def test_counts_follow_and_are_the_same_before_and_after_they_are_folded(bench: Bench) -> None:
    made = bench.add()
    for _ in range(3):
        bench.later(60)
        bench.tick()
        bench.work()
        shown = bench.app.manager.get(made.id).progress
        assert shown.success_count == len(finals(bench, made))
    assert shown.run_count == 3


def test_from_due_to_done_takes_five_entity_writes_and_a_note(
    bench: Bench, azurite: Azurite
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

    made = bench.add()
    counted = make(azurite, bench.app.settings.prefix, transport=Counting())
    Counting.writes = 0
    counted.app.dispatcher.tick_one(made.id, START + timedelta(seconds=50))
    # the note, for all that a tick hands out; out of the due index, back into it, the row
    assert Counting.writes == 1 + 3
    counted.clock.set(START + timedelta(seconds=121))
    Counting.writes = 0
    counted.app.worker.work(Message((f"{made.id}-20260301T120200Z",), counted.clock.now()))
    assert Counting.writes == 2  # the lease, and the job's row


_VERBS = ("POST", "PUT", "PATCH", "MERGE", "DELETE")


def test_an_idle_tick_reads_each_shard_once(bench: Bench, azurite: Azurite) -> None:
    class Counting(RequestsTransport):  # type: ignore[misc]
        reads = 0

        def send(self, request: Any, **options: Any) -> Any:
            Counting.reads += request.method == "GET"
            return super().send(request, **options)

    far = Recurrence(frequency=Frequency.ONCE, start_time=datetime(2027, 1, 1, tzinfo=UTC))
    for _ in range(30):
        bench.add(recurrence=far)
    counted = make(azurite, bench.app.settings.prefix, transport=Counting())
    Counting.reads = 0
    counted.app.dispatcher.tick(bench.clock.now(), "test")
    assert Counting.reads == len(counted.app.table.shards)


def test_a_change_takes_back_what_was_handed_out_ahead(bench: Bench) -> None:
    made = bench.add()
    bench.later(30)
    message = bench.messages()[0]
    hourly = Recurrence(frequency=Frequency.HOURLY)
    bench.app.manager.change(
        made.id, lambda one: replace(one, definition=replace(one.definition, recurrence=hourly))
    )
    bench.later(31)
    bench.app.worker.work(message)
    assert bench.calls.started == []
    found = bench.app.manager.get(made.id)
    assert found.progress.live == () and found.progress.next_run_at == START + timedelta(hours=1)


def test_who_decided_on_an_older_row_loses_and_changes_nothing(bench: Bench) -> None:
    made = bench.add()
    stale = bench.app.table.get(made.id)
    assert stale is not None
    bench.app.manager.change(
        made.id, lambda one: replace(one, definition=replace(one.definition, name="renamed"))
    )
    bench.later(120)
    now = bench.clock.now()
    old = plan(stale, now, now)
    assert old.changes
    before = bench.app.table.get(made.id)
    assert bench.app.table.commit([Change(old.before, old.after, old.recorded)]) == [False]
    assert bench.app.table.get(made.id) == before and finals(bench, made) == []


def test_of_two_workers_that_claim_at_once_one_gets_the_lease(bench: Bench) -> None:
    made = bench.add()
    bench.later(60)
    seen = bench.app.table.get(made.id)
    assert seen is not None
    job = seen.progress.live[0]
    held = [
        replace(seen, progress=seen.progress.put(replace(job, attempt=1, worker=name)))
        for name in ("one", "two")
    ]
    assert [bench.app.table.commit([Change(seen, after)]) for after in held] == [[True], [False]]


def test_turned_off_it_leaves_the_due_index_and_comes_back(bench: Bench) -> None:
    made = bench.add()
    off = bench.app.manager.enable(made.id, False)
    assert off.progress.next_run_at is None and not off.is_on
    bench.later(600)
    assert bench.tick().handed_out == 0
    on = bench.app.manager.enable(made.id, True)
    assert on.progress.next_run_at is not None and on.progress.next_run_at > bench.clock.now()


def test_a_deleted_schedule_keeps_its_history_and_cancels_what_waits(bench: Bench) -> None:
    made = bench.add()
    bench.later(60)
    bench.work()
    asked = bench.app.manager.run_now(made.id, force=True)
    bench.app.manager.delete(made.id)
    with pytest.raises(NotFound):
        bench.app.manager.get(made.id)
    assert bench.app.manager.job(asked.job_id).status is Status.CANCELLED
    assert Status.SUCCEEDED in [job.status for job in finals(bench, made)]


def test_run_now_needs_force_unless_it_is_on_and_due(bench: Bench) -> None:
    made = bench.add(recurrence=Recurrence(frequency=Frequency.DAILY))
    with pytest.raises(Conflict, match="not due until 2026-03-02T00:00:00Z;"):
        bench.app.manager.run_now(made.id, force=False)
    frequent = bench.add()  # its next runs are handed out already
    with pytest.raises(Conflict, match="not due until 2026-03-01T12:01:00Z;"):
        bench.app.manager.run_now(frequent.id, force=False)
    bench.app.manager.enable(made.id, False)
    with pytest.raises(Conflict, match="turned off"):
        bench.app.manager.run_now(made.id, force=False)
    asked = bench.app.manager.run_now(made.id, force=True)
    assert [job.id for job in bench.work()] == [asked.job_id]


def test_a_lost_message_is_sent_again_by_the_sweep(bench: Bench) -> None:
    bench.add()
    bench.later(60)
    lost = bench.messages()
    bench.later(3)
    assert bench.app.sweep.sweep(bench.clock.now()) == 0
    bench.later(2)
    assert bench.app.sweep.sweep(bench.clock.now()) >= 1
    assert lost[0].job_ids in {message.job_ids for message in bench.messages()}


def test_a_given_up_message_comes_back_and_at_last_fails_its_job(bench: Bench) -> None:
    made = bench.add()
    bench.later(60)
    message = bench.messages()[0]
    for returns in range(1, 4):
        bench.app.poison.handle(message.text())
        (message,) = bench.messages()
        assert message.returns == returns
    bench.app.poison.handle(message.text())
    assert [job.status for job in finals(bench, made)] == [Status.FAILED]


def test_a_malformed_message_is_told_and_harms_nothing(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.app.poison.handle("not a message")
    assert "message_poisoned" in caplog.text


def test_another_number_of_shards_is_refused_before_anything_is_lost(bench: Bench) -> None:
    other = replace(bench.app.settings, schedule_shards=3)
    with pytest.raises(Misconfigured, match="set it to 2"):
        build(other, bench.clock, tasks=bench.app.registry).prepare()


def test_storage_out_of_reach_is_said_so() -> None:
    gone = from_env(
        {
            "AzureWebJobsStorage": "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=YQ==;"
            "TableEndpoint=http://127.0.0.1:9/a;"
        }
    )
    with pytest.raises(Unavailable, match="table storage"):
        ScheduleTable(from_account(gone.storage, "t"), 1).get("x")


def test_a_tick_that_takes_long_delays_no_message(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """How long a message is hidden is counted from when it is sent."""
    made = bench.add()
    table: Any = bench.app.table
    due: Callable[..., Any] = table.due
    hidden: list[timedelta] = []

    def slow(*asked: Any) -> Any:
        bench.later(10)
        return due(*asked)

    def send(message: Message, visible_at: datetime, now: datetime | None = None) -> Any:
        hidden.append(visible_at - (now or message.sent_at))
        return object()

    monkeypatch.setattr(bench.app.queue, "send", send)
    monkeypatch.setattr(table, "due", slow)
    bench.clock.set(START + timedelta(seconds=60))
    began = bench.clock.now()
    bench.app.dispatcher.tick(began, "test")
    took = bench.clock.now() - began
    (job,) = [one for one in table.get(made.id).progress.live if one.due_at > began]
    assert took == timedelta(seconds=20)
    assert hidden[-1] == job.due_at - AHEAD - began - took
