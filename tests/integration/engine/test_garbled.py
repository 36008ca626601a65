"""Rows that somebody garbled, lost or made too long harm nothing but themselves."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from local.azurite import Azurite
from shared.app import build
from shared.errors import Damaged, Invalid
from shared.recurrence import Frequency, Recurrence
from shared.schedules.job import Job, Status
from shared.schedules.model import Schedule
from shared.storage.queues.jobs import Message
from shared.storage.tables import entities
from tests import sdk
from tests.integration.engine.conftest import START, Engine, make
from tests.jobs import jobs_of


class Rows:
    """A table as a person with a storage browser changes it."""

    def __init__(self, engine: Engine) -> None:
        self._bench = engine
        self._table: Any = sdk.table(engine.app)

    def merge(self, schedule: Schedule, key: str, **properties: str) -> None:
        self._table.update_entity({**self._keys(schedule, key), **properties})

    def delete(self, schedule: Schedule, key: str) -> None:
        self._table.delete_entity(self._keys(schedule, key))

    def _keys(self, schedule: Schedule, key: str) -> dict[str, str]:
        return {"PartitionKey": self._bench.app.table.shard(schedule.id), "RowKey": key}


@pytest.fixture
def rows(engine: Engine) -> Rows:
    return Rows(engine)


def garble(rows: Rows, schedule: Schedule) -> None:
    rows.merge(schedule, entities.schedule_key(schedule.id), policy="{garbled")


def test_a_schedule_that_cannot_be_read_stops_no_other(engine: Engine, rows: Rows) -> None:
    schedules = [engine.add() for _ in range(6)]
    bad = schedules[0]
    engine.later(60)
    engine.messages()
    engine.tick()
    garble(rows, bad)
    ids = [job.id for one in schedules[1:] for job in engine.app.manager.get(one.id).progress.live]
    bad_id = ids[0].replace(schedules[1].id, bad.id)
    ended = engine.app.worker.work(Message((bad_id, *ids), engine.clock.now()))
    assert {job.status for job in ended} == {Status.SUCCEEDED} and len(ended) >= 5
    assert engine.app.sweep.sweep(engine.clock.now()) == 0
    assert bad.id not in {one.id for one in engine.app.lists.all()}
    assert len(jobs_of(engine.app)) >= 5
    build(engine.app.settings, engine.clock, tasks=engine.app.registry).prepare()
    with pytest.raises(Damaged, match=f"the row of schedule {bad.id} cannot be read"):
        engine.app.manager.get(bad.id)


def test_a_schedule_that_cannot_be_read_can_be_deleted(engine: Engine, rows: Rows) -> None:
    bad = engine.add()
    garble(rows, bad)
    engine.app.manager.delete(bad.id)
    assert engine.app.table.get(bad.id) is None
    engine.later(120)
    assert engine.tick().broken == 0


def test_a_job_that_cannot_be_read_has_failed_and_is_not_run_again(
    engine: Engine, rows: Rows, azurite: Azurite
) -> None:
    made = engine.add()
    engine.later(60)
    message = engine.messages()[-1]
    (job,) = engine.app.worker.work(message)
    rows.merge(made, entities.job_key(job.id), result="{oops")
    assert engine.app.worker.work(message) == [] and len(engine.calls.started) == 1
    shown = engine.app.manager.job(job.id)
    assert shown.status is Status.FAILED and "cannot be read" in (shown.error or "")
    assert [one.id for one in jobs_of(engine.app, made.id) if one.id == job.id] == [job.id]
    other = make(azurite, engine.app.settings.prefix)  # this one knows how the job ended
    assert other.app.manager.get(made.id).progress.failure_count == 1


@pytest.mark.parametrize("schedule_id", ["a'b", "x' or RowKey ge '", "a/b", "", "é", "a" * 50])
def test_what_cannot_be_an_id_finds_nothing(engine: Engine, schedule_id: str) -> None:
    engine.add()
    engine.later(60)
    engine.work()
    assert engine.app.table.get(schedule_id) is None
    assert jobs_of(engine.app, schedule_id) == []


def test_a_schedule_that_lost_its_place_in_the_due_index_comes_back(
    engine: Engine, rows: Rows
) -> None:
    made, other = engine.add(), engine.add()
    for one in (made, other):
        upcoming = one.progress.next_run_at
        assert upcoming is not None
        rows.delete(one, entities.due_key(upcoming, one.id))
    renamed = engine.app.manager.enable(made.id, False)
    assert not renamed.is_on
    engine.later(600)
    assert engine.tick().handed_out == 0
    engine.app.sweep.sweep(engine.clock.now())
    found = engine.app.manager.get(other.id)
    assert found.progress.next_run_at is not None
    assert found.progress.next_run_at > engine.clock.now()
    assert engine.app.table.due(engine.app.table.shard(other.id), found.progress.next_run_at, 10)


def test_an_entry_of_the_due_index_without_its_schedule_is_told_and_removed(
    engine: Engine, rows: Rows, caplog: pytest.LogCaptureFixture
) -> None:
    made = engine.add()
    rows.delete(made, entities.schedule_key(made.id))
    engine.later(120)
    assert engine.tick().broken == 1 and f"schedule_broken schedule_id={made.id}" in caplog.text
    assert engine.tick().broken == 0


def test_a_time_that_could_not_be_read_again_is_refused_and_nothing_is_kept(engine: Engine) -> None:
    with pytest.raises(Invalid, match="give a year from 1900"):
        east = datetime(1900, 1, 1, tzinfo=timezone(timedelta(hours=14)))
        Recurrence(frequency=Frequency.INTERVAL, interval_seconds=3600, start_time=east)
    with pytest.raises(Invalid, match="cannot be stored"):
        engine.add(description="\ud800")
    made = engine.add()
    with pytest.raises(Invalid, match="cannot be stored"):
        engine.app.manager.change(
            made.id,
            lambda one: replace(one, definition=replace(one.definition, description="\ud800")),
        )
    assert [one.id for one in engine.app.lists.all() if not one.configured] == [made.id]


def ended(made: Schedule, number: int, log: str) -> Job:
    due_at = START + timedelta(seconds=number)
    return Job(
        id=f"{made.id}-{due_at.astimezone(UTC):%Y%m%dT%H%M%SZ}",
        schedule_id=made.id,
        schedule_name="n",
        project_id=None,
        task_type="works",
        status=Status.SUCCEEDED,
        due_at=due_at,
        worker="w",
        result={"n": number},
        log=log,
    )


def test_more_than_one_transaction_holds_is_written_in_several(engine: Engine) -> None:
    made = engine.add()
    jobs = [ended(made, number, "é" * 24_000) for number in range(60)]
    assert engine.app.table.end(jobs) == [True] * 60
    assert len(jobs_of(engine.app, made.id)) >= 60


def test_a_job_that_is_too_long_to_be_kept_is_kept_without_its_log(engine: Engine) -> None:
    made = engine.add()
    jobs = [ended(made, number, "😀" * 40_000 if number == 2 else "fine") for number in range(5)]
    assert engine.app.table.end(jobs) == [True] * 5
    found = {job.id: job for job in jobs_of(engine.app, made.id)}
    assert "cannot be kept" in found[jobs[2].id].log
    assert {found[job.id].status for job in jobs} == {Status.SUCCEEDED}
    assert found[jobs[1].id].result == {"n": 1}
