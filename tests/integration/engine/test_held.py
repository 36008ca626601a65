"""Jobs that cannot go on yet, on real Azurite: they hold nothing, and start again at their time or
when they are woken."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from local.azurite import Azurite
from shared.app.domains import Domains
from shared.engine.work.waking import Waking
from shared.errors import Held, NotFound, Skipped
from shared.schedules.job import Job, Status, job_id
from shared.schedules.model import LiveJob, Overlap, Schedule
from shared.storage.queues.jobs import Message
from shared.tasks import Impact, JobContext, Params, Result, Task, task
from tests.integration.engine.conftest import Engine, Working, make

WHY = "it waits for word"
RUN = "w0a1b2c3d4e5f6g7"


@dataclass
class Plan:
    """Until when jobs are held, by their schedules; and who runs now."""

    until: dict[str, datetime] = field(default_factory=dict)
    started: list[str] = field(default_factory=list)
    entered: threading.Event = field(default_factory=threading.Event)
    go: threading.Event = field(default_factory=threading.Event)
    answers: dict[str, str] = field(default_factory=dict)
    """What the gate says of a schedule: `yes` or `no`; else it waits."""

    def ask(self, schedule: Schedule, live: LiveJob, task: Task, params: Params) -> None:
        del task, params
        said = self.answers.get(schedule.id)
        if said == "no":
            raise Skipped(f"Ana rejected {live.id}")
        if said is None:
            raise Held(live.due_at + timedelta(days=1), "a person must approve it")

    def tasks(self) -> list[Task]:
        @task("holds", timeout_seconds=60, max_concurrent=1)
        def holds(job: JobContext, params: Params) -> Result:
            """Goes on once its time has come."""
            self.started.append(job.job_id)
            until = self.until.get(job.schedule_id)
            if until is not None and (until.tzinfo is None or job.clock.now() < until):
                raise Held(until, WHY)
            return {"attempt": job.attempt}

        @task("asks", timeout_seconds=60)
        def asks(job: JobContext, params: Params) -> Result:
            """Is woken while it runs."""
            self.started.append(job.job_id)
            self.entered.set()
            assert self.go.wait(20)
            if self.started.count(job.job_id) == 1:
                raise Held(job.due_at + timedelta(days=30), WHY)
            return {}

        @task("sends", impact=Impact.C, timeout_seconds=60)
        def sends(job: JobContext, params: Params) -> Result:
            """Is critical."""
            self.started.append(job.job_id)
            return {}

        return [holds, asks, sends]


@dataclass
class Inn:
    engine: Engine
    plan: Plan
    sent: list[Message] = field(default_factory=list)

    def messages(self) -> list[Message]:
        """What was sent since the last call, as a worker receives it."""
        sent, self.sent[:] = [*self.sent], []
        return sent

    def ask(self, task_type: str = "holds", hold: timedelta | None = None, **how: Any) -> str:
        """A run that a person asked for; its message is not worked off yet."""
        made = self.engine.add(task_type, enabled=False, **how)
        if hold is not None:
            self.plan.until[made.id] = self.engine.clock.now() + hold
        asked = self.engine.app.manager.run_now(made.id, force=True).job_id
        self.messages()
        return asked

    def work(self, asked: str, engine: Engine | None = None) -> list[Job]:
        engine = engine or self.engine
        return engine.app.worker.work(Message((asked,), engine.clock.now()))

    def held(self, **how: Any) -> str:
        """One that was begun, and waits for an hour."""
        asked = self.ask(hold=timedelta(hours=1), **how)
        assert self.work(asked) == []
        return asked

    def live(self, asked: str) -> LiveJob:
        schedule = self.engine.app.table.get(asked.partition("-")[0])
        assert schedule is not None
        found = schedule.progress.find(asked)
        assert found is not None
        return found

    @property
    def waking(self) -> Waking:
        app = self.engine.app
        return Waking(app.table, app.queue, app.clock)


def tap(engine: Engine, sent: list[Message]) -> None:
    """Note what is sent, beside sending it."""
    queue: Any = engine.app.queue
    real = queue.send

    def send(message: Message, visible_at: datetime, *rest: Any) -> Any:
        sent.append(message if message.at is not None else replace(message, at=visible_at))
        return real(message, visible_at, *rest)

    queue.send = send


@pytest.fixture(scope="module")
def inn(azurite: Azurite) -> Iterator[Inn]:
    plan = Plan()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Domains, "_gate", lambda _: plan)
        engine = make(azurite, tasks=plan.tasks())
        made = Inn(engine, plan)
        tap(engine, made.sent)
        yield made
        plan.go.set()


def test_a_held_job_holds_nothing_and_says_what_it_waits_for(inn: Inn) -> None:
    asked = inn.held()
    live = inn.live(asked)
    assert (live.attempt, live.worker, live.lease_until, live.held) == (0, None, None, WHY)
    assert live.begun and live.first_started_at is not None
    guard, message = inn.messages()
    assert message.job_ids == (asked,) and message.at == live.available_at
    assert guard.at is not None and guard.at < live.available_at
    assert inn.engine.app.worker.work(guard) == [] == inn.messages(), "it is spare"
    shown = inn.engine.app.manager.job(asked)
    assert (shown.status, shown.held, shown.attempt) == (Status.QUEUED, WHY, 0)
    other = inn.ask()
    assert [one.id for one in inn.work(other)] == [other], "the only place of its task is free"
    assert inn.engine.app.worker._pool._free == inn.engine.app.settings.jobs_per_instance
    assert inn.work(asked) == [] and inn.plan.started.count(asked) == 1, "a message too early"


def test_it_ends_when_its_time_has_come_whatever_its_grace_and_timeout(inn: Inn) -> None:
    asked = inn.held(misfire_grace_seconds=1, timeout_seconds=5, max_attempts=1)
    inn.engine.later(3600)
    (job,) = inn.work(asked)
    assert (job.status, job.attempt, job.held) == (Status.SUCCEEDED, 1, None)
    assert job.started_at is not None and job.first_started_at is not None
    assert job.started_at - job.first_started_at == timedelta(hours=1)
    assert inn.work(asked) == []


@pytest.mark.parametrize("overlap", [Overlap.SKIP, Overlap.BUFFER_ALL, Overlap.CANCEL_OTHER])
def test_an_occurrence_that_comes_due_meanwhile_finds_it_running(
    inn: Inn, overlap: Overlap
) -> None:
    made = inn.engine.add("holds", overlap=overlap)
    inn.plan.until[made.id] = inn.engine.clock.now() + timedelta(days=1)
    upcoming = inn.engine.app.manager.get(made.id).progress.live[0].due_at
    inn.engine.later((upcoming - inn.engine.clock.now()).total_seconds())
    first, second = (job_id(made.id, upcoming + timedelta(minutes=n)) for n in range(2))
    assert inn.work(first) == [] and inn.live(first).held == WHY
    inn.plan.until.pop(made.id)
    inn.engine.later(60)
    inn.engine.app.dispatcher.tick_one(made.id, inn.engine.clock.now())
    ended = {one.id: one.status for one in inn.work(second)}
    table = {one.id: one.status for one in inn.engine.app.table.jobs(made.id)}
    match overlap:
        case Overlap.SKIP:
            assert ended == {second: Status.SKIPPED}
        case Overlap.BUFFER_ALL:
            assert ended == {} and inn.live(second).begun is False
        case Overlap.CANCEL_OTHER:
            assert table[first] is Status.CANCELLED and ended == {second: Status.SUCCEEDED}
    inn.engine.app.manager.delete(made.id)
    inn.messages()


def test_a_person_who_cancels_it_ends_it_at_once(inn: Inn) -> None:
    asked = inn.held()
    job = inn.engine.app.control.cancel(asked, "not this month")
    assert (job.status, job.reason, job.held) == (Status.CANCELLED, "not this month", None)
    inn.engine.later(3600)
    assert inn.work(asked) == [] and inn.plan.started.count(asked) == 1


def test_it_waits_longer_than_a_message_can_and_on_another_host(inn: Inn, azurite: Azurite) -> None:
    asked = inn.ask(hold=timedelta(days=30))
    assert inn.work(asked) == []
    inn.messages()
    other = make(
        azurite,
        inn.engine.app.settings.prefix,
        tasks=inn.plan.tasks(),
        clock=inn.engine.clock,
        prepared=True,
    )
    tapped: list[Message] = []
    tap(other, tapped)
    inn.engine.later(7 * 86_400)
    until = inn.live(asked).available_at
    own = Message((asked,), inn.engine.clock.now(), at=until)
    assert other.app.worker.work(own) == []
    assert [(one.job_ids, one.returns) for one in tapped] == [((asked,), 0)], "it is sent again"
    assert inn.plan.started.count(asked) == 1
    inn.engine.later(23 * 86_400)
    (job,) = inn.work(asked, other)
    assert (job.status, job.attempt) == (Status.SUCCEEDED, 1)


def test_an_instance_that_goes_down_has_nothing_of_it_to_give_back(
    inn: Inn, azurite: Azurite
) -> None:
    going = make(
        azurite,
        inn.engine.app.settings.prefix,
        tasks=inn.plan.tasks(),
        clock=inn.engine.clock,
        prepared=True,
    )
    asked = inn.ask(hold=timedelta(hours=1))
    assert inn.work(asked, going) == []
    before = inn.live(asked)
    going.app.worker.drain(timedelta(seconds=5))
    assert inn.live(asked) == before
    inn.engine.later(3600)
    assert [one.status for one in inn.work(asked)] == [Status.SUCCEEDED]


def test_who_is_woken_starts_now_and_once(inn: Inn) -> None:
    asked = inn.held()
    inn.messages()
    inn.plan.until.clear()
    assert inn.waking.wake(asked) and inn.waking.wake(asked)
    first, *more = inn.messages()
    assert first.job_ids == (asked,) and inn.live(asked).held is None
    (job,) = inn.engine.app.worker.work(first)
    assert (job.status, job.attempt) == (Status.SUCCEEDED, 1)
    assert [one for message in more for one in inn.engine.app.worker.work(message)] == []
    assert inn.plan.started.count(asked) == 2
    assert not inn.waking.wake(asked), "it has ended"
    assert not inn.waking.wake("nobody-20260301T120000Z")
    with pytest.raises(NotFound):
        inn.waking.wake("no id")


def test_one_that_is_woken_for_nothing_is_held_again(inn: Inn) -> None:
    asked = inn.held()
    until = inn.live(asked).available_at
    inn.messages()
    inn.waking.wake_all([asked])
    (woken,) = inn.messages()
    assert inn.engine.app.worker.work(woken) == []
    live = inn.live(asked)
    assert (live.available_at, live.held, live.attempt) == (until, WHY, 0)
    inn.messages()
    assert inn.engine.app.worker.work(woken) == [] == inn.messages(), (
        "however often it is woken, one message waits for its time"
    )


def test_one_that_is_woken_while_it_runs_starts_again_at_once(inn: Inn) -> None:
    asked = inn.ask("asks")
    working = Working(inn.engine, Message((asked,), inn.engine.clock.now()))
    assert inn.plan.entered.wait(20)
    assert inn.waking.wake(asked)
    assert inn.live(asked).woken
    inn.messages()
    inn.plan.go.set()
    assert working.ended() == []
    live = inn.live(asked)
    assert live.available_at <= inn.engine.clock.now() and (live.woken, live.held) == (False, None)
    ended = [job for message in inn.messages() for job in inn.engine.app.worker.work(message)]
    assert [(job.id, job.status, job.attempt) for job in ended] == [(asked, Status.SUCCEEDED, 1)]


def test_a_wake_whose_process_is_killed_before_its_message_is_made_up_for(inn: Inn) -> None:
    asked = inn.held()
    inn.messages()
    inn.plan.until.clear()

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    queue: Any = inn.engine.app.queue
    real = queue.send
    queue.send = killed
    try:
        with pytest.raises(KeyboardInterrupt):
            inn.waking.wake(asked)
    finally:
        queue.send = real
    assert inn.live(asked).available_at <= inn.engine.clock.now()
    inn.engine.later(300)
    inn.engine.app.sweep.sweep(inn.engine.clock.now())
    named = {one for message in inn.messages() for one in message.job_ids}
    assert asked in named
    assert [one.status for one in inn.work(asked)] == [Status.SUCCEEDED]


def test_an_instant_that_is_none_fails_its_job_and_no_other(inn: Inn) -> None:
    naive = inn.ask(max_attempts=1)
    inn.plan.until[naive.partition("-")[0]] = datetime(2030, 1, 1)
    (job,) = inn.work(naive)
    assert job.status is Status.FAILED and "give `until` with its zone" in (job.error or "")
    far = inn.ask()
    inn.plan.until[far.partition("-")[0]] = datetime.max.replace(
        tzinfo=inn.engine.clock.now().tzinfo
    )
    assert inn.work(far) == []
    assert inn.live(far).available_at < inn.engine.clock.now() + timedelta(days=4000)
    inn.engine.app.sweep.sweep(inn.engine.clock.now())
    assert inn.engine.app.control.cancel(far).status is Status.CANCELLED
    inn.messages()


def test_a_critical_job_runs_when_a_person_has_approved_it(inn: Inn) -> None:
    asked = inn.ask("sends")
    assert inn.work(asked) == [] and asked not in inn.plan.started
    assert inn.live(asked).held == "a person must approve it"
    inn.plan.answers[asked.partition("-")[0]] = "yes"
    assert inn.waking.wake(asked)
    assert [(one.status, one.attempt) for one in inn.work(asked)] == [(Status.SUCCEEDED, 1)]
    assert inn.plan.started.count(asked) == 1


def test_one_that_a_person_rejected_is_skipped_with_the_reason(inn: Inn) -> None:
    asked = inn.ask("sends")
    assert inn.work(asked) == []
    inn.plan.answers[asked.partition("-")[0]] = "no"
    assert inn.waking.wake(asked)
    (job,) = inn.work(asked)
    assert (job.status, job.reason) == (Status.SKIPPED, f"Ana rejected {asked}")
    assert asked not in inn.plan.started
