"""What a worker that was killed leaves: its job is cancelled, or done by another."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from shared.schedules.job import Status
from shared.schedules.model import LiveJob
from shared.storage.queues.jobs import Message
from shared.storage.tables.changes import Change
from shared.storage.tables.schedules import Running
from tests.integration.engine.control.setup import ControlledEngine


def dead(engine: ControlledEngine, job_id: str) -> LiveJob:
    """As a worker leaves it that was killed in the middle: held, and with what it said."""
    schedule = engine.app.table.get(job_id.split("-")[0])
    assert schedule is not None
    job = schedule.progress.find(job_id)
    assert job is not None
    now = engine.clock.now()
    lease = now + timedelta(seconds=60)
    held = replace(job, attempt=1, started_at=now, worker="dead", lease_until=lease)
    after = replace(schedule, progress=schedule.progress.put(held))
    assert engine.app.table.commit([Change(schedule, after)]) == [True]
    engine.app.table.say(job_id, Running("half of it", 0.5))
    return held


def test_a_dead_workers_job_is_cancelled_when_its_lease_ends(engine: ControlledEngine) -> None:
    job_id, _ = engine.running("works")
    dead(engine, job_id)
    assert engine.app.control.cancel(job_id, "enough").status is Status.RUNNING
    message = Message((job_id,), engine.clock.now())
    assert engine.app.worker.work(message) == []
    engine.later(61)
    (job,) = engine.app.worker.work(message)
    assert (job.status, job.reason, job.log) == (Status.CANCELLED, "enough", "half of it")
    assert engine.app.table.running(job_id) is None and engine.calls.started == []


def test_a_dead_workers_job_whose_lease_ended_is_cancelled_at_once(
    engine: ControlledEngine,
) -> None:
    job_id, _ = engine.running("works")
    dead(engine, job_id)
    engine.later(61)
    job = engine.app.control.cancel(job_id)
    assert (job.status, job.log) == (Status.CANCELLED, "half of it")
    assert engine.app.table.running(job_id) is None


def test_what_a_dead_worker_said_goes_when_another_has_done_its_job(
    engine: ControlledEngine,
) -> None:
    job_id, _ = engine.running("works")
    dead(engine, job_id)
    assert engine.app.manager.job(job_id).done == 0.5
    engine.later(61)
    (job,) = engine.app.worker.work(Message((job_id,), engine.clock.now()))
    assert (job.status, job.attempt) == (Status.SUCCEEDED, 2)
    assert engine.app.table.running(job_id) is None


def test_what_a_dead_worker_said_is_kept_when_no_attempt_is_left(engine: ControlledEngine) -> None:
    job_id, _ = engine.running("works", max_attempts=1)
    dead(engine, job_id)
    engine.later(61)
    (job,) = engine.app.worker.work(Message((job_id,), engine.clock.now()))
    assert (job.status, job.log) == (Status.FAILED, "half of it")
    assert engine.app.table.running(job_id) is None
