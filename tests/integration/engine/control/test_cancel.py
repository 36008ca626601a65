"""Jobs that a person cancels, on real Azurite."""

from __future__ import annotations

from dataclasses import replace

import pytest

from local.azurite import Azurite
from shared.errors import Conflict, NotFound
from shared.recurrence import Frequency, Recurrence
from shared.schedules.job import Status
from shared.schedules.model import LiveJob, Overlap
from shared.schedules.plan import LIVE_CAP
from shared.storage.queues.jobs import Message
from shared.storage.tables.changes import Change
from tests.integration.engine.control.setup import BEAT, Office, office, seen_at_once


def test_a_queued_job_is_cancelled_at_once_and_never_starts(desk: Office) -> None:
    job_id, made = desk.running("works")
    job = desk.app.control.cancel(job_id, "not today")
    assert (job.status, job.reason, job.attempt) == (Status.CANCELLED, "not today", 0)
    assert desk.app.manager.job(job_id) == job
    assert desk.work() == [] and desk.calls.started == []
    progress = desk.app.manager.get(made.id).progress
    assert (progress.cancelled_count, progress.run_count, progress.live) == (1, 0, ())


def test_a_job_handed_out_ahead_of_its_time_is_cancelled(desk: Office) -> None:
    made = desk.add()
    found = desk.app.table.get(made.id)
    assert found is not None and found.progress.live[0].due_at > desk.clock.now()
    job_id = found.progress.live[0].id
    assert desk.app.control.cancel(job_id).status is Status.CANCELLED
    desk.later(60)
    desk.work()
    assert job_id not in desk.calls.started
    assert [job.status for job in desk.app.table.jobs(made.id) if job.id == job_id] == [
        Status.CANCELLED
    ]


def test_a_job_that_waits_for_its_next_attempt_is_cancelled_at_once(desk: Office) -> None:
    job_id, _ = desk.running("fails")
    assert desk.work() == []
    job = desk.app.control.cancel(job_id)
    assert (job.status, job.attempt) == (Status.CANCELLED, 1)
    assert "disk is on fire" in (job.error or "")
    desk.later(120)
    assert job_id not in [one.id for one in desk.work()]
    assert desk.calls.started.count(job_id) == 1


@pytest.mark.parametrize("task_type", ["heeds", "awaits"])
def test_a_running_job_is_told_within_a_beat(desk: Office, task_type: str) -> None:
    job_id, made = desk.running(task_type)
    working = desk.start()
    assert desk.entered.wait(20)
    asked = desk.app.control.cancel(job_id, "wrong month")
    assert asked.status is Status.RUNNING and asked.cancel_requested
    assert desk.app.manager.job(job_id).cancel_requested
    assert working.is_alive()
    desk.later(BEAT)
    (job,) = working.ended()
    assert (job.status, job.reason) == (Status.CANCELLED, "wrong month")
    assert not job.cancel_requested and job.attempt == 1
    assert desk.left.is_set() == (task_type == "awaits")
    progress = desk.app.manager.get(made.id).progress
    assert (progress.cancelled_count, progress.failure_count) == (1, 0)


def test_a_task_that_ignores_it_succeeds(desk: Office) -> None:
    job_id, _ = desk.running("waits")
    working = desk.start()
    assert desk.calls.entered.wait(20)
    assert desk.app.control.cancel(job_id).cancel_requested
    desk.later(BEAT)
    working.join(0.3)
    assert working.is_alive()
    desk.calls.hold.set()
    assert [job.status for job in working.ended()] == [Status.SUCCEEDED]
    assert desk.app.manager.job(job_id).reason is None


def test_cancelled_twice_the_first_reason_stays(desk: Office) -> None:
    job_id, _ = desk.running("heeds")
    working = desk.start()
    assert desk.entered.wait(20)
    first = desk.app.control.cancel(job_id, "first")
    assert desk.app.control.cancel(job_id, "second") == first
    desk.later(BEAT)
    assert [job.reason for job in working.ended()] == ["first"]
    assert desk.app.control.cancel(job_id, "third").reason == "first"


def test_what_ended_otherwise_cannot_be_cancelled(desk: Office) -> None:
    job_id, _ = desk.running("works")
    desk.work()
    with pytest.raises(Conflict, match="succeeded"):
        desk.app.control.cancel(job_id)
    assert desk.app.manager.job(job_id).status is Status.SUCCEEDED


