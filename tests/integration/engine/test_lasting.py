"""Jobs that last hold up no others: neither their messages, nor places, nor short jobs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from local.azurite import Azurite
from shared.clock import SystemClock
from shared.engine.work import batch
from shared.engine.work import pool as crew
from shared.schedules.job import Job, Status
from shared.storage.queues.jobs import Message
from shared.tasks import JobContext, Params, Result, task
from tests.integration.engine.conftest import Engine, make, tap


@dataclass
class Inn:
    """Where jobs stay until they are let go."""

    inside: set[str] = field(default_factory=set)
    open: threading.Event = field(default_factory=threading.Event)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def stay(self, job: JobContext) -> None:
        with self.changed:
            self.inside.add(job.job_id)
            self.changed.notify_all()
        while not self.open.wait(0.02) and not job.stop.is_set():
            pass

    def wait_for(self, *job_ids: str) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: self.inside >= set(job_ids), 20), self.inside


@dataclass
class Host:
    """An app by the machine's clock, and its inn."""

    engine: Engine
    inn: Inn

    def ask(self, name: str, many: int = 1) -> list[str]:
        """Runs that were asked for, each of another schedule."""
        made = [self.engine.add(name, enabled=False) for _ in range(many)]
        return [self.engine.app.manager.run_now(one.id, force=True).job_id for one in made]

    def work(self, *job_ids: str) -> Call:
        """One call of the worker, as the host makes it, in a thread of its own."""
        message = Message(job_ids, self.engine.clock.now())
        return Call(lambda: self.engine.app.short_worker.work(message))


class Call(threading.Thread):
    """A call, and what it returned."""

    def __init__(self, work: Callable[[], list[Job]]) -> None:
        super().__init__(daemon=True)
        self._work = work
        self.ended: list[Job] = []
        self.start()

    def run(self) -> None:
        self.ended = self._work()

    def returned(self) -> list[str]:
        self.join(20)
        assert not self.is_alive(), "the message is still in hand"
        return [job.id for job in self.ended]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who looks once in a second looks once in a tenth of one."""
    monkeypatch.setattr(crew, "_GLANCE", timedelta(seconds=0.1))
    monkeypatch.setattr(batch, "_SECOND", timedelta(seconds=0.1))


@pytest.fixture
def host(azurite: Azurite, request: pytest.FixtureRequest) -> Host:
    inn = Inn()

    @task("stays")
    def stays(job: JobContext, params: Params) -> Result:
        """Lasts until it is let go."""
        inn.stay(job)
        return {}

    environ: dict[str, str] = getattr(request, "param", {})
    engine = make(azurite, tasks=[stays], clock=SystemClock(), environ=environ)  # type: ignore[arg-type]
    tap(engine)
    request.addfinalizer(inn.open.set)
    return Host(engine, inn)


def test_of_messages_whose_jobs_last_only_the_youngest_stays_in_hand(host: Host) -> None:
    jobs = host.ask("stays", 6)
    calls = []
    for job_id in jobs:
        calls.append(host.work(job_id))
        host.inn.wait_for(job_id)
    for call in calls[:-1]:
        assert call.returned() == []
    assert calls[-1].is_alive()
    host.inn.open.set()
    assert sorted(calls[-1].returned()) == sorted(jobs)
    ended = [host.engine.app.manager.job(job_id) for job_id in jobs]
    assert {job.status for job in ended} == {Status.SUCCEEDED}
    assert [job.attempt for job in ended] == [1] * 6


def test_a_message_whose_jobs_are_short_does_not_take_over(host: Host) -> None:
    (lasting,) = host.ask("stays")
    call = host.work(lasting)
    host.inn.wait_for(lasting)
    for job_id in host.ask("works", 3):
        assert host.work(job_id).returned() == [job_id]
    assert call.is_alive()
    host.inn.open.set()
    assert call.returned() == [lasting]


def test_what_was_taken_over_is_still_cancelled_and_kept_under_lease(host: Host) -> None:
    first, second = host.ask("stays", 2)
    elder = host.work(first)
    host.inn.wait_for(first)
    younger = host.work(second)
    assert elder.returned() == []
    host.engine.app.control.cancel(first)
    host.inn.wait_for(second)
    host.inn.open.set()
    assert set(younger.returned()) == {first, second}


@pytest.mark.parametrize("host", [{"JOBS_PER_INSTANCE": "2"}], indirect=True)
def test_short_jobs_that_turn_out_to_last_give_their_places_back(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crew, "LASTING", timedelta(seconds=0.2))
    jobs = host.ask("stays", 2)
    calls = [host.work(job_id) for job_id in jobs]
    host.inn.wait_for(*jobs)
    (short,) = host.ask("works")
    assert host.work(short).returned() == [short]
    host.inn.open.set()
    for call in calls:
        call.join(20)
    assert {host.engine.app.manager.job(one).status for one in jobs} == {Status.SUCCEEDED}
    assert host.engine.app.short_worker._pool._free == 2


@pytest.mark.parametrize(
    "host", [{"JOBS_PER_INSTANCE": "2", "LONG_JOBS_PER_INSTANCE": "1"}], indirect=True
)
def test_no_more_of_them_than_there_may_be_long_ones(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crew, "LASTING", timedelta(seconds=0.1))
    jobs = host.ask("stays", 4)
    calls = [host.work(job_id) for job_id in jobs]
    with host.inn.changed:
        assert host.inn.changed.wait_for(lambda: len(host.inn.inside) == 3, 20)
    assert host.engine.app.short_worker._pool.places(1, patience=0.5) == 0
    host.inn.open.set()
    for call in calls:
        call.join(20)
    assert host.inn.inside == set(jobs)


def test_a_call_ends_when_more_jobs_of_one_message_wait_than_there_are_places(
    azurite: Azurite,
) -> None:
    engine = make(azurite, environ={"JOBS_PER_INSTANCE": "3"})
    jobs = [
        engine.app.manager.run_now(engine.add(enabled=False).id, force=True).job_id
        for _ in range(10)
    ]
    calls = [
        Call(lambda some=some: engine.app.short_worker.work(Message(some, engine.clock.now())))  # type: ignore[misc]
        for some in (tuple(jobs[:5]), tuple(jobs[5:]))
    ]
    assert sorted(one for call in calls for one in call.returned()) == sorted(jobs)
