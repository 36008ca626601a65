"""How long runs take is learned from the jobs that are stored, at a bounded cost."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from shared.engine.records.durations import Durations
from shared.engine.records.neighbours import Neighbours
from shared.errors import Unavailable
from shared.schedules.job import Job, Status, job_id
from shared.storage.names import Names
from shared.storage.tables.run_times import RunTimes
from tests.integration.engine.conftest import Engine
from tests.integration.schedules.conftest import Counter


def ended(schedule_id: str, due_at: datetime, took: float, status: Status) -> Job:
    return Job(
        id=job_id(schedule_id, due_at),
        schedule_id=schedule_id,
        schedule_name="n",
        project_id=None,
        task_type="works",
        status=status,
        due_at=due_at,
        attempt=1,
        worker="w",
        started_at=due_at,
        finished_at=due_at + timedelta(seconds=took),
    )


def times(engine: Engine) -> RunTimes:
    app = engine.app
    return RunTimes(app.connection.table(Names(app.settings.prefix).table), app.table)


def wrote(engine: Engine, schedule_id: str, took: list[float], status: Status) -> None:
    """Jobs, the last one of the list the newest."""
    for number, seconds in enumerate(took):
        at = engine.later(60).replace(microsecond=0)
        engine.app.table.end([ended(schedule_id, at, seconds, status)])
        assert number < 1000


def test_the_newest_that_succeeded_count(counter: Counter) -> None:
    engine, one = counter.engine, counter.made()["id"]
    wrote(engine, one, [500.0] * 3 + [float(number) for number in range(1, 51)], Status.SUCCEEDED)
    wrote(engine, one, [999.0] * 5, Status.FAILED)
    found = times(engine).last(one, 50)
    assert found == [float(number) for number in range(50, 0, -1)]
    assert Durations(times(engine), engine.clock).of([one]) == {one: 48.0}


def test_what_was_learned_is_kept_for_an_hour(counter: Counter) -> None:
    engine, one = counter.engine, counter.made()["id"]
    learned = Durations(times(engine), engine.clock)
    assert learned.of([one]) == {one: None}
    wrote(engine, one, [5.0], Status.SUCCEEDED)
    assert learned.of([one]) == {one: 5.0}
    wrote(engine, one, [7.0], Status.SUCCEEDED)
    assert learned.of([one]) == {one: 5.0}
    engine.later(3601)
    assert learned.of([one]) == {one: 7.0}


def test_a_request_learns_of_a_few_only(counter: Counter) -> None:
    engine = counter.engine
    ids = [counter.made()["id"] for _ in range(3)]
    for one in ids:
        wrote(engine, one, [5.0], Status.SUCCEEDED)
    learned = Durations(times(engine), engine.clock)
    assert len(learned.of(ids, 2)) == 2
    assert learned.of(ids, 2) == dict.fromkeys(ids, 5.0)


def test_a_schedule_is_warned_that_it_comes_more_often_than_it_takes(counter: Counter) -> None:
    made = counter.made(frequency="interval", interval_seconds=60)
    wrote(counter.engine, made["id"], [90.0], Status.SUCCEEDED)
    changed = counter.changed(made, description="x")
    assert [one["code"] for one in changed["warnings"]] == ["too_often"]


def test_what_is_saved_is_said_though_its_warnings_cannot_be_looked_up(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any) -> None:
        raise Unavailable("table storage", "it is away")

    monkeypatch.setattr(Neighbours, "warned", away)
    made = counter.made()
    assert made["warnings"] is None
    assert counter.read(made)["id"] == made["id"]
