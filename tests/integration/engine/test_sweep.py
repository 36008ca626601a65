"""A host that is killed with full hands: what it had received stays hidden, and is soon found."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import pytest

from local.azurite import Azurite
from shared.engine.dispatch import sweep as sweeps
from shared.recurrence import Frequency, Recurrence
from shared.schedules.job import Status
from shared.schedules.model import Overlap
from shared.storage.names import Names
from shared.storage.queues.jobs import Message
from shared.storage.tables import handed
from shared.storage.tables.handed import HandedOut, Note
from shared.tasks import JobContext, Params, Result, task
from tests import sdk
from tests.integration.engine.conftest import Bench, make, tap


def received_by_a_host_that_dies(bench: Bench, *, long: bool = False) -> list[str]:
    """Take all that can be seen, as a host does, and never say a word of it again."""
    names = Names(bench.app.settings.prefix)
    queue: Any = sdk.queue(bench.app, names.long_queue if long else names.queue)
    return [one.content for one in queue.receive_messages(visibility_timeout=600)]


def due(bench: Bench, **changes: Any) -> str:
    """A job that was handed out when it was due, so that its message can be seen; its id."""
    made = bench.add(enabled=False, **changes)
    asked = bench.app.manager.run_now(made.id, force=True)
    return asked.job_id


def swept(bench: Bench) -> int | None:
    """What a tick's sweep does now: how many messages it sends."""
    fact = bench.app.meta.fact(sweeps.ROW)
    return bench.app.sweep.sweep_if_needed(fact, bench.clock.now())


def notes(bench: Bench) -> HandedOut:
    return HandedOut(bench.app.connection.table(Names(bench.app.settings.prefix).table))


def left(bench: Bench) -> list[Note]:
    """The notes that there are."""
    return notes(bench).due(bench.clock.now() + timedelta(days=1))


def spy(owner: Any, name: str) -> list[Any]:
    """What a method is called with from now on, as far as it is not empty."""
    asked: list[Any] = []
    method = getattr(owner, name)

    def spied(*given: Any) -> Any:
        first = set(given[0]) if isinstance(given[0], Iterable) else given[0]
        if first:
            asked.append(first)
        return method(first, *given[1:])

    setattr(owner, name, spied)
    return asked


@pytest.mark.parametrize("timeout", [60, 3600])
def test_what_a_killed_host_had_received_is_sent_again_within_seconds(
    bench: Bench, timeout: int
) -> None:
    job_id = due(bench, timeout_seconds=timeout)
    assert len(received_by_a_host_that_dies(bench, long=timeout > 600)) == 1
    bench.messages()
    assert swept(bench) == 0  # a worker has some seconds to take it up
    bench.later(6)
    assert swept(bench) == 1
    (again,) = bench.messages()
    assert again.job_ids == (job_id,)
    (job,) = bench.app.worker.work(again)
    assert (job.id, job.status, job.attempt) == (job_id, Status.SUCCEEDED, 1)
    assert bench.app.worker.work(again) == []


def test_what_waits_in_line_is_not_sent_twice(bench: Bench) -> None:
    for _ in range(3):
        due(bench)
    bench.messages()
    bench.later(60)  # nobody takes a message: the first was to be seen a minute ago
    assert not swept(bench)
    assert bench.messages() == []


def test_a_queue_that_was_emptied_by_hand_is_noticed_by_the_next_tick(bench: Bench) -> None:
    job_id = due(bench)
    names = Names(bench.app.settings.prefix)
    sdk.queue(bench.app, names.queue).clear_messages()
    bench.messages()
    bench.later(30)
    assert swept(bench) == 1
    assert [one.job_ids for one in bench.messages()] == [(job_id,)]


def test_what_nobody_noted_is_found_within_five_minutes(bench: Bench) -> None:
    assert swept(bench) == 0
    job_id = due(bench)
    received_by_a_host_that_dies(bench)
    notes(bench).forget(bench.clock.now() - timedelta(hours=1))
    bench.messages()
    bench.later(290)
    assert swept(bench) is None
    bench.later(10)
    assert swept(bench) == 1
    assert [one.job_ids for one in bench.messages()] == [(job_id,)]


def test_a_guard_that_was_lost_is_replaced_when_the_lease_ends(
    bench: Bench, azurite: Azurite
) -> None:
    made = bench.add("waits", enabled=False)
    job_id = bench.app.manager.run_now(made.id, force=True).job_id
    killed = bench.start()
    assert bench.calls.entered.wait(20)
    received_by_a_host_that_dies(bench)
    other = make(azurite, bench.app.settings.prefix, clock=bench.clock)
    tap(other)
    bench.later(58)
    assert swept(other) == 0
    other.messages()
    bench.later(8)  # the lease ended six seconds ago, and its worker says nothing
    assert swept(other) == 1
    (guard,) = other.messages()
    assert guard.job_ids == (job_id,)
    other.calls.hold.set()
    assert [one.attempt for one in other.app.worker.work(guard)] == [2]
    bench.calls.hold.set()
    killed.join(20)


