"""Any one clock alone keeps all schedules running."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import pytest

from local.azurite import Azurite
from shared import app as composition
from shared import settings
from shared.app import App, build
from shared.clock import ManualClock
from shared.engine.clocks import DISPATCHER, MESSAGE
from shared.engine.health import HTTP
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


def test_a_tasks_timer_alone_keeps_all_running_at_its_pace(sim: Sim) -> None:
    often = sim.add()
    seldom = sim.add(recurrence=cron("*/5 * * * *"))
    between = sim.add(recurrence=cron("7 12 * * *"))
    sim.run(timedelta(minutes=16), {"health_monitor"})
    assert [due for due, _ in late(sim, seldom)] == [START + n * _MINUTE for n in (5, 10, 15)]
    assert late(sim, between) == [(START + 7 * _MINUTE, timedelta(minutes=3))]
    jobs = sim.ended(often)
    assert [job.due_at for job in jobs] == [START + n * _MINUTE for n in range(1, 16)]
    ran = [job.due_at.minute for job in jobs if job.status is Status.SUCCEEDED]
    assert {5, 10, 15} <= set(ran)


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
        app = build(nowhere, ManualClock(START), registry=sim.app.registry)
        app.prepare()
        return app

    monkeypatch.setattr(composition, "app", start)
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
