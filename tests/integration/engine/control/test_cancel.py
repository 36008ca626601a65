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
from tests.integration.engine.control.setup import BEAT, ControlledEngine, controlled, seen_at_once


def test_a_queued_job_is_cancelled_at_once_and_never_starts(engine: ControlledEngine) -> None:
    job_id, made = engine.running("works")
    job = engine.app.control.cancel(job_id, "not today")
    assert (job.status, job.reason, job.attempt) == (Status.CANCELLED, "not today", 0)
    assert engine.app.manager.job(job_id) == job
    assert engine.work() == [] and engine.calls.started == []
    progress = engine.app.manager.get(made.id).progress
    assert (progress.cancelled_count, progress.run_count, progress.live) == (1, 0, ())


def test_a_job_handed_out_ahead_of_its_time_is_cancelled(engine: ControlledEngine) -> None:
    made = engine.add()
    found = engine.app.table.get(made.id)
    assert found is not None and found.progress.live[0].due_at > engine.clock.now()
    job_id = found.progress.live[0].id
    assert engine.app.control.cancel(job_id).status is Status.CANCELLED
    engine.later(60)
    engine.work()
    assert job_id not in engine.calls.started
    assert [job.status for job in engine.app.table.jobs(made.id) if job.id == job_id] == [
        Status.CANCELLED
    ]


def test_a_job_that_waits_for_its_next_attempt_is_cancelled_at_once(
    engine: ControlledEngine,
) -> None:
    job_id, _ = engine.running("fails")
    assert engine.work() == []
    job = engine.app.control.cancel(job_id)
    assert (job.status, job.attempt) == (Status.CANCELLED, 1)
    assert "disk is on fire" in (job.error or "")
    engine.later(120)
    assert job_id not in [one.id for one in engine.work()]
    assert engine.calls.started.count(job_id) == 1


@pytest.mark.parametrize("task_type", ["heeds", "awaits"])
def test_a_running_job_is_told_within_a_beat(engine: ControlledEngine, task_type: str) -> None:
    job_id, made = engine.running(task_type)
    working = engine.start()
    assert engine.entered.wait(20)
    asked = engine.app.control.cancel(job_id, "wrong month")
    assert asked.status is Status.RUNNING and asked.cancel_requested
    assert engine.app.manager.job(job_id).cancel_requested
    assert working.is_alive()
    engine.later(BEAT)
    (job,) = working.ended()
    assert (job.status, job.reason) == (Status.CANCELLED, "wrong month")
    assert not job.cancel_requested and job.attempt == 1
    assert engine.left.is_set() == (task_type == "awaits")
    progress = engine.app.manager.get(made.id).progress
    assert (progress.cancelled_count, progress.failure_count) == (1, 0)


def test_a_task_that_ignores_it_succeeds(engine: ControlledEngine) -> None:
    job_id, _ = engine.running("waits")
    working = engine.start()
    assert engine.calls.entered.wait(20)
    assert engine.app.control.cancel(job_id).cancel_requested
    engine.later(BEAT)
    working.join(0.3)
    assert working.is_alive()
    engine.calls.hold.set()
    assert [job.status for job in working.ended()] == [Status.SUCCEEDED]
    assert engine.app.manager.job(job_id).reason is None


def test_cancelled_twice_the_first_reason_stays(engine: ControlledEngine) -> None:
    job_id, _ = engine.running("heeds")
    working = engine.start()
    assert engine.entered.wait(20)
    first = engine.app.control.cancel(job_id, "first")
    assert engine.app.control.cancel(job_id, "second") == first
    engine.later(BEAT)
    assert [job.reason for job in working.ended()] == ["first"]
    assert engine.app.control.cancel(job_id, "third").reason == "first"


def test_what_ended_otherwise_cannot_be_cancelled(engine: ControlledEngine) -> None:
    job_id, _ = engine.running("works")
    engine.work()
    with pytest.raises(Conflict, match="succeeded"):
        engine.app.control.cancel(job_id)
    assert engine.app.manager.job(job_id).status is Status.SUCCEEDED


