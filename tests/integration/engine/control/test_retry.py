"""A job that a person runs again."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from local.azurite import Azurite
from shared.errors import Conflict
from shared.schedules.job import Status, retry_id, retry_of
from shared.schedules.model import Overlap, Schedule
from shared.storage.queues.jobs import Message
from tests.integration.engine.control.setup import BEAT, ControlledEngine, controlled, failed


@pytest.mark.parametrize(
    ("job_id", "again"),
    [
        ("n-20260301T120000Z", "n-20260301T120000Z-r1"),
        ("n-20260301T120000Z-r1", "n-20260301T120000Z-r2"),
        ("n-20260301T120000Z-r9", "n-20260301T120000Z-r10"),
        ("n-20260301T120000Z-k3f9", "n-20260301T120000Z-k3f9r1"),
        ("n-20260301T120000Z-k3f9r1", "n-20260301T120000Z-k3f9r2"),
    ],
)
def test_the_id_of_a_retry_says_what_it_repeats(job_id: str, again: str) -> None:
    assert retry_id(job_id) == again and retry_of(again) == job_id


def test_what_repeats_nothing_says_so() -> None:
    assert retry_of("n-20260301T120000Z") is None
    assert retry_of("n-20260301T120000Z-k3f9") is None


def test_a_dead_letter_is_run_again_once_however_often_it_is_asked_for(
    engine: ControlledEngine,
) -> None:
    job_id, _ = failed(engine)
    asked = engine.app.control.retry(job_id)
    assert (asked.id, asked.status, asked.manual) == (f"{job_id}-r1", Status.QUEUED, True)
    assert engine.app.control.retry(job_id).id == asked.id
    assert asked.id in [job.id for job in engine.work()]
    assert engine.app.control.retry(job_id).status is Status.FAILED  # -r1, as it ended
    engine.work()
    assert engine.calls.started.count(asked.id) == 1
    assert engine.app.control.retry(asked.id).id == f"{job_id}-r2"


def test_one_that_ran_again_and_was_counted_is_not_run_a_third_time(
    engine: ControlledEngine,
) -> None:
    job_id, made = failed(engine)
    asked = engine.app.control.retry(job_id)
    engine.work()
    engine.app.manager.run_now(made.id, force=True)
    engine.work()
    found = engine.app.table.get(made.id)
    assert found is not None and found.progress.find(asked.id) is None
    assert engine.app.control.retry(job_id).status is Status.FAILED
    engine.work()
    assert engine.calls.started.count(asked.id) == 1


def test_to_ask_again_leaves_the_running_one_alone(engine: ControlledEngine) -> None:
    job_id, _ = engine.running("heeds")
    engine.app.control.cancel(job_id)
    asked = engine.app.control.retry(job_id)
    working = engine.start(Message((asked.id,), engine.clock.now()))
    assert engine.entered.wait(20)
    again = engine.app.control.retry(job_id)
    assert (again.id, again.status, again.attempt) == (asked.id, Status.RUNNING, 1)
    engine.app.control.cancel(asked.id)
    engine.later(BEAT)
    assert [job.status for job in working.ended()] == [Status.CANCELLED]


def test_two_who_ask_at_once_get_one_run(engine: ControlledEngine, azurite: Azurite) -> None:
    job_id, made = failed(engine)
    others = [controlled(azurite, engine.app.settings.prefix) for _ in range(3)]
    threads = [threading.Thread(target=one.app.control.retry, args=(job_id,)) for one in others]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    found = engine.app.table.get(made.id)
    assert found is not None
    assert [job.id for job in found.progress.live].count(f"{job_id}-r1") == 1


def test_a_run_that_a_person_asked_for_is_run_again(engine: ControlledEngine) -> None:
    _, made = failed(engine)
    asked = engine.app.manager.run_now(made.id, force=True)
    engine.work()
    again = engine.app.control.retry(asked.job_id)
    assert again.id == f"{asked.job_id}r1"
    engine.work()
    assert again.id in engine.calls.started


def test_it_runs_though_its_schedule_is_off_and_with_the_present_parameters(
    engine: ControlledEngine,
) -> None:
    job_id, made = engine.running("says")
    engine.app.control.cancel(job_id)

    def changed(one: Schedule) -> Schedule:
        other = replace(one.definition, task_parameters={"word": "two"}, enabled=False)
        return replace(one, definition=other)

    engine.app.manager.change(made.id, changed)
    engine.later(3600)
    again = engine.app.control.retry(job_id)
    engine.work()
    assert dict(engine.app.manager.job(again.id).result or {}) == {"word": "two"}


def test_a_missed_one_is_run_again(engine: ControlledEngine) -> None:
    job_id, _ = engine.running("works", misfire_grace_seconds=5)
    engine.later(6)
    assert [(job.id, job.status) for job in engine.work()] == [(job_id, Status.MISSED)]
    again = engine.app.control.retry(job_id)
    assert again.id in [job.id for job in engine.work() if job.status is Status.SUCCEEDED]


def test_one_cancelled_ahead_of_its_time_is_run_again_at_once_and_survives_a_change(
    engine: ControlledEngine,
) -> None:
    made = engine.add()
    found = engine.app.table.get(made.id)
    assert found is not None
    job_id = found.progress.live[0].id
    engine.app.control.cancel(job_id)
    again = engine.app.control.retry(job_id)
    assert again.due_at > engine.clock.now()
    engine.app.manager.enable(made.id, False)
    assert [(job.id, job.status) for job in engine.work()] == [(again.id, Status.SUCCEEDED)]


def test_what_succeeded_was_skipped_or_has_not_ended_is_not_run_again(
    engine: ControlledEngine,
) -> None:
    job_id, _ = engine.running("heeds")
    working = engine.start()
    assert engine.entered.wait(20)
    with pytest.raises(Conflict, match="running"):
        engine.app.control.retry(job_id)
    engine.app.control.cancel(job_id)
    engine.later(BEAT)
    working.ended()
    other, made = engine.running("works")
    with pytest.raises(Conflict, match="queued"):
        engine.app.control.retry(other)
    engine.work()
    with pytest.raises(Conflict, match="succeeded"):
        engine.app.control.retry(other)
    engine.later(300)
    engine.tick()
    skipped = next(j for j in engine.app.table.jobs(made.id) if j.status is Status.SKIPPED)
    with pytest.raises(Conflict, match="policy"):
        engine.app.control.retry(skipped.id)


def test_a_run_that_a_person_asked_for_waits_for_the_one_that_runs(
    engine: ControlledEngine,
) -> None:
    first, made = engine.running("heeds", overlap=Overlap.SKIP)
    working = engine.start()
    assert engine.entered.wait(20)
    asked = engine.app.manager.run_now(made.id, force=True).job_id
    assert engine.app.worker.work(Message((asked,), engine.clock.now())) == []
    assert engine.app.manager.job(asked).status is Status.QUEUED
    again = next(one for one in engine.messages() if asked in one.job_ids)
    engine.app.control.cancel(first)
    engine.later(BEAT)
    working.ended()
    engine.entered.clear()
    second = engine.start(again)
    assert engine.entered.wait(20)
    engine.app.control.cancel(asked)
    engine.later(BEAT)
    assert asked in [job.id for job in second.ended()]
