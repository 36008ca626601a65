"""Jobs that a person cancels or runs again, on real Azurite."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from local.azurite import Azurite
from shared.api import jobs, schedules
from shared.api.app import api
from shared.engine import control, manage
from shared.errors import Conflict, NotFound
from shared.recurrence import Frequency, Recurrence
from shared.schedules.job import Job, Status, retry_id, retry_of
from shared.schedules.model import LiveJob, Overlap, Schedule
from shared.schedules.plan import LIVE_CAP
from shared.settings import Secret, StorageAccount
from shared.storage.queue import Message
from shared.storage.schedules import Change, Running, ScheduleTable
from shared.storage.wire import from_account
from shared.tasks import JobContext, Params, Result, Task, task
from tests.integration.engine.conftest import START, Bench, WakingClock, make, tap

BEAT = 5.0
"""Seconds within which a worker learns that a job is to stop."""


class Said(Params):
    """What `says` returns."""

    word: str = "one"


def tasks(entered: threading.Event, left: threading.Event) -> list[Task]:
    @task("heeds", timeout_seconds=3600)
    def heeds(job: JobContext, params: Params) -> Result:
        """Works until it is told to stop."""
        job.log("at it")
        entered.set()
        while True:
            job.stop.wait(20)
            job.check()

    @task("awaits", timeout_seconds=3600)
    async def awaits(job: JobContext, params: Params) -> Result:
        """Awaits what never comes."""
        entered.set()
        try:
            await asyncio.Event().wait()
        finally:
            left.set()
        return {}

    @task("says", params=Said)
    def says(job: JobContext, params: Said) -> Result:
        """Returns its parameter."""
        return {"word": params.word}

    return [heeds, awaits, says]


class Office(Bench):
    """A bench whose workers beat by the test's clock."""

    entered: threading.Event
    left: threading.Event

    def running(self, task_type: str, **changes: object) -> tuple[str, Schedule]:
        """A schedule with a job that is due; its id."""
        made = self.add(task_type, **changes)
        self.later(60)
        found = self.app.table.get(made.id)
        assert found is not None
        return found.progress.live[0].id, made


def office(azurite: Azurite, prefix: str | None = None, clock: WakingClock | None = None) -> Office:
    entered, left = threading.Event(), threading.Event()
    clock = clock or WakingClock(START + timedelta(seconds=1))
    made = make(azurite, prefix, tasks=tasks(entered, left), clock=clock)
    tap(made)
    one = Office(made.app, made.clock, made.calls)
    one.entered, one.left = entered, left
    return one


@pytest.fixture
def desk(azurite: Azurite) -> Iterator[Office]:
    made = office(azurite)
    yield made
    made.calls.hold.set()


def seen_at_once(desk: Office) -> list[str]:
    """The jobs of the messages sent from now on that are seen without delay."""
    seen: list[str] = []
    send: Any = desk.app.queue.send

    def noted(message: Message, visible_at: datetime, *rest: Any) -> None:
        if visible_at <= desk.clock.now():
            seen.extend(message.job_ids)
        send(message, visible_at, *rest)

    desk.app.queue.send = noted  # type: ignore[method-assign, assignment]
    return seen


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


def failed(desk: Office, **changes: object) -> tuple[str, Schedule]:
    job_id, made = desk.running("fails", max_attempts=1, **changes)
    desk.work()
    assert desk.app.manager.job(job_id).status is Status.FAILED
    return job_id, made


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


class Client:
    """The API in this process: for jobs as no built-in task makes them."""

    def __call__(self, method: str, path: str, body: object = None) -> httpx.Response:
        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(app=api())
            async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
                return await client.request(method, f"/api/v1{path}", json=body)

        return asyncio.run(send())


@pytest.fixture
def client(desk: Office, monkeypatch: pytest.MonkeyPatch) -> Client:
    for resource in (jobs, schedules):
        monkeypatch.setattr(resource, "app", lambda: desk.app)
    return Client()


def test_the_api_shows_a_running_job_and_stops_it(desk: Office, client: Client) -> None:
    job_id, _ = desk.running("heeds")
    working = desk.start()
    assert desk.entered.wait(20)
    desk.app.table.say(job_id, Running("at it", 0.25))
    shown = client("GET", f"/jobs/{job_id}").json()
    assert (shown["status"], shown["log"], shown["done"]) == ("running", "at it", 0.25)
    answer = client("POST", f"/jobs/{job_id}/cancel", body={"reason": "enough"})
    assert answer.status_code == 202
    assert (answer.json()["status"], answer.json()["cancel_requested"]) == ("running", True)
    desk.later(BEAT)
    working.ended()
    shown = client("GET", f"/jobs/{job_id}").json()
    assert (shown["status"], shown["cancel_requested"], shown["done"]) == ("cancelled", False, None)
    assert shown["reason"] == "enough" and "at it" in shown["log"]


def test_the_api_runs_dead_letters_again(desk: Office, client: Client) -> None:
    job_id, made = failed(desk)
    all_of_it = client("POST", f"/schedules/{made.id}/retry")
    assert all_of_it.json() == {"schedule_id": made.id, "job_ids": [f"{job_id}-r1"]}
    one = client("POST", f"/jobs/{job_id}/retry")
    assert one.status_code == 202
    assert (one.json()["id"], one.json()["retry_of"]) == (f"{job_id}-r1", job_id)
    desk.work()
    assert desk.calls.started.count(f"{job_id}-r1") == 1


def test_the_api_says_why_a_schedule_pauses_until_it_is_enabled(
    desk: Office, client: Client
) -> None:
    _, made = failed(desk, pause_after_failures=1)
    path = f"/schedules/{made.id}"
    shown = client("GET", path).json()
    assert (shown["is_active"], shown["failures_in_row"]) == (False, 1)
    assert "disk is on fire" in shown["paused_reason"]
    assert shown["inactive_reason"] == f"paused: {shown['paused_reason']}"
    renamed = client("PATCH", path, body={"name": "other"}).json()
    assert renamed["paused_reason"] == shown["paused_reason"]
    on = client("PATCH", path, body={"enabled": True}).json()
    assert (on["is_active"], on["paused_reason"], on["failures_in_row"]) == (True, None, 0)


def test_the_api_says_when_max_runs_is_reached(desk: Office, client: Client) -> None:
    made = desk.add(max_runs=1)
    shown = client("GET", f"/schedules/{made.id}").json()
    assert (shown["is_active"], shown["handed_out"]) == (True, 1)
    desk.later(60)
    shown = client("GET", f"/schedules/{made.id}").json()
    assert (shown["is_active"], shown["next_run_at"]) == (False, None)
    assert shown["inactive_reason"] == "max_runs (1) reached"
    more = client("PATCH", f"/schedules/{made.id}", body={"max_runs": None}).json()
    assert more["is_active"] and more["inactive_reason"] is None


def test_storage_that_is_away_is_a_503_that_says_when_to_come_back(
    desk: Office, client: Client
) -> None:
    wire = from_account(
        StorageAccount(
            connection_string=Secret(
                "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=YQ==;"
                "TableEndpoint=http://127.0.0.1:9/a;"
            )
        ),
        "t",
    )
    desk.app.manager._table = ScheduleTable(wire, 1)
    answer = client("GET", "/jobs/a-20260301T120000Z")
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert int(answer.headers["retry-after"]) > 0
    assert "table storage" in answer.json()["detail"]
