"""Jobs that last hold up no others: neither their messages, nor places, nor short jobs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from local.azurite import Azurite
from shared.clock import SystemClock
from shared.engine.work import pool as crew
from shared.schedules.job import Job, Status
from shared.storage.queues.jobs import Message
from shared.tasks import JobContext, Params, Result, task
from tests.integration.engine.conftest import Bench, make, tap


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
class House:
    """An app by the machine's clock, and its inn."""

    bench: Bench
    inn: Inn

    def ask(self, name: str, many: int = 1) -> list[str]:
        """Runs that were asked for, each of another schedule."""
        made = [self.bench.add(name, enabled=False) for _ in range(many)]
        return [self.bench.app.manager.run_now(one.id, force=True).job_id for one in made]

    def work(self, *job_ids: str) -> Call:
        """One call of the worker, as the host makes it, in a thread of its own."""
        message = Message(job_ids, self.bench.clock.now())
        return Call(lambda: self.bench.app.short_worker.work(message))


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


@pytest.fixture
def house(azurite: Azurite, request: pytest.FixtureRequest) -> House:
    inn = Inn()

    @task("stays")
    def stays(job: JobContext, params: Params) -> Result:
        """Lasts until it is let go."""
        inn.stay(job)
        return {}

    environ: dict[str, str] = getattr(request, "param", {})
    bench = make(azurite, tasks=[stays], clock=SystemClock(), environ=environ)  # type: ignore[arg-type]
    tap(bench)
    request.addfinalizer(inn.open.set)
    return House(bench, inn)


def test_of_messages_whose_jobs_last_only_the_youngest_stays_in_hand(house: House) -> None:
    jobs = house.ask("stays", 6)
    calls = []
    for job_id in jobs:
        calls.append(house.work(job_id))
        house.inn.wait_for(job_id)
    for call in calls[:-1]:
        assert call.returned() == []
    assert calls[-1].is_alive()
    house.inn.open.set()
    assert sorted(calls[-1].returned()) == sorted(jobs)
    ended = [house.bench.app.manager.job(job_id) for job_id in jobs]
    assert {job.status for job in ended} == {Status.SUCCEEDED}
    assert [job.attempt for job in ended] == [1] * 6


def test_a_message_whose_jobs_are_short_does_not_take_over(house: House) -> None:
    (lasting,) = house.ask("stays")
    call = house.work(lasting)
    house.inn.wait_for(lasting)
    for job_id in house.ask("works", 3):
        assert house.work(job_id).returned() == [job_id]
    assert call.is_alive()
    house.inn.open.set()
    assert call.returned() == [lasting]


def test_what_was_taken_over_is_still_cancelled_and_kept_under_lease(house: House) -> None:
    first, second = house.ask("stays", 2)
    elder = house.work(first)
    house.inn.wait_for(first)
    younger = house.work(second)
    assert elder.returned() == []
    house.bench.app.control.cancel(first)
    house.inn.wait_for(second)
    house.inn.open.set()
    assert set(younger.returned()) == {first, second}


@pytest.mark.parametrize("house", [{"JOBS_PER_INSTANCE": "2"}], indirect=True)
def test_short_jobs_that_turn_out_to_last_give_their_places_back(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crew, "LASTING", timedelta(seconds=1))
    jobs = house.ask("stays", 2)
    calls = [house.work(job_id) for job_id in jobs]
    house.inn.wait_for(*jobs)
    (short,) = house.ask("works")
    assert house.work(short).returned() == [short]
    house.inn.open.set()
    for call in calls:
        call.join(20)
    assert {house.bench.app.manager.job(one).status for one in jobs} == {Status.SUCCEEDED}
    assert house.bench.app.short_worker._pool._free == 2


@pytest.mark.parametrize(
    "house", [{"JOBS_PER_INSTANCE": "2", "LONG_JOBS_PER_INSTANCE": "1"}], indirect=True
)
def test_no_more_of_them_than_there_may_be_long_ones(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crew, "LASTING", timedelta(seconds=0.5))
    jobs = house.ask("stays", 4)
    calls = [house.work(job_id) for job_id in jobs]
    with house.inn.changed:
        assert house.inn.changed.wait_for(lambda: len(house.inn.inside) == 3, 20)
    assert house.bench.app.short_worker._pool.places(1, patience=1.5) == 0
    house.inn.open.set()
    for call in calls:
        call.join(20)
    assert house.inn.inside == set(jobs)


def test_a_call_ends_when_more_jobs_of_one_message_wait_than_there_are_places(
    azurite: Azurite,
) -> None:
    bench = make(azurite, environ={"JOBS_PER_INSTANCE": "3"})
    jobs = [
        bench.app.manager.run_now(bench.add(enabled=False).id, force=True).job_id for _ in range(10)
    ]
    calls = [
        Call(lambda some=some: bench.app.short_worker.work(Message(some, bench.clock.now())))  # type: ignore[misc]
        for some in (tuple(jobs[:5]), tuple(jobs[5:]))
    ]
    assert sorted(one for call in calls for one in call.returned()) == sorted(jobs)
