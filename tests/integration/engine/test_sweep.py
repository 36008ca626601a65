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
from shared.storage.tables.handed import HandedOut, Note
from shared.storage.tables.job_feed import JobFeed
from shared.tasks import JobContext, Params, Result, task
from tests import sdk
from tests.integration.engine.conftest import Engine, make, tap


def received_by_a_host_that_dies(engine: Engine, *, long: bool = False) -> list[str]:
    """Take all that can be seen, as a host does, and never say a word of it again."""
    names = Names(engine.app.settings.prefix)
    queue: Any = sdk.queue(engine.app, names.long_queue if long else names.queue)
    return [one.content for one in queue.receive_messages(visibility_timeout=600)]


def due(engine: Engine, **changes: Any) -> str:
    """A job that was handed out when it was due, so that its message can be seen; its id."""
    made = engine.add(enabled=False, **changes)
    asked = engine.app.manager.run_now(made.id, force=True)
    return asked.job_id


def swept(engine: Engine) -> int | None:
    """What a tick's sweep does now: how many messages it sends."""
    fact = engine.app.meta.fact(sweeps.ROW)
    return engine.app.sweep.sweep_if_needed(fact, engine.clock.now())


def notes(engine: Engine) -> HandedOut:
    return HandedOut(engine.app.connection.table(Names(engine.app.settings.prefix).table))


def feed(engine: Engine) -> JobFeed:
    table = engine.app.connection.table(Names(engine.app.settings.prefix).table)
    return JobFeed(table, engine.app.meta)


def left(engine: Engine) -> list[Note]:
    """The notes that there are."""
    return notes(engine).due(engine.clock.now() + timedelta(days=1))


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
    engine: Engine, timeout: int
) -> None:
    job_id = due(engine, timeout_seconds=timeout)
    assert len(received_by_a_host_that_dies(engine, long=timeout > 600)) == 1
    engine.messages()
    assert swept(engine) == 0  # a worker has some seconds to take it up
    engine.later(6)
    assert swept(engine) == 1
    (again,) = engine.messages()
    assert again.job_ids == (job_id,)
    (job,) = engine.app.worker.work(again)
    assert (job.id, job.status, job.attempt) == (job_id, Status.SUCCEEDED, 1)
    assert engine.app.worker.work(again) == []


def test_what_waits_in_line_is_not_sent_twice(engine: Engine) -> None:
    for _ in range(3):
        due(engine)
    engine.messages()
    engine.later(60)  # nobody takes a message: the first was to be seen a minute ago
    assert not swept(engine)
    assert engine.messages() == []


def test_a_queue_that_was_emptied_by_hand_is_noticed_by_the_next_tick(engine: Engine) -> None:
    job_id = due(engine)
    names = Names(engine.app.settings.prefix)
    sdk.queue(engine.app, names.queue).clear_messages()
    engine.messages()
    engine.later(30)
    assert swept(engine) == 1
    assert [one.job_ids for one in engine.messages()] == [(job_id,)]


def test_what_nobody_noted_is_found_within_five_minutes(engine: Engine) -> None:
    assert swept(engine) == 0
    job_id = due(engine)
    received_by_a_host_that_dies(engine)
    notes(engine).remove(left(engine))
    engine.messages()
    engine.later(290)
    assert swept(engine) is None
    engine.later(10)
    assert swept(engine) == 1
    assert [one.job_ids for one in engine.messages()] == [(job_id,)]


def test_a_guard_that_was_lost_is_replaced_when_the_lease_ends(
    engine: Engine, azurite: Azurite
) -> None:
    made = engine.add("waits", enabled=False)
    job_id = engine.app.manager.run_now(made.id, force=True).job_id
    killed = engine.start()
    assert engine.calls.entered.wait(20)
    received_by_a_host_that_dies(engine)
    other = make(azurite, engine.app.settings.prefix, clock=engine.clock)
    tap(other)
    engine.later(58)
    assert swept(other) == 0
    other.messages()
    engine.later(8)  # the lease ended six seconds ago, and its worker says nothing
    assert swept(other) == 1
    (guard,) = other.messages()
    assert guard.job_ids == (job_id,)
    other.calls.hold.set()
    assert [one.attempt for one in other.app.worker.work(guard)] == [2]
    engine.calls.hold.set()
    killed.join(20)


def test_a_job_that_ended_is_filed_once_and_not_looked_at_again(engine: Engine) -> None:
    job_id = due(engine)
    assert len(engine.work()) == 1
    received_by_a_host_that_dies(engine)
    engine.later(6)
    assert swept(engine) == 0 and left(engine) == []
    (row,) = feed(engine).read().rows
    assert [(one.id, one.status) for one in row.entries] == [(job_id, Status.SUCCEEDED)]
    asked = spy(engine.app.table, "ended")
    engine.later(70)
    assert swept(engine) is None and asked == []
    assert feed(engine).read().rows == (row,)


def test_a_recorded_occurrence_is_named_too_and_filed(engine: Engine) -> None:
    """None of its jobs was ever handed out."""
    made = engine.add(misfire_grace_seconds=1)
    assert swept(engine) == 0
    engine.later(3700)
    engine.app.dispatcher.tick_one(made.id, engine.clock.now())
    missed = {job.id for job in engine.app.table.jobs(made.id) if job.status is Status.MISSED}
    assert missed
    named = {job_id for note in left(engine) for job_id in note.ids or ()}
    assert missed <= named
    engine.later(6)
    swept(engine)
    filed = {one.id for row in feed(engine).read().rows for one in row.entries}
    assert missed <= filed