def test_what_is_not_there_cannot_be_cancelled(desk: Office) -> None:
    made = desk.add()
    for job_id in ("nonsense", "none-20260301T120000Z", f"{made.id}-20200101T000000Z"):
        with pytest.raises(NotFound):
            desk.app.control.cancel(job_id)


def test_a_job_of_another_instance_is_cancelled_there(desk: Office, azurite: Azurite) -> None:
    job_id, _ = desk.running("heeds")
    working = desk.start()
    assert desk.entered.wait(20)
    other = office(azurite, desk.app.settings.prefix)
    other.app.control.cancel(job_id)
    desk.later(BEAT)
    assert [job.status for job in working.ended()] == [Status.CANCELLED]


def test_a_job_of_a_deleted_schedule_that_still_runs_is_cancelled(desk: Office) -> None:
    job_id, made = desk.running("heeds")
    working = desk.start()
    assert desk.entered.wait(20)
    desk.app.manager.delete(made.id)
    assert desk.app.control.cancel(job_id).cancel_requested
    desk.later(BEAT)
    assert [job.status for job in working.ended()] == [Status.CANCELLED]
    with pytest.raises(Conflict, match="deleted"):
        desk.app.control.retry(job_id)


def test_a_cancel_that_the_worker_overtakes_ends_the_job_without_its_delay(desk: Office) -> None:
    """The task fails before its worker's next beat: the cancel is seen when it goes back."""
    job_id, _ = desk.running("fails")
    job = desk.app.table.get(job_id.split("-")[0])
    assert job is not None
    commit = desk.app.table.commit

    def cancelled_first(changes: list[Change]) -> list[bool]:
        won = commit(changes)
        live = changes[0].after.progress.find(job_id) if changes else None
        if live is not None and live.running and live.cancel is None:
            desk.app.control.cancel(job_id, "enough")
        return won

    desk.app.table.commit = cancelled_first  # type: ignore[method-assign, assignment]
    seen = seen_at_once(desk)
    desk.work()
    assert seen == [job_id]
    desk.app.table.commit = commit  # type: ignore[method-assign]
    done = [one for one in desk.work() if one.id == job_id]
    assert [(one.status, one.reason) for one in done] == [(Status.CANCELLED, "enough")]
    assert desk.calls.started.count(job_id) == 1


def test_a_row_holds_as_many_jobs_as_it_may_whatever_they_say(desk: Office) -> None:
    made = desk.add(recurrence=Recurrence(frequency=Frequency.DAILY))
    found = desk.app.table.get(made.id)
    assert found is not None
    now = desk.clock.now()
    jobs = tuple(
        LiveJob(
            id=f"{made.id}-20260301T120000Z-k3f9k3f9{number:03d}",
            due_at=now,
            available_at=now,
            attempt=1,
            started_at=now,
            worker="0123456789abcdef",
            lease_until=now,
            error="\u00e9" * 4000,
            cancel="\u00e9" * 200,
        )
        for number in range(LIVE_CAP)
    )
    after = replace(found, progress=replace(found.progress, live=jobs))
    assert desk.app.table.commit([Change(found, after)]) == [True]
    kept = desk.app.table.get(made.id)
    assert kept is not None and len(kept.progress.live) == LIVE_CAP
    assert all(job.cancel is not None for job in kept.progress.live)


def test_the_one_that_waits_starts_when_the_running_one_is_cancelled(desk: Office) -> None:
    first, made = desk.running("heeds", overlap=Overlap.BUFFER_ONE)
    working = desk.start()
    assert desk.entered.wait(20)
    desk.later(4)
    asked = desk.app.manager.run_now(made.id, force=True)
    assert desk.app.worker.work(Message((asked.job_id,), desk.clock.now())) == []
    desk.messages()
    desk.entered.clear()
    desk.app.control.cancel(first)
    desk.later(1)
    assert [job.id for job in working.ended()] == [first]
    nudge = next(one for one in desk.messages() if asked.job_id in one.job_ids)
    second = desk.start(nudge)
    assert desk.entered.wait(20)
    desk.app.control.cancel(asked.job_id)
    desk.later(BEAT)
    assert asked.job_id in [job.id for job in second.ended()]


def test_the_one_that_waits_starts_when_a_failed_one_is_cancelled(desk: Office) -> None:
    first, made = desk.running("fails", overlap=Overlap.BUFFER_ALL)
    desk.work()
    asked = desk.app.manager.run_now(made.id, force=True)
    desk.work()
    assert asked.job_id not in desk.calls.started
    desk.messages()
    desk.app.control.cancel(first)
    desk.work()
    assert asked.job_id in desk.calls.started