def test_what_is_not_there_cannot_be_cancelled(engine: ControlledEngine) -> None:
    made = engine.add()
    for job_id in ("nonsense", "none-20260301T120000Z", f"{made.id}-20200101T000000Z"):
        with pytest.raises(NotFound):
            engine.app.control.cancel(job_id)


def test_a_job_of_another_instance_is_cancelled_there(
    engine: ControlledEngine, azurite: Azurite
) -> None:
    job_id, _ = engine.running("heeds")
    working = engine.start()
    assert engine.entered.wait(20)
    other = controlled(azurite, engine.app.settings.prefix)
    other.app.control.cancel(job_id)
    engine.later(BEAT)
    assert [job.status for job in working.ended()] == [Status.CANCELLED]


def test_a_job_of_a_deleted_schedule_that_still_runs_is_cancelled(engine: ControlledEngine) -> None:
    job_id, made = engine.running("heeds")
    working = engine.start()
    assert engine.entered.wait(20)
    engine.app.manager.delete(made.id)
    assert engine.app.control.cancel(job_id).cancel_requested
    engine.later(BEAT)
    assert [job.status for job in working.ended()] == [Status.CANCELLED]
    with pytest.raises(Conflict, match="deleted"):
        engine.app.control.retry(job_id)


def test_a_cancel_that_the_worker_overtakes_ends_the_job_without_its_delay(
    engine: ControlledEngine,
) -> None:
    """The task fails before its worker's next beat: the cancel is seen when it goes back."""
    job_id, _ = engine.running("fails")
    job = engine.app.table.get(job_id.split("-")[0])
    assert job is not None
    commit = engine.app.table.commit

    def cancelled_first(changes: list[Change]) -> list[bool]:
        won = commit(changes)
        live = changes[0].after.progress.find(job_id) if changes else None
        if live is not None and live.running and live.cancel is None:
            engine.app.control.cancel(job_id, "enough")
        return won

    engine.app.table.commit = cancelled_first  # type: ignore[method-assign, assignment]
    seen = seen_at_once(engine)
    engine.work()
    assert seen == [job_id]
    engine.app.table.commit = commit  # type: ignore[method-assign]
    done = [one for one in engine.work() if one.id == job_id]
    assert [(one.status, one.reason) for one in done] == [(Status.CANCELLED, "enough")]
    assert engine.calls.started.count(job_id) == 1


def test_a_row_holds_as_many_jobs_as_it_may_whatever_they_say(engine: ControlledEngine) -> None:
    made = engine.add(recurrence=Recurrence(frequency=Frequency.DAILY))
    found = engine.app.table.get(made.id)
    assert found is not None
    now = engine.clock.now()
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
    assert engine.app.table.commit([Change(found, after)]) == [True]
    kept = engine.app.table.get(made.id)
    assert kept is not None and len(kept.progress.live) == LIVE_CAP
    assert all(job.cancel is not None for job in kept.progress.live)


def test_the_one_that_waits_starts_when_the_running_one_is_cancelled(
    engine: ControlledEngine,
) -> None:
    first, made = engine.running("heeds", overlap=Overlap.BUFFER_ONE)
    working = engine.start()
    assert engine.entered.wait(20)
    engine.later(4)
    asked = engine.app.manager.run_now(made.id, force=True)
    assert engine.app.worker.work(Message((asked.job_id,), engine.clock.now())) == []
    engine.messages()
    engine.entered.clear()
    engine.app.control.cancel(first)
    engine.later(1)
    assert [job.id for job in working.ended()] == [first]
    nudge = next(one for one in engine.messages() if asked.job_id in one.job_ids)
    second = engine.start(nudge)
    assert engine.entered.wait(20)
    engine.app.control.cancel(asked.job_id)
    engine.later(BEAT)
    assert asked.job_id in [job.id for job in second.ended()]


def test_the_one_that_waits_starts_when_a_failed_one_is_cancelled(engine: ControlledEngine) -> None:
    first, made = engine.running("fails", overlap=Overlap.BUFFER_ALL)
    engine.work()
    asked = engine.app.manager.run_now(made.id, force=True)
    engine.work()
    assert asked.job_id not in engine.calls.started
    engine.messages()
    engine.app.control.cancel(first)
    engine.work()
    assert asked.job_id in engine.calls.started
