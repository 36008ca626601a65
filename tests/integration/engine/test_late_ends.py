"""A worker that records an end too late: its job was given up meanwhile, and that end counts."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from local.azurite import Azurite
from shared.engine.work.outcomes import Outcomes
from shared.errors import Unavailable
from shared.schedules.job import Status, job_id
from shared.storage.queues.jobs import Message
from tests.integration.engine.conftest import START, Engine, Working, make


def ran(engine: Engine) -> None:
    engine.later(60)
    engine.tick()
    (job,) = engine.work()
    assert job.status is Status.SUCCEEDED


@pytest.mark.parametrize("before", [0, 2], ids=["its first run", "after others"])
def test_it_learns_that_its_job_was_given_up(
    engine: Engine, azurite: Azurite, monkeypatch: pytest.MonkeyPatch, before: int
) -> None:
    """Alone, or together with its schedule's row: the first run changes how lists show it."""
    made = engine.add(max_attempts=1)
    for _ in range(before):
        ran(engine)
    engine.later(60)
    engine.tick()
    due = job_id(made.id, START + timedelta(minutes=before + 1))
    message = Message((due,), engine.clock.now())
    other = make(azurite, engine.app.settings.prefix, clock=engine.clock, prepared=True)
    at_once = Outcomes.end

    def late(outcomes: Outcomes, over: Any, hands: Any) -> Any:
        monkeypatch.setattr(Outcomes, "end", at_once)
        engine.later(3600)
        (given_up,) = other.app.worker.work(message)
        assert (given_up.id, given_up.status) == (due, Status.FAILED)
        return at_once(outcomes, over, hands)

    monkeypatch.setattr(Outcomes, "end", late)
    assert engine.app.worker.work(message) == []
    for app in (engine.app, other.app):
        assert app.table.ended([due])[due].status is Status.FAILED
        assert app.jobs.check(lambda: None).good


def test_its_end_does_not_count_while_another_worker_has_the_job(
    engine: Engine, azurite: Azurite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the next run would begin beside the other's attempt."""
    made = engine.add("waits", max_attempts=2)
    engine.calls.hold.set()
    for _ in range(2):
        ran(engine)
    engine.later(60)
    engine.tick()
    due = job_id(made.id, START + timedelta(minutes=3))
    message = Message((due,), engine.clock.now())
    other = make(azurite, engine.app.settings.prefix, clock=engine.clock, prepared=True)
    at_once = Outcomes.end
    taken: list[Working] = []

    def late(outcomes: Outcomes, over: Any, hands: Any) -> Any:
        monkeypatch.setattr(Outcomes, "end", at_once)
        engine.later(61)
        taken.append(other.start(message))
        assert other.calls.entered.wait(20)
        return at_once(outcomes, over, hands)

    monkeypatch.setattr(Outcomes, "end", late)
    assert engine.app.worker.work(message) == []
    assert engine.app.table.ended([due]) == {}
    other.calls.hold.set()
    (job,) = taken[0].ended()
    assert (job.status, job.attempt) == (Status.SUCCEEDED, 2)


def test_it_knows_its_own_end_again_however_late_that_was_answered(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.add()
    for _ in range(2):
        ran(engine)
    engine.later(60)
    engine.tick()
    table = engine.app.table
    told = type(table).end

    def unanswered(there: Any, jobs: Any) -> Any:
        monkeypatch.setattr(type(table), "end", told)
        assert told(there, jobs) == [True]
        engine.later(5)
        raise Unavailable("table storage", "its answer was lost")

    monkeypatch.setattr(type(table), "end", unanswered)
    (job,) = engine.work()
    assert job.status is Status.SUCCEEDED
