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
from shared.engine.dispatch.clocks import DISPATCHER, MESSAGE
from shared.engine.dispatch.health import HTTP
from shared.recurrence import Frequency, Recurrence
from shared.schedules.job import Status
from shared.schedules.model import Schedule
from tests.integration.clocks.conftest import START, Sim

_MINUTE = timedelta(minutes=1)


def cron(expression: str, zone: str = "UTC") -> Recurrence:
    return Recurrence(frequency=Frequency.CRON, cron_expression=expression, timezone=zone)


def late(sim: Sim, schedule: Schedule) -> list[tuple[datetime, timedelta]]:
    """(due, how late it started) of each run."""
    jobs = sim.ended(schedule)
    assert {job.status for job in jobs} <= {Status.SUCCEEDED}
    return [(job.due_at, job.started_at - job.due_at) for job in jobs if job.started_at]


@pytest.mark.parametrize("clock", [DISPATCHER, MESSAGE, HTTP])
def test_each_clock_of_every_minute_alone_keeps_all_on_time(sim: Sim, clock: str) -> None:
    often = sim.add()
    seldom = sim.add(recurrence=cron("*/5 * * * *"))
    once = sim.add(recurrence=cron("37 17 * * *", "Asia/Kolkata"))
    sim.run(timedelta(minutes=11), {clock})
    on_time = timedelta()
    assert late(sim, often) == [(START + n * _MINUTE, on_time) for n in range(1, 11)]
    assert late(sim, seldom) == [(START + n * _MINUTE, on_time) for n in (5, 10)]
    assert late(sim, once) == [(START + 7 * _MINUTE, on_time)]
    assert sim.app.meta.clocks().keys() == {clock}


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
    sim: Sim, clock: str, begin: datetime, minutes: int
) -> None:
    """From its first tick on, whatever its period: nothing waits for the second one."""
    sim.clock.set(begin - timedelta(seconds=10))
    made = {seconds: sim.strict(seconds) for seconds in (60, 40)}
    once = sim.add(recurrence=cron(f"{(begin + 11 * _MINUTE).minute} {begin.hour} * * *"))
    sim.clock.set(begin)
    sim.run(timedelta(minutes=minutes), {clock})
    on_time = timedelta()
    for seconds, schedule in made.items():
        every = range(0, 60 * minutes, seconds)
        dues = [begin + timedelta(seconds=second) for second in every]
        assert late(sim, schedule) == [(due, on_time) for due in dues]
    assert late(sim, once) == [(begin + 11 * _MINUTE, on_time)]


def test_work_alone_keeps_all_running(sim: Sim) -> None:
    """No clock ticks any more, and no job is under way: the health monitor's next run waits in the
    queue. Until then at most five minutes pass."""
    strict, seldom = sim.strict(60), sim.add(recurrence=cron("3 13 * * *"))
    sim.run(6 * _MINUTE, sim.every_clock)
    sim.run(60 * _MINUTE, set())
    ran = [job.due_at for job in sim.ended(strict) if job.status is Status.SUCCEEDED]
    again = START + 11 * _MINUTE
    assert [due for due in ran if due >= again] == [again + n * _MINUTE for n in range(55)]
    assert late(sim, seldom) == [(START + 63 * _MINUTE, timedelta())]


def test_only_the_apps_own_monitor_is_handed_out_far_ahead(sim: Sim) -> None:
    made = sim.add(task_type="health_monitor")
    sim.run(7 * _MINUTE, sim.every_clock)
    assert len(sim.ended(made)) > 5
    far = sim.clock.now() + 2 * _MINUTE
    ahead = {
        one: [job.due_at for job in found.progress.live if job.due_at > far]
        for one in (made.id, "health_monitor")
        if (found := sim.app.table.get(one)) is not None
    }
    assert ahead[made.id] == [] and ahead["health_monitor"] != []


def test_a_daily_timer_revives_the_message_which_keeps_all_on_time(sim: Sim) -> None:
    made = sim.add()
    sim.pulses.clear()
    sim.clock.set(START + timedelta(hours=12))
    sim.run(timedelta(minutes=5), {"database_backup", MESSAGE})
    midnight = START + timedelta(hours=12)
    ran = [job for job in sim.ended(made) if job.status is Status.SUCCEEDED]
    assert [job.due_at for job in ran][-5:] == [midnight + n * _MINUTE for n in range(5)]


def test_a_tick_by_http_says_what_it_did(sim: Sim) -> None:
    sim.add()
    sim.clock.advance(timedelta(minutes=1))
    answer = sim.ping()
    assert (answer.status_code, answer.mimetype) == (200, "application/json")
    did = json.loads(answer.get_body())
    assert did["dispatched"] >= 1
    assert json.loads(sim.ping().get_body())["dispatched"] == 0


def test_a_tick_by_http_says_when_the_storage_is_away(
    sim: Sim, azurite: Azurite, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = settings.from_env(
        {
            "AzureWebJobsStorage": "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=YQ==;"
            "TableEndpoint=http://127.0.0.1:9/a;QueueEndpoint=http://127.0.0.1:9/a"
        }
    )

    def start() -> App:
        app = build(nowhere, ManualClock(START), tasks=sim.app.registry)
        app.prepare()
        return app

    monkeypatch.setattr(_process, "app", start)
    answer = sim.ping()
    assert (answer.status_code, answer.mimetype) == (503, "application/problem+json")
    assert answer.headers["Retry-After"] == "10"
    problem = json.loads(answer.get_body())
    assert problem["status"] == 503
    assert "table storage" in problem["detail"]


def test_jobs_that_lost_their_message_are_found_by_whichever_clock_ticks(sim: Sim) -> None:
    made = sim.add(recurrence=cron("1 12 * * *"))
    sim.run(timedelta(seconds=50), {MESSAGE})
    assert sim.jobs
    sim.jobs.clear()
    sim.run(timedelta(minutes=10), {MESSAGE})
    assert [due for due, _ in late(sim, made)] == [START + _MINUTE]
