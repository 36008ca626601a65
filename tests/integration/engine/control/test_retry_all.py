"""All failed jobs of a schedule, run again."""

from __future__ import annotations

import pytest

from shared.engine.commands import jobs as control
from shared.engine.commands import schedules as manage
from shared.errors import Conflict, NotFound
from shared.schedules.job import Job, Status, retry_id
from tests.integration.engine.control.setup import Office, failed, seen_at_once


def runs(desk: Office) -> list[Job]:
    """Work off every message, and those that follow from them."""
    ended: list[Job] = []
    for _ in range(20):
        done = desk.work()
        ended += done
        if not done:
            return ended
    raise AssertionError("no end")


def test_all_failed_jobs_of_a_schedule_are_run_again_one_after_another(desk: Office) -> None:
    _, made = failed(desk)
    for _ in range(3):
        desk.later(60)
        desk.tick()
        desk.work()
    dead_letters = [job.id for job in desk.app.table.jobs(made.id) if job.status is Status.FAILED]
    assert len(dead_letters) == 4
    desk.app.control.retry(dead_letters[0])
    runs(desk)
    desk.app.manager.enable(made.id, False)
    asked = desk.app.control.retry_failed(made.id)
    alone = {retry_id(job_id) for job_id in dead_letters[1:]} | {f"{dead_letters[0]}-r2"}
    assert set(asked) == alone and asked == sorted(asked)
    assert desk.app.control.retry_failed(made.id) == []
    # overlap is skip by default: none of them is, they wait for each other
    assert {job.id: job.status for job in runs(desk)} == dict.fromkeys(asked, Status.FAILED)
    assert set(desk.app.control.retry_failed(made.id)) == {retry_id(job_id) for job_id in asked}


def test_the_next_retry_need_not_wait_for_a_lease(desk: Office) -> None:
    older, made = failed(desk)
    desk.later(60)
    desk.tick()
    (newer,) = desk.work()
    desk.app.manager.enable(made.id, False)
    desk.app.control.retry_failed(made.id)
    message = desk.messages()[-1]
    seen_now = seen_at_once(desk)
    assert [job.id for job in desk.app.worker.work(message)] == [retry_id(older)]
    assert seen_now == [retry_id(newer.id)]


def test_the_newest_are_run_again_first(desk: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "RETRIES_AT_ONCE", 1)
    older, made = failed(desk)
    desk.later(60)
    desk.tick()
    (newer,) = desk.work()
    assert desk.app.control.retry_failed(made.id) == [retry_id(newer.id)]
    assert desk.app.control.retry_failed(made.id) == [retry_id(older)]
    assert desk.app.control.retry_failed(made.id) == []


def test_no_more_are_run_again_than_a_schedule_may_have(
    desk: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manage, "LIVE_CAP", 12)
    older, made = failed(desk)
    desk.later(60)
    desk.tick()
    (newer,) = desk.work()
    desk.app.manager.enable(made.id, False)
    while len(desk.app.manager.get(made.id).progress.live) < 11:
        desk.app.manager.run_now(made.id, force=True)
    assert desk.app.control.retry_failed(made.id) == [retry_id(newer.id)]
    with pytest.raises(Conflict, match="unfinished"):
        desk.app.control.retry_failed(made.id)
    with pytest.raises(Conflict, match="unfinished"):
        desk.app.control.retry(older)


def test_a_schedule_without_failures_has_none_to_run_again(desk: Office) -> None:
    made = desk.add()
    assert desk.app.control.retry_failed(made.id) == []
    with pytest.raises(NotFound):
        desk.app.control.retry_failed("none")