def test_a_tick_without_a_note_reads_no_schedule(engine: Engine) -> None:
    assert swept(engine) == 0
    at_night = Recurrence(frequency=Frequency.CRON, cron_expression="0 3 * * *")
    engine.add(recurrence=at_night)
    read = [spy(engine.app.table, name) for name in ("suspects", "many", "get", "rows")]
    engine.later(60)
    assert swept(engine) is None and read == [[], [], [], []]


def test_only_the_schedules_of_noted_jobs_are_read(engine: Engine) -> None:
    assert swept(engine) == 0
    due(engine)
    one = due(engine)
    received_by_a_host_that_dies(engine)
    engine.work()
    engine.messages()
    for _ in range(3):
        engine.later(30)
        swept(engine)
    many, all_of_them = spy(engine.app.table, "many"), spy(engine.app.table, "suspects")
    one = due(engine)
    received_by_a_host_that_dies(engine)
    engine.later(6)
    assert swept(engine) == 1 and all_of_them == []
    assert many[-1] == {one.partition("-")[0]}


def test_the_round_over_all_schedules_goes_on_where_it_stopped(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slice of bounded size each five minutes; what nobody noted is found within the round."""
    monkeypatch.setattr(sweeps, "SLICE", 2)
    assert swept(engine) == 0
    ids = [due(engine) for _ in range(5)]
    received_by_a_host_that_dies(engine)
    notes(engine).remove(left(engine))
    engine.messages()
    found: list[str] = []
    for rounds in range(1, 4):
        engine.later(300)
        swept(engine)
        received_by_a_host_that_dies(engine)
        found += [job_id for message in engine.messages() for job_id in message.job_ids]
        assert len(set(found)) <= 2 * rounds
    assert sorted(set(found)) == sorted(ids)


def test_notes_go_when_their_jobs_have_ended(engine: Engine) -> None:
    for _ in range(3):
        due(engine)
    assert len(engine.work()) == 3
    received_by_a_host_that_dies(engine)
    assert len(left(engine)) == 3
    for _ in range(4):
        engine.later(40)
        swept(engine)
    assert left(engine) == []


def test_what_is_committed_late_stays_noted(engine: Engine) -> None:
    made = engine.add(enabled=False)
    assert swept(engine) == 0
    job_id = f"{made.id}-20260301T120001Z"
    notes(engine).note([(job_id, engine.clock.now())], engine.clock.now())
    engine.later(60)
    assert swept(engine) == 0
    assert [one.ids for one in left(engine)] == [(job_id,)]
    engine.later(40)
    assert swept(engine) == 0
    assert left(engine) == [], "it was never committed"


def test_a_sweep_that_was_killed_is_made_up_for_by_the_next_tick(engine: Engine) -> None:
    due(engine)
    received_by_a_host_that_dies(engine)
    engine.later(6)

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    table: Any = engine.app.table
    ended, table.ended = table.ended, killed
    with pytest.raises(KeyboardInterrupt):
        swept(engine)
    table.ended = ended
    engine.later(4)
    assert swept(engine) is None  # it may still be at work
    engine.later(1)
    assert swept(engine) == 1


def test_two_ticks_at_once_sweep_once(engine: Engine) -> None:
    due(engine)
    received_by_a_host_that_dies(engine)
    engine.later(6)
    fact = engine.app.meta.fact(sweeps.ROW)
    now = engine.clock.now()
    assert engine.app.sweep.sweep_if_needed(fact, now) == 1
    assert engine.app.sweep.sweep_if_needed(fact, now) is None


def test_what_waits_for_another_or_for_a_limit_is_not_sent_again_and_again(
    azurite: Azurite,
) -> None:
    @task("one", max_concurrent=1)
    def one(job: JobContext, params: Params) -> Result:
        """Waits until it is told to stop."""
        job.stop.wait(30)
        return {}

    engine = make(azurite, tasks=[one])
    tap(engine)
    first, second = engine.add("one", enabled=False), engine.add("one", enabled=False)
    queued = engine.add("one", enabled=False, overlap=Overlap.BUFFER_ALL)
    engine.app.manager.run_now(first.id, force=True)
    running = engine.start()
    while not engine.app.table.get(first.id).progress.live[0].begun:  # type: ignore[union-attr]
        pass
    for made in (second, queued):
        engine.app.manager.run_now(made.id, force=True)
    received_by_a_host_that_dies(engine)
    engine.messages()
    engine.later(30)
    assert swept(engine) == 0 and engine.messages() == []
    engine.app.worker.stop()
    running.join(20)
    engine.later(10)
    assert swept(engine) == 1
    named = {job_id.partition("-")[0] for m in engine.messages() for job_id in m.job_ids}
    assert {second.id, queued.id} <= named


def test_a_job_of_the_other_kind_is_sent_to_its_own_queue(engine: Engine) -> None:
    job_id = due(engine, timeout_seconds=3600)
    (message,) = engine.messages()
    assert message.long is False  # as the tap reads it; it went to the long queue
    assert len(received_by_a_host_that_dies(engine, long=True)) == 1
    assert engine.app.short_worker.work(Message((job_id,), engine.clock.now())) == []
    assert len(received_by_a_host_that_dies(engine, long=True)) == 1
    (job,) = engine.app.long_worker.work(Message((job_id,), engine.clock.now()))
    assert job.status is Status.SUCCEEDED
