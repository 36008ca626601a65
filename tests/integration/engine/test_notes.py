"""What the sweep goes by: no job is forgotten, whatever comes late, and no note stays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from local.azurite import Azurite
from shared.recurrence import Frequency, Recurrence
from shared.schedules.job import Status
from shared.schedules.model import CatchUp, Overlap
from shared.storage.queues.jobs import Message
from shared.storage.tables import handed
from shared.storage.tables.changes import Change
from shared.tasks import JobContext, Params, Result, task
from tests import sdk
from tests.integration.engine.conftest import START, Engine, make, tap
from tests.integration.engine.test_sweep import due, received_by_a_host_that_dies, swept
from tests.jobs import busy

_SECOND = timedelta(seconds=1)


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """A note names one job, so that of two there are several."""
    monkeypatch.setattr(handed, "MOST_NAMED", 1)


def hourly(first: datetime) -> Recurrence:
    return Recurrence(frequency=Frequency.INTERVAL, interval_seconds=3600, start_time=first)


def begun_by_a_worker_that_dies(engine: Engine, job_id: str) -> None:
    """What the commit of a lease leaves, and nothing else."""
    table, now = engine.app.table, engine.clock.now()
    schedule = table.get(job_id.partition("-")[0])
    assert schedule is not None
    live = schedule.progress.find(job_id)
    assert live is not None
    lease = now + 60 * _SECOND
    dead = replace(
        live, attempt=1, started_at=now, first_started_at=now, worker="dead", lease_until=lease
    )
    after = replace(schedule, progress=schedule.progress.put(dead))
    assert table.commit([Change(schedule, after)]) == [True]


def waits_for(engine: Engine, ids: Sequence[str], most: int = 600) -> int:
    """Seconds, a tick each 30 s, until the jobs were sent again; hosts that die take each message
    that can be seen."""
    found: set[str] = set()
    for waited in range(0, most, 30):
        swept(engine)
        received_by_a_host_that_dies(engine)
        found |= {job_id for message in engine.messages() for job_id in message.job_ids}
        if found >= set(ids):
            return waited
        engine.later(30)
    raise AssertionError(f"{set(ids) - found} were never found")


@pytest.mark.parametrize("jobs", [1, 2])
def test_jobs_of_dead_workers_are_found_after_their_queue_was_in_line(
    engine: Engine, jobs: int
) -> None:
    ids = [due(engine) for _ in range(jobs)]
    for job_id in ids:
        begun_by_a_worker_that_dies(engine, job_id)
    received_by_a_host_that_dies(engine)
    engine.later(66)  # the leases ended, and their guards are lost
    now = engine.clock.now()
    engine.app.queue.send(Message(("x",), now), now - 10 * _SECOND)
    engine.messages()
    assert swept(engine) == 0  # of the short queue, a message waits in line
    received_by_a_host_that_dies(engine)
    engine.later(30)
    assert waits_for(engine, ids) == 0


@pytest.mark.parametrize("jobs", [1, 2])
def test_jobs_of_dead_workers_are_found_again_when_that_message_is_lost_as_well(
    engine: Engine, jobs: int
) -> None:
    ids = [due(engine) for _ in range(jobs)]
    for job_id in ids:
        begun_by_a_worker_that_dies(engine, job_id)
    received_by_a_host_that_dies(engine)
    engine.messages()
    engine.later(66)
    assert waits_for(engine, ids) == 0
    engine.later(30)
    assert waits_for(engine, ids) == 0


@pytest.mark.parametrize("jobs", [1, 2])
def test_what_waits_for_its_next_attempt_is_found_when_its_message_is_lost(
    engine: Engine, jobs: int
) -> None:
    for _ in range(jobs):
        engine.add("fails", recurrence=hourly(START), retry_delay_seconds=200)
    engine.later(3569)
    engine.tick()
    engine.later(30)
    ids = [job.id for one in busy(engine.app) for job in one.progress.live]
    assert len(ids) == jobs
    engine.app.worker.work(Message(tuple(ids), engine.clock.now()))
    for _ in range(7):
        engine.later(30)
        swept(engine)
        received_by_a_host_that_dies(engine)
    engine.messages()
    assert waits_for(engine, ids) <= 60


def test_the_last_of_many_that_were_handed_out_far_ahead_is_found(engine: Engine) -> None:
    for number in range(2):
        engine.add(recurrence=hourly(START + (3600 + 4 * number) * _SECOND))
    engine.later(3319)
    swept(engine)
    engine.app.dispatcher.tick(engine.clock.now(), "slow", timedelta(seconds=315))
    ids = [job.id for one in busy(engine.app) for job in one.progress.live]
    assert len(ids) == 2
    engine.messages()
    engine.later(285)  # both are due by now, the last since a second
    assert waits_for(engine, ids) <= 30


def test_a_commit_that_comes_late_is_noted_though_an_older_job_is_in_the_row(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = engine.add(enabled=False)
    engine.app.manager.run_now(made.id, force=True)
    assert len(engine.work()) == 1
    for _ in range(3):
        received_by_a_host_that_dies(engine)
        engine.later(40)
        swept(engine)
    commit: Callable[..., list[bool]] = engine.app.table.commit

    def late(changes: Sequence[Change]) -> list[bool]:
        engine.later(10)
        received_by_a_host_that_dies(engine)
        assert swept(engine) == 0
        monkeypatch.undo()
        return commit(changes)

    monkeypatch.setattr(engine.app.table, "commit", late)
    asked = engine.app.manager.run_now(made.id, force=True).job_id
    engine.messages()
    engine.later(30)
    assert waits_for(engine, [asked]) == 0


def test_a_tick_that_takes_minutes_loses_neither_messages_nor_notes(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its worker, and the sweep of another clock, are faster than its commit."""
    engine.add()
    assert swept(engine) == 0
    engine.later(120)
    engine.work()
    table = engine.app.table
    rows: Callable[..., Any] = table.rows
    commit: Callable[..., list[bool]] = table.commit

    def slowly(ids: Any) -> Any:
        monkeypatch.setattr(table, "rows", rows)
        engine.later(100)
        return rows(ids)

    def after_the_others(changes: Sequence[Change]) -> list[bool]:
        monkeypatch.setattr(table, "commit", commit)
        for message in engine.messages():
            assert engine.app.worker.work(message) == []
        swept(engine)
        return commit(changes)

    monkeypatch.setattr(table, "rows", slowly)
    monkeypatch.setattr(table, "commit", after_the_others)
    engine.tick()
    again = engine.messages()
    assert again, "the worker took it for one that is never committed"
    received_by_a_host_that_dies(engine)
    engine.later(6)
    assert waits_for(engine, [job_id for one in again for job_id in one.job_ids]) == 0


