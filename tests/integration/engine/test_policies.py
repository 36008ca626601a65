"""Each policy of a schedule end to end: two workers on real Azurite, by one clock."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from time import monotonic
from typing import Any
from urllib.parse import parse_qs, urlparse

import pytest
from azure.core.pipeline.transport import RequestsTransport

from local.azurite import Azurite
from shared.engine.records.poison import RETURNS
from shared.schedules.job import Job, Status, job_id
from shared.schedules.model import CatchUp, Overlap, Schedule
from shared.schedules.plan import PACE, jitter_of
from shared.storage.queues.jobs import Message
from shared.tasks import JobContext, Params, Result, Task, task
from tests.integration.engine.conftest import START, Engine, WakingClock, Working, make, tap
from tests.jobs import busy

BEAT = 5
"""Seconds after which a worker looks whether its job was told to stop."""


@dataclass
class Guests:
    """Who is in the task now, and who was."""

    inside: list[str] = field(default_factory=list)
    most: int = 0
    order: list[str] = field(default_factory=list)
    let_go: set[str] = field(default_factory=set)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def task(self) -> Task:
        @task("stays", timeout_seconds=3600)
        def stays(job: JobContext, params: Params) -> Result:
            """Stays until the test lets it go, or it is told to stop."""
            with self.changed:
                self.inside.append(job.job_id)
                self.order.append(job.job_id)
                self.most = max(self.most, len(self.inside))
                self.changed.notify_all()
            try:
                while job.job_id not in self.let_go:
                    job.stop.wait(0.005)
                    job.check()
                return {}
            finally:
                with self.changed:
                    self.inside.remove(job.job_id)
                    self.changed.notify_all()

        return stays

    def wait_for(self, name: str) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: name in self.inside, 20), f"{name} did not start"


@dataclass
class Two:
    """Two workers on one store."""

    one: Engine
    other: Engine
    guests: Guests

    def add(self, **policy: Any) -> Schedule:
        return self.one.add("stays", **{"misfire_grace_seconds": 60} | policy)

    def due(self, made: Schedule, minute: int) -> str:
        """The job due that minute, at which it is then."""
        at = START + timedelta(minutes=minute)
        while self.one.clock.now() < at:
            self.step(min(timedelta(seconds=10), at - self.one.clock.now()))
        self.one.tick()
        return job_id(made.id, at)

    def step(self, by: timedelta) -> None:
        """Time passes; who runs has renewed its lease when this returns."""
        now = self.one.clock.advance(by)
        give_up = monotonic() + 20
        while any(
            job.lease_until is not None and job.lease_until - now < timedelta(seconds=35)
            for schedule in busy(self.one.app)
            for job in schedule.progress.live
            if job.id in self.guests.inside
        ):
            assert monotonic() < give_up, "no worker renewed its lease"

    def ask(self, engine: Engine, *names: str) -> Working:
        return engine.start(Message(names, engine.clock.now()))

    def asked(self, engine: Engine, name: str) -> list[Job]:
        """Of one that is not to start: ask, and wait for the answer."""
        return self.ask(engine, name).ended()

    def ends(self) -> dict[str, Status]:
        return {job.id: job.status for job in self.one.app.table.jobs()}


@pytest.fixture
def two(azurite: Azurite) -> Iterator[Two]:
    guests = Guests()
    clock = WakingClock(START + timedelta(seconds=1))
    one = make(azurite, tasks=[guests.task()], clock=clock)
    other = make(azurite, one.app.settings.prefix, tasks=[guests.task()], clock=clock)
    tap(one)
    tap(other)
    yield Two(one, other, guests)
    guests.let_go |= set(guests.order)


def test_skip_records_what_comes_due_while_one_runs(two: Two) -> None:
    made = two.add(overlap=Overlap.SKIP)
    first = two.due(made, 1)
    running = two.ask(two.one, first)
    two.guests.wait_for(first)
    second = two.due(made, 2)
    assert [job.status for job in two.asked(two.other, second)] == [Status.SKIPPED]
    two.guests.let_go.add(first)
    running.ended()
    third = two.due(made, 3)
    two.guests.let_go.add(third)
    two.asked(two.other, third)
    assert two.ends() == {
        first: Status.SUCCEEDED,
        second: Status.SKIPPED,
        third: Status.SUCCEEDED,
    }


@pytest.mark.parametrize("overlap", [Overlap.BUFFER_ONE, Overlap.BUFFER_ALL])
def test_who_waits_starts_when_the_one_before_ends_and_not_a_lease_later(
    two: Two, overlap: Overlap
) -> None:
    made = two.add(overlap=overlap)
    first = two.due(made, 1)
    running = two.ask(two.one, first)
    two.guests.wait_for(first)
    second, third = two.due(made, 2), two.due(made, 3)
    assert two.asked(two.other, second) == []
    two.asked(two.other, third)
    two.one.messages()
    # so long that the grace of who waits is over
    for _ in range(10):
        two.step(timedelta(seconds=10))
    end = two.one.clock.now()
    two.guests.let_go |= {first, second, third}
    running.ended()
    nudges = two.one.messages()
    assert nudges[-1].job_ids == (second,) and nudges[-1].sent_at == end
    two.ask(two.other, second).ended()
    if overlap is Overlap.BUFFER_ALL:
        assert two.one.messages()[-1].job_ids == (third,)
        two.ask(two.one, third).ended()
    assert two.one.clock.now() == end and two.guests.most == 1
    kept = [first, second, third] if overlap is Overlap.BUFFER_ALL else [first, second]
    assert two.guests.order == kept
    left = Status.SUCCEEDED if overlap is Overlap.BUFFER_ALL else Status.SKIPPED
    assert two.ends() == {first: Status.SUCCEEDED, second: Status.SUCCEEDED, third: left}


def test_a_long_queue_is_asked_one_at_a_time(two: Two) -> None:
    made = two.add(overlap=Overlap.BUFFER_ALL, catch_up=CatchUp.ALL)
    names = [two.due(made, minute) for minute in range(1, 9)]
    two.guests.let_go |= set(names)
    two.one.messages()
    sent = []
    message = Message((names[0],), two.one.clock.now())
    for _ in names:
        two.one.start(message).ended()
        new = two.one.messages()
        sent.append(sum(len(one.job_ids) for one in new))
        message = new[-1]
    assert two.guests.order == names
    assert max(sent) == 2  # the guard of its lease, and the nudge for the next


def test_allow_all_runs_them_beside_each_other(two: Two) -> None:
    made = two.add(overlap=Overlap.ALLOW_ALL)
    names = [two.due(made, 1)]
    two.ask(two.one, names[0])
    two.guests.wait_for(names[0])
    names.append(two.due(made, 2))
    other = two.ask(two.other, names[1])
    two.guests.wait_for(names[1])
    assert two.guests.most == 2
    two.guests.let_go |= set(names)
    other.ended()


def test_cancel_other_stops_the_running_one_and_takes_its_place(two: Two) -> None:
    made = two.add(overlap=Overlap.CANCEL_OTHER)
    first = two.due(made, 1)
    running = two.ask(two.one, first)
    two.guests.wait_for(first)
    second = two.due(made, 2)
    assert two.asked(two.other, second) == []
    assert two.guests.inside == [first]
    two.one.messages()
    two.one.later(BEAT)
    (stopped,) = running.ended()
    assert (stopped.id, stopped.status) == (first, Status.CANCELLED)
    assert stopped.reason == f"{second} came due (cancel_other)"
    nudge = two.one.messages()[-1]
    assert nudge.job_ids == (second,) and nudge.sent_at == two.one.clock.now()
    two.guests.let_go.add(second)
    two.other.start(nudge).ended()
    assert two.guests.most == 1 and two.guests.order == [first, second]
    assert two.ends() == {first: Status.CANCELLED, second: Status.SUCCEEDED}


def test_cancel_other_does_not_wait_for_a_back_off(engine: Engine) -> None:
    made = engine.add("fails", overlap=Overlap.CANCEL_OTHER, retry_delay_seconds=900)
    engine.later(60)
    first = engine.messages()[0]
    assert engine.app.worker.work(first) == []
    engine.later(60)
    engine.tick()
    second = job_id(made.id, START + timedelta(minutes=2))
    engine.app.worker.work(Message((second,), engine.clock.now()))
    assert [name.split("-")[1] for name in engine.calls.started] == [
        "20260301T120100Z",
        "20260301T120200Z",
    ]
    ended = engine.app.manager.job(first.job_ids[0])
    assert ended.status is Status.CANCELLED and ended.attempt == 1


def test_one_that_waited_is_asked_when_the_one_before_dies_for_good(engine: Engine) -> None:
    made = engine.add("fails", overlap=Overlap.BUFFER_ALL, max_attempts=2, retry_delay_seconds=300)
    engine.later(60)
    first = engine.messages()[0]
    engine.app.worker.work(first)
    engine.app.manager.change(
        made.id, lambda one: replace(one, policy=replace(one.policy, max_attempts=1))
    )
    engine.later(60)
    engine.tick()
    second = job_id(made.id, START + timedelta(minutes=2))
    assert engine.app.worker.work(Message((second,), engine.clock.now())) == []
    engine.messages()
    engine.later(300)
    (given_up,) = engine.app.worker.work(first)
    assert given_up.status is Status.FAILED
    assert engine.messages()[-1].job_ids == (second,)


def test_one_that_waited_is_asked_when_the_message_of_the_one_before_is_given_up(
    engine: Engine,
) -> None:
    made = engine.add("fails", overlap=Overlap.BUFFER_ALL, retry_delay_seconds=900)
    engine.later(60)
    first = engine.messages()[0]
    engine.app.worker.work(first)
    engine.later(60)
    engine.tick()
    engine.messages()
    engine.app.poison.handle(replace(first, returns=RETURNS).text())
    assert engine.app.manager.job(first.job_ids[0]).status is Status.FAILED
    second = job_id(made.id, START + timedelta(minutes=2))
    assert [message.job_ids for message in engine.messages()] == [(second,)]


def test_catch_up_all_after_an_outage_is_paced_and_ends_in_order(engine: Engine) -> None:
    made = engine.add(catch_up=CatchUp.ALL, overlap=Overlap.BUFFER_ALL, catch_up_limit=20)
    engine.later(60 * 30 - 31)
    for _ in range(6):
        engine.tick()
        row = engine.app.table.get(made.id)
        assert row is not None
        waiting = [job for job in row.progress.live if job.due_at <= engine.clock.now()]
        assert len(waiting) <= PACE
        engine.work()
    # the latest 20 run; the one of 12:01, which was handed out before the outage, is not of them
    late = [job_id(made.id, START + timedelta(minutes=n)) for n in range(10, 30)]
    assert [name for name in engine.calls.started if name in late] == late
    missed = [job for job in engine.app.table.jobs(made.id) if job.status is Status.MISSED]
    assert sorted(job.due_at.minute for job in missed) == list(range(1, 10))


def test_jitter_is_how_long_the_message_is_hidden(engine: Engine, azurite: Azurite) -> None:
    hidden: list[int] = []

    class Noting(RequestsTransport):  # type: ignore[misc]
        def send(self, request: Any, **options: Any) -> Any:
            asked = parse_qs(urlparse(request.url).query)
            if request.method == "POST" and "visibilitytimeout" in asked:
                hidden.append(int(asked["visibilitytimeout"][0]))
            return super().send(request, **options)

    noting = make(azurite, engine.app.settings.prefix, transport=Noting())
    made = noting.add(jitter_seconds=600)
    first = job_id(made.id, START + timedelta(minutes=1))
    moved = jitter_of(made, first)
    assert moved > 0 and hidden == [59 + moved - 1]
    noting.later(59 + moved - 1)
    assert noting.app.worker.work(Message((first,), noting.clock.now())) == []
    noting.later(1)
    (ended,) = noting.app.worker.work(Message((first,), noting.clock.now()))
    assert ended.lateness_seconds == 0 and ended.jitter == moved


def test_failures_one_after_another_pause_it_until_a_person_resumes_it(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    made = engine.add("refused", pause_after_failures=2, overlap=Overlap.ALLOW_ALL)
    engine.later(60)
    engine.tick()
    engine.work()
    engine.later(60)
    engine.tick()
    ahead = engine.messages()
    second = job_id(made.id, START + timedelta(minutes=2))
    (failed,) = engine.app.worker.work(Message((second,), engine.clock.now()))
    shown = engine.app.manager.get(made.id)
    assert not shown.is_on and shown.definition.enabled
    assert shown.progress.paused_reason == f"2 jobs failed one after another: {failed.error}"
    assert "schedule_paused" in caplog.text
    assert shown.progress.next_run_at is None and shown.progress.live == ()
    engine.later(600)
    assert engine.tick().handed_out == 0
    for message in ahead:
        assert engine.app.worker.work(message) == []
    assert len(engine.calls.started) == 2

    resumed = engine.app.manager.enable(made.id, True)
    assert resumed.is_on and resumed.progress.failures_in_row == 0
    engine.later(60)
    engine.tick()
    engine.work()
    once = engine.app.manager.get(made.id)
    assert once.is_on and once.progress.failures_in_row == 1


def test_max_runs_ends_a_schedule_and_more_let_it_go_on(engine: Engine) -> None:
    made = engine.add(max_runs=2)
    for _ in range(5):
        engine.later(60)
        engine.tick()
        engine.work()
    shown = engine.app.manager.get(made.id)
    assert len(engine.calls.started) == 2 and shown.progress.next_run_at is None
    engine.app.manager.change(
        made.id, lambda one: replace(one, policy=replace(one.policy, max_runs=3))
    )
    for _ in range(3):
        engine.later(60)
        engine.tick()
        engine.work()
    assert len(engine.calls.started) == 3
