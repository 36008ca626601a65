"""All failed jobs of a schedule, run again."""

from __future__ import annotations

import pytest

from shared.engine.commands import jobs as control
from shared.engine.commands import schedules as manage
from shared.errors import Conflict, NotFound
from shared.schedules.job import Job, Status, retry_id
from tests.integration.engine.control.setup import ControlledEngine, failed, seen_at_once


def runs(engine: ControlledEngine) -> list[Job]:
    """Work off every message, and those that follow from them."""
    ended: list[Job] = []
    for _ in range(20):
        done = engine.work()
        ended += done
        if not done:
            return ended
    raise AssertionError("no end")


def test_all_failed_jobs_of_a_schedule_are_run_again_one_after_another(
    engine: ControlledEngine,
) -> None:
    _, made = failed(engine)
    for _ in range(3):
        engine.later(60)
        engine.tick()
        engine.work()
    dead_letters = [job.id for job in engine.app.table.jobs(made.id) if job.status is Status.FAILED]
    assert len(dead_letters) == 4
    engine.app.control.retry(dead_letters[0])
    runs(engine)
    engine.app.manager.enable(made.id, False)
    asked = engine.app.control.retry_failed(made.id)
    alone = {retry_id(job_id) for job_id in dead_letters[1:]} | {f"{dead_letters[0]}-r2"}
    assert set(asked) == alone and asked == sorted(asked)
    assert engine.app.control.retry_failed(made.id) == []
    # overlap is skip by default: none of them is, they wait for each other
    assert {job.id: job.status for job in runs(engine)} == dict.fromkeys(asked, Status.FAILED)
    assert set(engine.app.control.retry_failed(made.id)) == {retry_id(job_id) for job_id in asked}


def test_the_next_retry_need_not_wait_for_a_lease(engine: ControlledEngine) -> None:
    older, made = failed(engine)
    engine.later(60)
    engine.tick()
    (newer,) = engine.work()
    engine.app.manager.enable(made.id, False)
    engine.app.control.retry_failed(made.id)
    message = engine.messages()[-1]
    seen_now = seen_at_once(engine)
    assert [job.id for job in engine.app.worker.work(message)] == [retry_id(older)]
    assert seen_now == [retry_id(newer.id)]


def test_the_newest_are_run_again_first(
    engine: ControlledEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "RETRIES_AT_ONCE", 1)
    older, made = failed(engine)
    engine.later(60)
    engine.tick()
    (newer,) = engine.work()
    assert engine.app.control.retry_failed(made.id) == [retry_id(newer.id)]
    assert engine.app.control.retry_failed(made.id) == [retry_id(older)]
    assert engine.app.control.retry_failed(made.id) == []


def test_no_more_are_run_again_than_a_schedule_may_have(
    engine: ControlledEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manage, "LIVE_CAP", 12)
    older, made = failed(engine)
    engine.later(60)
    engine.tick()
    (newer,) = engine.work()
    engine.app.manager.enable(made.id, False)
    while len(engine.app.manager.get(made.id).progress.live) < 11:
        engine.app.manager.run_now(made.id, force=True)
    assert engine.app.control.retry_failed(made.id) == [retry_id(newer.id)]
    with pytest.raises(Conflict, match="unfinished"):
        engine.app.control.retry_failed(made.id)
    with pytest.raises(Conflict, match="unfinished"):
        engine.app.control.retry(older)


def test_a_schedule_without_failures_has_none_to_run_again(engine: ControlledEngine) -> None:
    made = engine.add()
    assert engine.app.control.retry_failed(made.id) == []
    with pytest.raises(NotFound):
        engine.app.control.retry_failed("none")
