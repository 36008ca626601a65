"""The same by the API."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import httpx
import pytest

from shared.settings import Secret, StorageAccount
from shared.storage.connect import Connection
from shared.storage.tables.schedules import Running, ScheduleTable
from tests.integration.engine.control.setup import BEAT, ControlledEngine, failed
from tests.served import api


@dataclass(frozen=True)
class Client:
    """The API in this process: for jobs as no built-in task makes them."""

    engine: ControlledEngine

    def __call__(self, method: str, path: str, body: object = None) -> httpx.Response:
        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(app=api(lambda: self.engine.app))
            async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
                return await client.request(method, f"/api/v1{path}", json=body)

        return asyncio.run(send())


@pytest.fixture
def client(engine: ControlledEngine) -> Client:
    return Client(engine)


def test_the_api_shows_a_running_job_and_stops_it(engine: ControlledEngine, client: Client) -> None:
    job_id, _ = engine.running("heeds")
    working = engine.start()
    assert engine.entered.wait(20)
    engine.app.table.say(job_id, Running("at it", 0.25))
    shown = client("GET", f"/jobs/{job_id}").json()
    assert (shown["status"], shown["log"], shown["done"]) == ("running", "at it", 0.25)
    answer = client("POST", f"/jobs/{job_id}/cancel", body={"reason": "enough"})
    assert answer.status_code == 202
    assert (answer.json()["status"], answer.json()["cancel_requested"]) == ("running", True)
    engine.later(BEAT)
    working.ended()
    shown = client("GET", f"/jobs/{job_id}").json()
    assert (shown["status"], shown["cancel_requested"], shown["done"]) == ("cancelled", False, None)
    assert shown["reason"] == "enough" and "at it" in shown["log"]


def test_the_api_runs_dead_letters_again(engine: ControlledEngine, client: Client) -> None:
    job_id, made = failed(engine)
    all_of_it = client("POST", f"/schedules/{made.id}/retry")
    assert all_of_it.json() == {"schedule_id": made.id, "job_ids": [f"{job_id}-r1"]}
    one = client("POST", f"/jobs/{job_id}/retry")
    assert one.status_code == 202
    assert (one.json()["id"], one.json()["retry_of"]) == (f"{job_id}-r1", job_id)
    engine.work()
    assert engine.calls.started.count(f"{job_id}-r1") == 1


def test_the_api_says_why_a_schedule_pauses_until_it_is_enabled(
    engine: ControlledEngine, client: Client
) -> None:
    _, made = failed(engine, pause_after_failures=1)
    path = f"/schedules/{made.id}"
    shown = client("GET", path).json()
    assert (shown["is_active"], shown["failures_in_row"]) == (False, 1)
    assert "disk is on fire" in shown["paused_reason"]
    assert shown["inactive_reason"] == f"paused: {shown['paused_reason']}"
    renamed = client("PATCH", path, body={"name": "other"}).json()
    assert renamed["paused_reason"] == shown["paused_reason"]
    on = client("PATCH", path, body={"enabled": True}).json()
    assert (on["is_active"], on["paused_reason"], on["failures_in_row"]) == (True, None, 0)


def test_the_api_says_when_max_runs_is_reached(engine: ControlledEngine, client: Client) -> None:
    made = engine.add(max_runs=1)
    shown = client("GET", f"/schedules/{made.id}").json()
    assert (shown["is_active"], shown["handed_out"]) == (True, 1)
    engine.later(60)
    shown = client("GET", f"/schedules/{made.id}").json()
    assert (shown["is_active"], shown["next_run_at"]) == (False, None)
    assert shown["inactive_reason"] == "max_runs (1) reached"
    more = client("PATCH", f"/schedules/{made.id}", body={"max_runs": None}).json()
    assert more["is_active"] and more["inactive_reason"] is None


def test_storage_that_is_away_is_a_503_that_says_when_to_come_back(
    engine: ControlledEngine, client: Client
) -> None:
    table = Connection(
        StorageAccount(
            connection_string=Secret(
                "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=YQ==;"
                "TableEndpoint=http://127.0.0.1:9/a;"
            )
        )
    ).table("t")
    engine.app.manager._table = ScheduleTable(table, 1, engine.clock)
    answer = client("GET", "/jobs/a-20260301T120000Z")
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert int(answer.headers["retry-after"]) > 0
    assert "table storage" in answer.json()["detail"]