@pytest.mark.parametrize(
    "row",
    [
        {"ids": "abc", "until": "2026-03-01T12:05:00+00:00"},
        {"ids": "", "until": "2026-03-01T12:05:00"},
        {"ids": 7, "until": 5},
        {},
    ],
    ids=str,
)
def test_a_garbled_note_stops_no_sweep_and_goes(engine: Engine, row: dict[str, Any]) -> None:
    table: Any = sdk.table(engine.app)
    key = {"PartitionKey": "meta", "RowKey": "handed:20260301T115900Z:x"}
    table.create_entity({**key, **row})
    asked = due(engine)
    received_by_a_host_that_dies(engine)
    engine.messages()
    engine.later(30)
    assert waits_for(engine, [asked]) == 0
    kept = [one["RowKey"] for one in table.query_entities("PartitionKey eq 'meta'")]
    assert key["RowKey"] not in kept


def test_a_job_in_the_way_whose_worker_is_gone_is_asked_for_by_the_next(engine: Engine) -> None:
    """However long ago it died, and though no note of it is left."""
    made = engine.add(overlap=Overlap.SKIP)
    engine.later(60)
    engine.tick()
    (message, *_) = engine.messages()
    dead = message.job_ids[0]
    begun_by_a_worker_that_dies(engine, dead)
    engine.later(180)
    engine.tick()
    last = max(job.due_at for job in engine.app.table.get(made.id).progress.live)  # type: ignore[union-attr]
    engine.clock.set(last)
    engine.messages()
    job_id = f"{made.id}-{last:%Y%m%dT%H%M%SZ}"
    (skipped,) = engine.app.worker.work(Message((job_id,), engine.clock.now()))
    assert skipped.status is Status.SKIPPED
    assert (dead,) in [one.job_ids for one in engine.messages()]


def test_one_that_asks_for_an_older_one_sends_no_message_for_it(azurite: Azurite) -> None:
    """The older has its own; else they would heap up while a limit is reached."""

    @task("one", max_concurrent=1)
    def one(job: JobContext, params: Params) -> Result:
        """Waits until it is told to stop."""
        job.stop.wait(30)
        return {}

    engine = make(azurite, tasks=[one])
    tap(engine)
    holds = engine.add("one", enabled=False)
    engine.app.manager.run_now(holds.id, force=True)
    running = engine.start()
    while not engine.app.table.get(holds.id).progress.live[0].begun:  # type: ignore[union-attr]
        pass
    often = replace(hourly(START), interval_seconds=10)
    made = engine.add("one", recurrence=often, overlap=Overlap.ALLOW_ALL, catch_up=CatchUp.ALL)
    engine.later(31)
    engine.tick()
    engine.messages()
    latest = f"{made.id}-{START + 30 * _SECOND:%Y%m%dT%H%M%SZ}"
    for _ in range(3):
        assert engine.app.worker.work(Message((latest,), engine.clock.now())) == []
        assert [one.job_ids for one in engine.messages()] == [(latest,)]
    engine.app.worker.stop()
    running.join(20)
