"""Budgets are held before a job starts, and each job counts once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from azure.core.pipeline.transport import RequestsTransport

from local.azurite import Azurite
from shared.access.caller import LOCAL
from shared.api.budgets.held import within_budget
from shared.engine.work.budgets import Full, Over
from shared.errors import Conflict
from shared.jobs.entry import Entry
from shared.schedules.job import Job, Status
from shared.schedules.model import LiveJob, Schedule
from shared.spending.model import Of, Period, Scope
from shared.spending.service import Wanted
from shared.tasks import JobContext, Params, Result, Task, task
from tests.dying import Dying, Killed
from tests.integration.engine.conftest import START, Engine, make, tap
from tests.integration.jobs.truth import sweep

PROJECT = Scope(Of.PROJECT, "5")
RUN = 52.0
"""What a run costs: a second of 2 GB, at 26 millionths a GB-second."""


def tasks(engine: list[Engine]) -> list[Task]:
    @task("costs", timeout_seconds=60, for_projects=True)
    def costs(job: JobContext, params: Params) -> Result:
        """Takes a second."""
        engine[0].later(1)
        return {}

    return [costs]


class Counted(RequestsTransport):  # type: ignore[misc]
    """Counts the requests about budgets."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def send(self, request: Any, **options: Any) -> Any:
        body = request.body if isinstance(request.body, bytes) else b""
        if "spending" in request.url or b"spending" in body:
            self.seen.append(request.method)
        return super().send(request, **options)


def made(azurite: Azurite, transport: Any = None, like: Engine | None = None) -> Engine:
    known: list[Engine] = []
    again = {} if like is None else {"prefix": like.app.settings.prefix, "clock": like.clock}
    one = make(azurite, transport=transport, tasks=tasks(known), prepared=bool(again), **again)  # type: ignore[arg-type]
    known.append(one)
    tap(one)
    return one


@pytest.fixture
def engine(azurite: Azurite) -> Iterator[Engine]:
    yield made(azurite)


def allow(engine: Engine, micros: int, scope: Scope = PROJECT) -> None:
    wanted = Wanted(micros=Decimal(micros), currency=None, period=Period.DAY, timezone="UTC")
    engine.app.spending.put(LOCAL, scope, 5, wanted)


def run(engine: Engine, one: Schedule) -> Job:
    """Let its next occurrence come due, and be worked on."""
    engine.later(60)
    engine.tick()
    (job,) = [job for job in engine.work() if job.schedule_id == one.id]
    return job


def spent(engine: Engine, scope: Scope = PROJECT) -> tuple[float, int, float]:
    """(millionths, jobs, what is reserved)."""
    found = engine.app.spending.standing(engine.app.spending.get(scope))
    return float(found.counter.micros), found.counter.jobs, float(found.reserved)


def live(engine: Engine, one: Schedule) -> tuple[Schedule, LiveJob]:
    """Its next job, handed out and not begun."""
    engine.later(60)
    engine.tick()
    found = engine.app.table.get(one.id)
    assert found is not None
    return found, min(found.progress.live, key=lambda job: job.due_at)