def test_a_lease_that_ended_is_looked_at_once(bench: Bench) -> None:
    due(bench)
    assert len(bench.work()) == 1
    received_by_a_host_that_dies(bench)
    asked = spy(bench.app.table, "ended")
    bench.later(30)
    assert swept(bench) == 0 and asked == []
    bench.later(40)
    assert swept(bench) == 0 and len(asked) == 1
    bench.later(30)
    assert swept(bench) is None and len(asked) == 1


def test_a_tick_without_a_note_reads_no_schedule(bench: Bench) -> None:
    assert swept(bench) == 0
    at_night = Recurrence(frequency=Frequency.CRON, cron_expression="0 3 * * *")
    bench.add(recurrence=at_night)
    read = [spy(bench.app.table, name) for name in ("overdue", "many", "get", "rows")]
    bench.later(60)
    assert swept(bench) is None and read == [[], [], [], []]


def test_few_are_looked_at_one_by_one_and_of_many_all_at_once(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert swept(bench) == 0
    overdue, many = spy(bench.app.table, "overdue"), spy(bench.app.table, "many")
    one = due(bench)
    received_by_a_host_that_dies(bench)
    bench.later(6)
    assert swept(bench) == 1 and overdue == []
    assert many == [{one.partition("-")[0]}]
    monkeypatch.setattr(handed, "FEW", 1)
    monkeypatch.setattr(sweeps, "FEW", 1)
    other = due(bench)
    received_by_a_host_that_dies(bench)
    bench.messages()
    bench.later(6)
    assert swept(bench) == 1 and len(overdue) == 1
    assert sorted(bench.messages()[-1].job_ids) == sorted([one, other])
    received_by_a_host_that_dies(bench)
    bench.later(6)
    assert swept(bench) == 1 and len(overdue) == 2, "there are many still"


def test_notes_go_when_their_jobs_have_ended(bench: Bench) -> None:
    for _ in range(3):
        due(bench)
    assert len(bench.work()) == 3
    received_by_a_host_that_dies(bench)
    assert len(left(bench)) == 3
    for _ in range(4):
        bench.later(40)
        swept(bench)
    assert left(bench) == []


def test_what_is_committed_late_stays_noted(bench: Bench) -> None:
    made = bench.add(enabled=False)
    assert swept(bench) == 0
    job_id = f"{made.id}-20260301T120001Z"
    notes(bench).note(Note.of([(job_id, bench.clock.now())], bench.clock.now()))
    bench.later(60)
    assert swept(bench) == 0
    assert [one.ids for one in left(bench)] == [(job_id,)]
    bench.later(40)
    assert swept(bench) == 0
    assert left(bench) == [], "it was never committed"


def test_a_sweep_that_was_killed_is_made_up_for_by_the_next_tick(bench: Bench) -> None:
    due(bench)
    received_by_a_host_that_dies(bench)
    bench.later(6)

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    table: Any = bench.app.table
    ended, table.ended = table.ended, killed
    with pytest.raises(KeyboardInterrupt):
        swept(bench)
    table.ended = ended
    bench.later(4)
    assert swept(bench) is None  # it may still be at work
    bench.later(1)
    assert swept(bench) == 1


def test_two_ticks_at_once_sweep_once(bench: Bench) -> None:
    due(bench)
    received_by_a_host_that_dies(bench)
    bench.later(6)
    fact = bench.app.meta.fact(sweeps.ROW)
    now = bench.clock.now()
    assert bench.app.sweep.sweep_if_needed(fact, now) == 1
    assert bench.app.sweep.sweep_if_needed(fact, now) is None


def test_what_waits_for_another_or_for_a_limit_is_not_sent_again_and_again(
    azurite: Azurite,
) -> None:
    @task("one", max_concurrent=1)
    def one(job: JobContext, params: Params) -> Result:
        """Waits until it is told to stop."""
        job.stop.wait(30)
        return {}

    bench = make(azurite, tasks=[one])
    tap(bench)
    first, second = bench.add("one", enabled=False), bench.add("one", enabled=False)
    queued = bench.add("one", enabled=False, overlap=Overlap.BUFFER_ALL)
    bench.app.manager.run_now(first.id, force=True)
    running = bench.start()
    while not bench.app.table.get(first.id).progress.live[0].begun:  # type: ignore[union-attr]
        pass
    for made in (second, queued):
        bench.app.manager.run_now(made.id, force=True)
    received_by_a_host_that_dies(bench)
    bench.messages()
    bench.later(30)
    assert swept(bench) == 0 and bench.messages() == []
    bench.app.worker.stop()
    running.join(20)
    bench.later(10)
    assert swept(bench) == 1
    named = {job_id.partition("-")[0] for m in bench.messages() for job_id in m.job_ids}
    assert {second.id, queued.id} <= named


def test_a_job_of_the_other_kind_is_sent_to_its_own_queue(bench: Bench) -> None:
    job_id = due(bench, timeout_seconds=3600)
    (message,) = bench.messages()
    assert message.long is False  # as the tap reads it; it went to the long queue
    assert len(received_by_a_host_that_dies(bench, long=True)) == 1
    assert bench.app.short_worker.work(Message((job_id,), bench.clock.now())) == []
    assert len(received_by_a_host_that_dies(bench, long=True)) == 1
    (job,) = bench.app.long_worker.work(Message((job_id,), bench.clock.now()))
    assert job.status is Status.SUCCEEDED
