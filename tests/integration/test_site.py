"""What anyone may ask of the app, without a key."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from local.azurite import Azurite
from shared.api import site
from shared.recurrence import Frequency, Recurrence
from shared.schedules.model import Definition, Policy
from tests.integration.engine.conftest import START, Engine, make, tap


@pytest.fixture
def engine(azurite: Azurite) -> Engine:
    made = make(azurite)
    tap(made)
    return made


def asked(engine: Engine, path: str) -> Any:
    async def answered() -> httpx.Response:
        transport = httpx.ASGITransport(site.site(lambda: engine.app))
        async with httpx.AsyncClient(transport=transport, base_url="http://belfry") as client:
            return await client.get(path)

    answer = asyncio.run(answered())
    assert answer.status_code == 200
    return answer.json()


def of(engine: Engine, name: str) -> Any:
    """What `/status` says of a task."""
    (found,) = (one for one in asked(engine, "/status")["jobs"] if one["id"] == name)
    return found


def test_the_first_page_says_what_this_is_and_where_to_go(engine: Engine) -> None:
    said = asked(engine, "/")
    assert said["name"] == "Belfry" and said["docs"] == "/api/docs"
    asked(engine, said["status"])
    asked(engine, said["uptime"])


def test_status_shows_how_the_last_run_ended_and_a_pause(engine: Engine) -> None:
    each_minute = Recurrence(frequency=Frequency.INTERVAL, interval_seconds=60, start_time=START)
    definition = Definition(name="f", task_type="fails", recurrence=each_minute)
    policy = Policy(max_attempts=1, pause_after_failures=1)
    engine.app.manager.create(definition, policy, schedule_id="fails")
    before = of(engine, "fails")
    assert (before["last"], before["paused"]) == (None, False)
    engine.later(60)
    (job,) = engine.work()
    after = of(engine, "fails")
    assert after["paused"] and after["next_run_at"] is None
    assert after["last"]["job_id"] == job.id and after["last"]["status"] == "failed"
    assert "on fire" not in str(after), "why is told to nobody without a key"


def test_status_has_each_task_even_one_without_a_time_of_its_own(engine: Engine) -> None:
    assert {one["id"] for one in asked(engine, "/status")["jobs"]} == {
        task.name for task in engine.app.registry
    }
    works = of(engine, "works")
    assert (works["schedule"], works["enabled"], works["next_run_at"]) == (None, False, None)
