"""Any one clock alone keeps all schedules running."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import pytest

from functions import _process
from local.azurite import Azurite
from shared import settings
from shared.app import App, build
from shared.clock import ManualClock
from shared.engine.dispatch.names import DISPATCHER, HTTP, MESSAGE
from shared.recurrence import Frequency, Recurrence
from shared.schedules.job import Status
from shared.schedules.model import Schedule
from tests.integration.clocks.conftest import START, SimulatedEngine

_MINUTE = timedelta(minutes=1)


def cron(expression: str, zone: str = "UTC") -> Recurrence:
    return Recurrence(frequency=Frequency.CRON, cron_expression=expression, timezone=zone)


def late(engine: SimulatedEngine, schedule: Schedule) -> list[tuple[datetime, timedelta]]:
    """(due, how late it started) of each run."""
    jobs = engine.ended(schedule)
    assert {job.status for job in jobs} <= {Status.SUCCEEDED}
    return [(job.due_at, job.started_at - job.due_at) for job in jobs if job.started_at]


@pytest.mark.parametrize("clock", [DISPATCHER, MESSAGE, HTTP])
def test_each_clock_of_every_minute_alone_keeps_all_on_time(
    engine: SimulatedEngine, clock: str
) -> None:
    often = engine.add()
    seldom = engine.add(recurrence=cron("*/5 * * * *"))
    once = engine.add(recurrence=cron("37 17 * * *", "Asia/Kolkata"))
    engine.run(timedelta(minutes=11), {clock})
    on_time = timedelta()
    assert late(engine, often) == [(START + n * _MINUTE, on_time) for n in range(1, 11)]
    assert late(engine, seldom) == [(START + n * _MINUTE, on_time) for n in (5, 10)]
    assert late(engine, once) == [(START + 7 * _MINUTE, on_time)]
    assert engine.app.meta.clocks().keys() == {clock}


@pytest.mark.parametrize(
    ("clock", "begin", "minutes"),
    [
        pytest.param(DISPATCHER, START, 15, id="dispatcher"),
        pytest.param(MESSAGE, START, 15, id="message"),
        pytest.param("health_monitor", START, 21, id="5 minutes"),
        pytest.param("schedule_reconciler", START + timedelta(minutes=20), 64, id="hourly"),
        pytest.param("schedule_cleanup", START + timedelta(hours=14), 64, id="daily"),
        pytest.param(HTTP, START, 15, id="http"),
    ],
)
def test_each_clock_alone_runs_what_is_frequent_and_strict(
    engine: SimulatedEngine, clock: str, begin: datetime, minutes: int
) -> None:
    """From its first tick on, whatever its period: nothing waits for the second one."""
    engine.clock.set(begin - timedelta(seconds=10))
    made = {seconds: engine.strict(seconds) for seconds in (60, 40)}
    once = engine.add(recurrence=cron(f"{(begin + 11 * _MINUTE).minute} {begin.hour} * * *"))
    engine.clock.set(begin)
    engine.run(timedelta(minutes=minutes), {clock})
    on_time = timedelta()
    for seconds, schedule in made.items():
        every = range(0, 60 * minutes, seconds)
        dues = [begin + timedelta(seconds=second) for second in every]
        assert late(engine, schedule) == [(due, on_time) for due in dues]
    assert late(engine, once) == [(begin + 11 * _MINUTE, on_time)]


def test_work_alone_keeps_all_running(engine: SimulatedEngine) -> None:
    """No clock ticks any more, and no job is under way: the health monitor's next run waits in the
    queue. Until then at most five minutes pass."""
    strict, seldom = engine.strict(60), engine.add(recurrence=cron("3 13 * * *"))
    engine.run(6 * _MINUTE, engine.every_clock)
    engine.run(60 * _MINUTE, set())
    ran = [job.due_at for job in engine.ended(strict) if job.status is Status.SUCCEEDED]
    again = START + 11 * _MINUTE
    assert [due for due in ran if due >= again] == [again + n * _MINUTE for n in range(55)]
    assert late(engine, seldom) == [(START + 63 * _MINUTE, timedelta())]


def test_only_the_apps_own_monitor_is_handed_out_far_ahead(engine: SimulatedEngine) -> None:
    made = engine.add(task_type="health_monitor")
    engine.run(7 * _MINUTE, engine.every_clock)
    assert len(engine.ended(made)) > 5
    far = engine.clock.now() + 2 * _MINUTE
    ahead = {
        one: [job.due_at for job in found.progress.live if job.due_at > far]
        for one in (made.id, "health_monitor")
        if (found := engine.app.table.get(one)) is not None
    }
    assert ahead[made.id] == [] and ahead["health_monitor"] != []


def test_a_daily_timer_revives_the_message_which_keeps_all_on_time(engine: SimulatedEngine) -> None:
    made = engine.add()
    engine.pulses.clear()
    engine.clock.set(START + timedelta(hours=12))
    engine.run(timedelta(minutes=5), {"database_backup", MESSAGE})
    midnight = START + timedelta(hours=12)
    ran = [job for job in engine.ended(made) if job.status is Status.SUCCEEDED]
    assert [job.due_at for job in ran][-5:] == [midnight + n * _MINUTE for n in range(5)]


def test_a_tick_by_http_says_what_it_did(engine: SimulatedEngine) -> None:
    engine.add()
    engine.clock.advance(timedelta(minutes=1))
    answer = engine.ping()
    assert (answer.status_code, answer.mimetype) == (200, "application/json")
    did = json.loads(answer.get_body())
    assert did["dispatched"] >= 1
    assert json.loads(engine.ping().get_body())["dispatched"] == 0


def test_a_tick_by_http_says_when_the_storage_is_away(
    engine: SimulatedEngine, azurite: Azurite, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = settings.from_env(
        {
            "AzureWebJobsStorage": "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=YQ==;"
            "TableEndpoint=http://127.0.0.1:9/a;QueueEndpoint=http://127.0.0.1:9/a"
        }
    )

    def start() -> App:
        app = build(nowhere, ManualClock(START), tasks=engine.app.registry)
        app.prepare()
        return app

    monkeypatch.setattr(_process, "app", start)
    answer = engine.ping()
    assert (answer.status_code, answer.mimetype) == (503, "application/problem+json")
    assert answer.headers["Retry-After"] == "10"
    problem = json.loads(answer.get_body())
    assert problem["status"] == 503
    assert "table storage" in problem["detail"]


def test_jobs_that_lost_their_message_are_found_by_whichever_clock_ticks(
    engine: SimulatedEngine,
) -> None:
    made = engine.add(recurrence=cron("1 12 * * *"))
    engine.run(timedelta(seconds=50), {MESSAGE})
    assert engine.jobs
    engine.jobs.clear()
    engine.run(timedelta(minutes=10), {MESSAGE})
    assert [due for due, _ in late(engine, made)] == [START + _MINUTE]