def test_when_a_budget_is_used_up_runs_are_skipped_until_the_next_day(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    one = engine.add("costs", project_id=5)
    other = engine.add("costs", project_id=6, enabled=False)
    allow(engine, 100)
    assert [run(engine, one).status for _ in range(2)] == [Status.SUCCEEDED] * 2
    assert spent(engine) == (2 * RUN, 2, 0)
    skipped = run(engine, one)
    assert skipped.status is Status.SKIPPED and skipped.attempt == 0
    assert "the budget of project 5 is used up: 0.000104 USD of 0.0001 USD" in str(skipped.reason)
    assert run(engine, one).status is Status.SKIPPED
    told = [line for line in caplog.messages if line.startswith("budget_reached ")]
    assert len(told) == 1, "people are told once"
    assert sum("budget_nearly_reached" in line for line in caplog.messages) == 1
    with pytest.raises(Conflict, match="is used up"):
        within_budget(engine.app, one.id, 5)
    engine.app.manager.run_now(one.id, force=True)
    assert [job.status for job in engine.work()] == [Status.SUCCEEDED], "a person insisted"
    engine.app.manager.run_now(other.id, force=True)
    assert [job.status for job in engine.work()] == [Status.SUCCEEDED], "another project"
    allow(engine, 1000)
    assert run(engine, one).status is Status.SUCCEEDED, "it was raised"
    assert spent(engine) == (4 * RUN, 4, 0)
    engine.later(86_400)
    engine.tick()
    engine.work()
    assert spent(engine)[1] <= 2, "the next day begins with nothing"


def test_a_schedule_has_a_budget_of_its_own_beside_its_projects(engine: Engine) -> None:
    one, other = (engine.add("costs", project_id=5) for _ in range(2))
    own = Scope(Of.SCHEDULE, one.id)
    allow(engine, 1000)
    allow(engine, 0, own)
    engine.later(60)
    engine.tick()
    assert {job.schedule_id: job.status for job in engine.work()} == {
        one.id: Status.SKIPPED,
        other.id: Status.SUCCEEDED,
    }
    assert spent(engine) == (RUN, 1, 0), "the refused one reserves nothing"
    engine.app.spending.remove(LOCAL, own, 5)
    assert run(engine, one).status is Status.SUCCEEDED


def test_what_runs_at_once_is_reserved_for(engine: Engine, azurite: Azurite) -> None:
    """By two processes: a run is expected to cost 3,120, an instance's minute, before one ended."""
    schedules = [engine.add("costs", project_id=5) for _ in range(4)]
    allow(engine, 5000)
    jobs = [live(engine, one) for one in schedules]
    processes = [engine.app, made(azurite, like=engine).app]
    said = [processes[n % 2].meter.ask(*job) for n, job in enumerate(jobs)]
    assert said == [None, None, Full(), Full()]
    assert processes[1].meter.ask(*jobs[0]) is None, "the same job again"
    assert spent(engine) == (0, 0, 6240)
    engine.later(1201)
    assert processes[0].meter.ask(*jobs[2]) is None, "reservations of the dead count no longer"


@pytest.mark.parametrize("answered", [False, True])
def test_a_job_counts_once_wherever_its_worker_is_killed(
    azurite: Azurite, engine: Engine, answered: bool
) -> None:
    """And what a killed worker did not count is counted when the feed is packed."""
    allow(engine, 10**9)
    for left in range(20):
        one = engine.add("costs", project_id=5, enabled=False)
        before = spent(engine)[1]
        engine.messages()
        engine.app.manager.run_now(one.id, force=True)
        (message,) = engine.messages()
        dying = Dying(left, answered=answered)
        died = False
        try:
            made(azurite, transport=dying, like=engine).app.worker.work(message)
        except Killed:
            died = True
        engine.later(400)  # its lease is over
        engine.app.worker.work(message)
        for _ in range(2):
            sweep(engine.app)
            engine.app.packing.pack(lambda: None)
        (job,) = engine.app.table.jobs(one.id)
        assert job.status is Status.SUCCEEDED
        assert spent(engine)[1:] == (before + 1, 0), (left, died)
        if not died:
            assert left > 5
            return
    pytest.fail("it never ended unkilled")


def test_what_the_feed_repeats_counts_once(engine: Engine) -> None:
    """A packing that was killed tells of the same jobs again."""
    one = engine.add("costs", project_id=5)
    allow(engine, 1000)
    entry = Entry.of(run(engine, one))
    for _ in range(2):
        engine.app.meter.follow([entry], lambda: None)
    assert spent(engine) == (RUN, 1, 0)
    engine.app.meter.ended([job for job in [engine.app.ended.job(entry.id)] if job])
    assert spent(engine) == (RUN, 1, 0)


def test_a_job_without_a_budget_costs_no_request(azurite: Azurite) -> None:
    transport = Counted()
    one = made(azurite, transport=transport)
    schedule = one.add("costs", project_id=5)
    other = Scope(Of.PROJECT, "6")
    allow(one, 1, other)
    engine_seen = len(transport.seen)
    assert one.app.meter.refusal(schedule.id, 5) is None
    assert len(transport.seen) == engine_seen + 1, "the budgets, which are kept 20 seconds"
    one.app.manager.run_now(schedule.id, force=True)
    one.work()
    assert len(transport.seen) == engine_seen + 1


def test_rows_that_nobody_needs_are_removed(engine: Engine) -> None:
    one = engine.add("costs", project_id=5)
    allow(engine, 1000)
    run(engine, one)
    store = engine.app.meter._store
    assert store.prune(engine.clock.now(), lambda: None) == 0
    assert store.prune(engine.clock.now() + timedelta(days=16), lambda: None) == 1
    assert spent(engine) == (RUN, 1, 0)


def test_over_is_an_answer(engine: Engine) -> None:
    one = engine.add("costs", project_id=5)
    allow(engine, 0)
    said = engine.app.meter.ask(*live(engine, one))
    assert isinstance(said, Over) and START.date().isoformat() in said.reason
