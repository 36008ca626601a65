"""A job whose attempt gets no thread is not lost, and one that is told to stop does not begin."""

from __future__ import annotations

import logging
import threading
from datetime import timedelta
from types import SimpleNamespace

import pytest

from shared.engine.work.attempt import Attempt, Stop
from shared.engine.work.judge import Again, outcome
from shared.engine.work.metering import Metering
from shared.log import JobLog
from shared.schedules.job import Status
from tests.integration.engine.conftest import Engine


def test_a_job_that_gets_no_thread_is_tried_again(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = threading.Thread.start

    def scarce(thread: threading.Thread) -> None:
        if thread.name == "attempt":
            raise RuntimeError("can't start new thread")
        start(thread)

    made = engine.add(max_attempts=2, retry_delay_seconds=10)
    asked = engine.app.manager.run_now(made.id, force=True)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", scarce)
        assert engine.work() == []
    job = engine.app.manager.job(asked.job_id)
    assert (job.status, job.attempt) == (Status.QUEUED, 1)
    assert job.error == "this instance: it can start no more threads"
    engine.later(30)
    (done,) = engine.work()
    assert (done.id, done.status, done.attempt) == (asked.job_id, Status.SUCCEEDED, 2)


def test_what_is_told_to_stop_before_it_began_does_not_begin(engine: Engine) -> None:
    made = engine.add()
    engine.app.manager.run_now(made.id, force=True)
    schedule = engine.app.table.get(made.id)
    assert schedule is not None
    live = schedule.progress.live[0]
    ended: list[str] = []
    log = JobLog(logging.getLogger("belfry.worker"), {}, str)
    now = engine.clock.now()
    keeper = SimpleNamespace(told=lambda: ended.append("1"))
    attempt = Attempt(
        lambda _: {"ran": True}, schedule, live, log, now, keeper, Metering(engine.clock, 2)
    )
    attempt.ask(Stop.DRAIN)
    attempt.run()
    assert attempt.done and attempt.result is None and ended == ["1"]
    became = outcome(attempt, now)
    assert isinstance(became, Again) and became.given_back and became.delay == timedelta()
