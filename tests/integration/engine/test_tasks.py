"""Tasks on real Azurite: coroutines, what a running one says, limits of jobs at once, draining."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from local.azurite import Azurite
from shared.recurrence import Frequency, Recurrence
from shared.schedules.job import Job, Status
from shared.schedules.model import Overlap
from shared.storage.queues.jobs import Message
from shared.tasks import JobContext, Params, Result, Task, task
from tests.integration.engine.conftest import (
    START,
    Engine,
    WakingClock,
    Working,
    make,
    tap,
)

BEAT = 5.0


def until(what: Callable[[], object]) -> None:
    """Wait for what another thread does."""
    deadline = time.monotonic() + 20
    while not what():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.005)


@dataclass
class Gauge:
    """How many jobs are in their task now, on all instances."""

    inside: list[str] = field(default_factory=list)
    started: list[str] = field(default_factory=list)
    release: threading.Event = field(default_factory=threading.Event)

    def enter(self, job: JobContext) -> None:
        """Stay in the task until `release`."""
        self.started.append(job.job_id)
        self.inside.append(job.job_id)
        self.release.wait(30)
        self.inside.remove(job.job_id)


def tasks(gauge: Gauge, step: threading.Event) -> list[Task]:
    @task("aworks")
    async def aworks(job: JobContext, params: Params) -> Result:
        """Succeeds after an await."""
        await asyncio.sleep(0)
        job.log("worked")
        return {"attempt": job.attempt}

    @task("afails")
    async def afails(job: JobContext, params: Params) -> Result:
        """Fails after an await."""
        await asyncio.sleep(0)
        raise OSError("the disk is on fire")

    @task("ahangs")
    async def ahangs(job: JobContext, params: Params) -> Result:
        """Awaits what never comes."""
        step.set()
        try:
            await asyncio.Event().wait()
        finally:
            step.set()
        return {}

    @task("tells")
    def tells(job: JobContext, params: Params) -> Result:
        """Says how far it is, then waits for the test."""
        job.log("half of it")
        job.progress(3, 6)
        step.set()
        gauge.release.wait(30)
        return {}

    @task("one", max_concurrent=1, timeout_seconds=3600)
    def one(job: JobContext, params: Params) -> Result:
        """One at a time."""
        gauge.enter(job)
        return {}

    @task("many", timeout_seconds=3600)
    def many(job: JobContext, params: Params) -> Result:
        """As many at a time as the settings allow."""
        gauge.enter(job)
        return {}

    @task("heeds", timeout_seconds=3600)
    def heeds(job: JobContext, params: Params) -> Result:
        """Works until it is told to stop, or until the test lets it end."""
        gauge.started.append(job.job_id)
        while not gauge.release.wait(0.005):
            job.check()
        return {"attempt": job.attempt}

    @task("aheeds", timeout_seconds=3600)
    async def aheeds(job: JobContext, params: Params) -> Result:
        """The same, with awaits."""
        gauge.started.append(job.job_id)
        while not gauge.release.is_set():
            await asyncio.sleep(0.005)
        return {"attempt": job.attempt}

    return [aworks, afails, ahangs, tells, one, many, heeds, aheeds]


class Fleet:
    """Apps on one storage, whose tasks share a gauge."""

    def __init__(self, azurite: Azurite) -> None:
        self.gauge = Gauge()
        self.step = threading.Event()
        self._azurite = azurite
        self._first: Engine | None = None

    def app(self, clock: WakingClock | None = None, **environ: str) -> Engine:
        """One more app."""
        prefix = self._first.app.settings.prefix if self._first is not None else None
        made = make(
            self._azurite,
            prefix,
            tasks=tasks(self.gauge, self.step),
            clock=clock or WakingClock(START + timedelta(seconds=1)),
            environ=environ,
        )
        tap(made)
        self._first = self._first or made
        return made


@pytest.fixture
def fleet(azurite: Azurite) -> Iterator[Fleet]:
    made = Fleet(azurite)
    yield made
    made.gauge.release.set()


@pytest.fixture
def engine(fleet: Fleet) -> Iterator[Engine]:
    made = fleet.app()
    yield made
    made.calls.hold.set()


def due(engine: Engine, task_type: str, **changes: object) -> str:
    """A job that is due, the only one of its schedule in this hour; its id."""
    soon = engine.clock.now() + timedelta(seconds=59)
    hourly = Recurrence(frequency=Frequency.INTERVAL, interval_seconds=3600, start_time=soon)
    made = engine.add(task_type, recurrence=hourly, **changes)
    found = engine.app.table.get(made.id)
    assert found is not None
    job = found.progress.live[0]
    engine.clock.set(max(engine.clock.now(), job.due_at))
    return job.id


def test_a_coroutine_succeeds(engine: Engine) -> None:
    job_id = due(engine, "aworks")
    (job,) = engine.work()
    assert (job.id, job.status, job.result) == (job_id, Status.SUCCEEDED, {"attempt": 1})
    assert "worked" in job.log


def test_a_coroutine_fails_and_is_tried_again(engine: Engine) -> None:
    job_id = due(engine, "afails", max_attempts=2)
    message = engine.messages()[0]
    assert engine.app.worker.work(message) == []
    assert engine.app.manager.job(job_id).status is Status.QUEUED
    engine.later(60)
    (job,) = engine.app.worker.work(message)
    assert (job.status, job.attempt, job.error) == (
        Status.FAILED,
        2,
        "OSError: the disk is on fire",
    )


def test_a_coroutine_that_hangs_is_cancelled_at_its_timeout(engine: Engine, fleet: Fleet) -> None:
    due(engine, "ahangs", timeout_seconds=30, max_attempts=1)
    working = engine.start()
    until(fleet.step.is_set)
    fleet.step.clear()
    engine.later(29)
    assert not fleet.step.is_set() and working.is_alive()
    engine.later(1)
    (job,) = working.ended()
    assert job.status is Status.FAILED and "timeout of 30 s" in (job.error or "")
    until(fleet.step.is_set)


def test_what_a_running_job_says_is_read_before_it_ends(engine: Engine, fleet: Fleet) -> None:
    job_id = due(engine, "tells")
    working = engine.start()
    until(fleet.step.is_set)
    engine.later(BEAT)
    until(lambda: engine.app.table.running(job_id))
    job = engine.app.manager.job(job_id)
    assert (job.status, job.done) == (Status.RUNNING, 0.5) and "half of it" in job.log
    fleet.gauge.release.set()
    (ended,) = working.ended()
    assert "half of it" in ended.log
    assert engine.app.table.running(job_id) is None


def test_a_short_job_leaves_no_extra_row(engine: Engine) -> None:
    job_id = due(engine, "works")
    engine.work()
    assert engine.app.table.running(job_id) is None


def rounds(apps: Sequence[Engine], gauge: Gauge, most: int) -> list[int]:
    """Work off all messages, those of a round at once and by turns; how many ran in each round.

    A round ends when each message is done with or in its task: then those in it may end.
    """
    seen: list[int] = []
    for _ in range(30):
        messages = [one for one in apps[0].messages() if one.job_ids]
        if not messages:
            return seen
        gauge.release.clear()
        working = [Working(apps[n % len(apps)], message) for n, message in enumerate(messages)]
        until(lambda: sum(one.is_alive() for one in working) == len(gauge.inside))  # noqa: B023
        assert len(gauge.inside) <= most
        seen.append(len(gauge.inside))
        gauge.release.set()
        for one in working:
            one.ended()
    raise AssertionError("no end")


def statuses(engine: Engine) -> set[tuple[str, Status]]:
    return {(job.id, job.status) for job in engine.app.table.jobs()}


def test_of_a_task_only_so_many_run_at_once_on_all_instances(fleet: Fleet) -> None:
    first = fleet.app()
    apps = [first, fleet.app(first.clock)]  # type: ignore[arg-type]
    jobs = [due(first, "one") for _ in range(5)]
    seen = rounds(apps, fleet.gauge, most=1)
    assert seen.count(1) == len(jobs)
    assert sorted(fleet.gauge.started) == sorted(jobs)
    assert statuses(first) == {(job, Status.SUCCEEDED) for job in jobs}


def test_of_a_project_only_so_many_run_at_once_on_all_instances(fleet: Fleet) -> None:
    first = fleet.app(JOBS_PER_PROJECT="2")
    apps = [first, fleet.app(first.clock, JOBS_PER_PROJECT="2")]  # type: ignore[arg-type]
    jobs = [due(first, "many", project_id=7) for _ in range(5)]
    assert max(rounds(apps, fleet.gauge, most=2)) == 2
    assert sorted(fleet.gauge.started) == sorted(jobs)
    assert statuses(first) == {(job, Status.SUCCEEDED) for job in jobs}


def test_a_projects_limit_is_not_anothers(fleet: Fleet) -> None:
    engine = fleet.app(JOBS_PER_PROJECT="1")
    for project in (1, 2, None, None):
        due(engine, "many", project_id=project)
    assert rounds([engine], fleet.gauge, most=4)[0] == 4


def test_without_a_limit_all_run_at_once(fleet: Fleet) -> None:
    engine = fleet.app()
    for _ in range(4):
        due(engine, "many", project_id=7)
    assert rounds([engine], fleet.gauge, most=4)[0] == 4


def test_a_killed_holders_place_comes_free_when_its_lease_ends(fleet: Fleet) -> None:
    killed = fleet.app()
    held, waits = due(killed, "one"), due(killed, "one")
    stuck = killed.start(Message((held,), killed.clock.now()))  # its clock stands: it never beats
    until(lambda: fleet.gauge.inside == [held])
    other = fleet.app(WakingClock(killed.clock.now()))
    message = Message((waits,), other.clock.now())
    other.later(59)
    assert other.app.worker.work(message) == []
    assert other.app.manager.job(waits).attempt == 0
    other.later(2)
    working = other.start(message)
    until(lambda: fleet.gauge.inside == [held, waits])
    fleet.gauge.release.set()
    assert [job.status for job in working.ended()] == [Status.SUCCEEDED]
    stuck.ended()


def test_a_failed_attempt_gives_its_place_back(azurite: Azurite) -> None:
    @task("onefails", max_concurrent=1)
    def onefails(job: JobContext, params: Params) -> Result:
        """Fails, one at a time."""
        raise OSError("boom")

    made = make(azurite, tasks=[onefails])
    tap(made)
    first, second = due(made, "onefails"), due(made, "onefails", max_attempts=1)
    assert made.app.worker.work(Message((first,), made.clock.now())) == []
    (job,) = made.app.worker.work(Message((second,), made.clock.now()))
    assert (job.id, job.status) == (second, Status.FAILED)
    assert made.app.manager.job(first).status is Status.QUEUED


def held(engine: Engine, job_id: str) -> Job:
    return engine.app.manager.job(job_id)


@pytest.mark.parametrize("task_type", ["heeds", "aheeds"])
def test_an_instance_that_goes_down_gives_a_job_back_and_another_runs_it(
    fleet: Fleet, task_type: str
) -> None:
    engine = fleet.app()
    job_id = due(engine, task_type, misfire_grace_seconds=5)
    working = engine.start()
    until(lambda: fleet.gauge.started == [job_id])
    engine.later(20)  # longer than its grace: it has begun, so it is not missed
    engine.messages()
    engine.app.worker.drain(timedelta(seconds=20))
    assert working.ended() == []
    back = held(engine, job_id)
    assert (back.status, back.attempt) == (Status.QUEUED, 0)
    (message,) = [one for one in engine.messages() if one.job_ids == (job_id,)]
    other = fleet.app(WakingClock(engine.clock.now()))
    fleet.gauge.release.set()
    (job,) = other.app.worker.work(message)
    assert (job.status, job.attempt, job.result) == (Status.SUCCEEDED, 1, {"attempt": 1})


def test_an_instance_that_goes_down_begins_nothing_more(fleet: Fleet) -> None:
    engine = fleet.app()
    job_id = due(engine, "works")
    (message,) = engine.messages()
    engine.app.worker.drain(timedelta())
    assert engine.app.worker.work(message) == []
    assert engine.calls.started == [] and held(engine, job_id).status is Status.QUEUED
    (again,) = engine.messages()
    assert again.job_ids == (job_id,)
    other = fleet.app(WakingClock(engine.clock.now()))
    assert [job.id for job in other.app.worker.work(again)] == [job_id]


def test_a_job_that_does_not_heed_is_taken_over_after_its_lease(fleet: Fleet) -> None:
    engine = fleet.app()
    job_id = due(engine, "waits")
    message = engine.messages()[-1]
    working = engine.start(message)
    assert engine.calls.entered.wait(20)
    engine.app.worker.drain(timedelta(seconds=0.1))
    assert working.is_alive() and held(engine, job_id).status is Status.RUNNING
    other = fleet.app(WakingClock(engine.clock.now()))
    other.calls.hold.set()
    other.later(59)
    assert other.app.worker.work(message) == []
    other.later(2)
    (job,) = other.app.worker.work(message)
    assert (job.status, job.attempt) == (Status.SUCCEEDED, 2)
    engine.calls.hold.set()
    working.ended()
    assert held(other, job_id).attempt == 2


def test_a_job_given_back_is_still_in_the_way_of_the_next(fleet: Fleet) -> None:
    engine = fleet.app()
    job_id = due(engine, "heeds", overlap=Overlap.SKIP)
    working = engine.start()
    until(lambda: fleet.gauge.started == [job_id])
    engine.app.worker.drain(timedelta(seconds=20))
    working.ended()
    other = fleet.app(WakingClock(engine.clock.now()))
    asked = other.app.manager.run_now(job_id.split("-")[0], force=True)
    assert other.app.worker.work(Message((asked.job_id,), other.clock.now())) == []
    assert other.app.manager.job(asked.job_id).status is Status.QUEUED
    assert fleet.gauge.started == [job_id]
