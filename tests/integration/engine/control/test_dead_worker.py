"""What a worker that was killed leaves: its job is cancelled, or done by another."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from shared.schedules.job import Status
from shared.schedules.model import LiveJob
from shared.storage.queues.jobs import Message
from shared.storage.tables.changes import Change
from shared.storage.tables.schedules import Running
from tests.integration.engine.control.setup import Office


def dead(desk: Office, job_id: str) -> LiveJob:
    """As a worker leaves it that was killed in the middle: held, and with what it said."""
    schedule = desk.app.table.get(job_id.split("-")[0])
    assert schedule is not None
    job = schedule.progress.find(job_id)
    assert job is not None
    now = desk.clock.now()
    lease = now + timedelta(seconds=60)
    held = replace(job, attempt=1, started_at=now, worker="dead", lease_until=lease)
    after = replace(schedule, progress=schedule.progress.put(held))
    assert desk.app.table.commit([Change(schedule, after)]) == [True]
    desk.app.table.say(job_id, Running("half of it", 0.5))
    return held


def test_a_dead_workers_job_is_cancelled_when_its_lease_ends(desk: Office) -> None:
    job_id, _ = desk.running("works")
    dead(desk, job_id)
    assert desk.app.control.cancel(job_id, "enough").status is Status.RUNNING
    message = Message((job_id,), desk.clock.now())
    assert desk.app.worker.work(message) == []
    desk.later(61)
    (job,) = desk.app.worker.work(message)
    assert (job.status, job.reason, job.log) == (Status.CANCELLED, "enough", "half of it")
    assert desk.app.table.running(job_id) is None and desk.calls.started == []


def test_a_dead_workers_job_whose_lease_ended_is_cancelled_at_once(desk: Office) -> None:
    job_id, _ = desk.running("works")
    dead(desk, job_id)
    desk.later(61)
    job = desk.app.control.cancel(job_id)
    assert (job.status, job.log) == (Status.CANCELLED, "half of it")
    assert desk.app.table.running(job_id) is None


def test_what_a_dead_worker_said_goes_when_another_has_done_its_job(desk: Office) -> None:
    job_id, _ = desk.running("works")
    dead(desk, job_id)
    assert desk.app.manager.job(job_id).done == 0.5
    desk.later(61)
    (job,) = desk.app.worker.work(Message((job_id,), desk.clock.now()))
    assert (job.status, job.attempt) == (Status.SUCCEEDED, 2)
    assert desk.app.table.running(job_id) is None


def test_what_a_dead_worker_said_is_kept_when_no_attempt_is_left(desk: Office) -> None:
    job_id, _ = desk.running("works", max_attempts=1)
    dead(desk, job_id)
    desk.later(61)
    (job,) = desk.app.worker.work(Message((job_id,), desk.clock.now()))
    assert (job.status, job.log) == (Status.FAILED, "half of it")
    assert desk.app.table.running(job_id) is None
