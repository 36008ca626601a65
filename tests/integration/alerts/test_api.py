"""`/api/v1/alerts` on a real app."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from shared.alerts.port import AlertKind
from tests.integration.alerts.conftest import Desk
from tests.served import api


class Client:
    """What a person asks."""

    def __init__(self, desk: Desk) -> None:
        self._api = api(lambda: desk.engine.app)

    def ask(self, method: str, path: str = "", **more: Any) -> httpx.Response:
        async def answered() -> httpx.Response:
            transport = httpx.ASGITransport(self._api)
            async with httpx.AsyncClient(transport=transport, base_url="http://belfry") as client:
                return await client.request(method, f"/api/v1/alerts{path}", **more)

        return asyncio.run(answered())

    def ids(self, **params: str) -> list[str]:
        found = self.ask("GET", params=params).json()["alerts"]
        return [f"{one['kind']}:{one['about']}" for one in found]


@pytest.fixture
def client(desk: Desk) -> Client:
    return Client(desk)


def test_what_is_open_and_what_was_is_listed_newest_first(desk: Desk, client: Client) -> None:
    assert client.ids() == []
    desk.alerts.open(AlertKind.CLOCK_SILENT, "a", "it stands")
    desk.later(minutes=1)
    desk.alerts.close(AlertKind.CLOCK_SILENT, "a", "it ticks")
    desk.run(20)
    desk.alerts.open(AlertKind.BILLING_STUCK, "day", "Stripe is away")
    desk.later(minutes=1)
    desk.alerts.happened(AlertKind.JOB_DEAD, "nightly", "it failed", key="job-1")
    assert client.ids() == ["job_dead:", "billing_stuck:day", "clock_silent:a"]
    assert client.ids(state="open") == ["job_dead:", "billing_stuck:day"]
    assert client.ids(kind="clock_silent") == ["clock_silent:a"]
    assert client.ids(page="2", page_size="2") == ["clock_silent:a"]
    last = client.ask("GET", params={"kind": "clock_silent"}).json()["alerts"][0]
    assert last == client.ask("GET", f"/{last['id']}").json()
    assert last["opened_at"] == "2026-03-01T12:00:01Z"
    assert last["resolved_at"] == "2026-03-01T12:01:01Z"
    assert (last["severity"], last["tellings"]) == ("critical", 2)
    assert last["docs"] == "docs/alerts.md#clock_silent"
    (first,) = client.ask("GET", params={"kind": "job_dead"}).json()["alerts"]
    assert first["names"] == [{"about": "nightly", "text": "it failed"}]


def test_one_that_is_acknowledged_is_reminded_of_no_more(desk: Desk, client: Client) -> None:
    desk.alerts.open(AlertKind.CLOCK_SILENT, "a", "it stands")
    (one,) = client.ask("GET").json()["alerts"]
    path = f"/{one['id']}/acknowledge"
    for by in ("Ana", "Bob"):
        answer = client.ask("POST", path, json={"by": by})
        assert (answer.status_code, answer.json()["acknowledged_by"]) == (200, "Ana")
    desk.run(5 * 60)
    assert desk.said() == ["Clock silent: a"]
    desk.alerts.close(AlertKind.CLOCK_SILENT, "a", "it ticks")
    assert desk.said()[1:] == ["Over: Clock silent: a"]
    refused = client.ask("POST", path, json={"by": "Ana"})
    assert refused.status_code == 409 and "is over" in refused.json()["detail"]


def test_what_is_wrong_is_said(client: Client) -> None:
    for alert_id in ("what", f"{'9' * 13}-{'a' * 32}"):
        assert client.ask("GET", f"/{alert_id}").status_code == 404
        answer = client.ask("POST", f"/{alert_id}/acknowledge", json={"by": "Ana"})
        assert answer.status_code == 404
    assert client.ask("GET", params={"kind": "what"}).status_code == 422
    assert client.ask("POST", "/x/acknowledge", json={"by": " "}).status_code == 422
