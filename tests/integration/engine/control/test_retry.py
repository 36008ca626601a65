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
from tests.integration.engine.control.setup import BEAT, Office, failed, office


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


def test_a_dead_letter_is_run_again_once_however_often_it_is_asked_for(desk: Office) -> None:
    job_id, _ = failed(desk)
    asked = desk.app.control.retry(job_id)
    assert (asked.id, asked.status, asked.manual) == (f"{job_id}-r1", Status.QUEUED, True)
    assert desk.app.control.retry(job_id).id == asked.id
    assert asked.id in [job.id for job in desk.work()]
    assert desk.app.control.retry(job_id).status is Status.FAILED  # -r1, as it ended
    desk.work()
    assert desk.calls.started.count(asked.id) == 1
    assert desk.app.control.retry(asked.id).id == f"{job_id}-r2"


def test_one_that_ran_again_and_was_counted_is_not_run_a_third_time(desk: Office) -> None:
    job_id, made = failed(desk)
    asked = desk.app.control.retry(job_id)
    desk.work()
    desk.app.manager.run_now(made.id, force=True)
    desk.work()
    found = desk.app.table.get(made.id)
    assert found is not None and found.progress.find(asked.id) is None
    assert desk.app.control.retry(job_id).status is Status.FAILED
    desk.work()
    assert desk.calls.started.count(asked.id) == 1


def test_to_ask_again_leaves_the_running_one_alone(desk: Office) -> None:
    job_id, _ = desk.running("heeds")
    desk.app.control.cancel(job_id)
    asked = desk.app.control.retry(job_id)
    working = desk.start(Message((asked.id,), desk.clock.now()))
    assert desk.entered.wait(20)
    again = desk.app.control.retry(job_id)
    assert (again.id, again.status, again.attempt) == (asked.id, Status.RUNNING, 1)
    desk.app.control.cancel(asked.id)
    desk.later(BEAT)
    assert [job.status for job in working.ended()] == [Status.CANCELLED]


def test_two_who_ask_at_once_get_one_run(desk: Office, azurite: Azurite) -> None:
    job_id, made = failed(desk)
    others = [office(azurite, desk.app.settings.prefix) for _ in range(3)]
    threads = [threading.Thread(target=one.app.control.retry, args=(job_id,)) for one in others]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    found = desk.app.table.get(made.id)
    assert found is not None
    assert [job.id for job in found.progress.live].count(f"{job_id}-r1") == 1


def test_a_run_that_a_person_asked_for_is_run_again(desk: Office) -> None:
    _, made = failed(desk)
    asked = desk.app.manager.run_now(made.id, force=True)
    desk.work()
    again = desk.app.control.retry(asked.job_id)
    assert again.id == f"{asked.job_id}r1"
    desk.work()
    assert again.id in desk.calls.started


def test_it_runs_though_its_schedule_is_off_and_with_the_present_parameters(desk: Office) -> None:
    job_id, made = desk.running("says")
    desk.app.control.cancel(job_id)

    def changed(one: Schedule) -> Schedule:
        other = replace(one.definition, task_parameters={"word": "two"}, enabled=False)
        return replace(one, definition=other)

    desk.app.manager.change(made.id, changed)
    desk.later(3600)
    again = desk.app.control.retry(job_id)
    desk.work()
    assert dict(desk.app.manager.job(again.id).result or {}) == {"word": "two"}


def test_a_missed_one_is_run_again(desk: Office) -> None:
    job_id, _ = desk.running("works", misfire_grace_seconds=5)
    desk.later(6)
    assert [(job.id, job.status) for job in desk.work()] == [(job_id, Status.MISSED)]
    again = desk.app.control.retry(job_id)
    assert again.id in [job.id for job in desk.work() if job.status is Status.SUCCEEDED]


def test_one_cancelled_ahead_of_its_time_is_run_again_at_once_and_survives_a_change(
    desk: Office,
) -> None:
    made = desk.add()
    found = desk.app.table.get(made.id)
    assert found is not None
    job_id = found.progress.live[0].id
    desk.app.control.cancel(job_id)
    again = desk.app.control.retry(job_id)
    assert again.due_at > desk.clock.now()
    desk.app.manager.enable(made.id, False)
    assert [(job.id, job.status) for job in desk.work()] == [(again.id, Status.SUCCEEDED)]


def test_what_succeeded_was_skipped_or_has_not_ended_is_not_run_again(desk: Office) -> None:
    job_id, _ = desk.running("heeds")
    working = desk.start()
    assert desk.entered.wait(20)
    with pytest.raises(Conflict, match="running"):
        desk.app.control.retry(job_id)
    desk.app.control.cancel(job_id)
    desk.later(BEAT)
    working.ended()
    other, made = desk.running("works")
    with pytest.raises(Conflict, match="queued"):
        desk.app.control.retry(other)
    desk.work()
    with pytest.raises(Conflict, match="succeeded"):
        desk.app.control.retry(other)
    desk.later(300)
    desk.tick()
    skipped = next(j for j in desk.app.table.jobs(made.id) if j.status is Status.SKIPPED)
    with pytest.raises(Conflict, match="policy"):
        desk.app.control.retry(skipped.id)


def test_a_run_that_a_person_asked_for_waits_for_the_one_that_runs(desk: Office) -> None:
    first, made = desk.running("heeds", overlap=Overlap.SKIP)
    working = desk.start()
    assert desk.entered.wait(20)
    asked = desk.app.manager.run_now(made.id, force=True).job_id
    assert desk.app.worker.work(Message((asked,), desk.clock.now())) == []
    assert desk.app.manager.job(asked).status is Status.QUEUED
    again = next(one for one in desk.messages() if asked in one.job_ids)
    desk.app.control.cancel(first)
    desk.later(BEAT)
    working.ended()
    desk.entered.clear()
    second = desk.start(again)
    assert desk.entered.wait(20)
    desk.app.control.cancel(asked)
    desk.later(BEAT)
    assert asked in [job.id for job in second.ended()]
