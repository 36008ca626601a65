"""The API of schedules over an app of its own, whose clock tests move."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import httpx
import pytest

from local.azurite import Azurite
from tests import sdk
from tests.integration.engine.conftest import Engine, make, tap
from tests.served import Served, api

BODY: dict[str, Any] = {"name": "nightly", "task_type": "works", "frequency": "daily"}


@dataclass
class Counter:
    """Where people ask for schedules."""

    engine: Engine

    @cached_property
    def served(self) -> Served:
        return api(lambda: self.engine.app)

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        """The answer; `path` follows /api/v1. In the names of headers, _ stands for -."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}

        async def answered() -> httpx.Response:
            transport = httpx.ASGITransport(self.served)
            async with httpx.AsyncClient(transport=transport, base_url="http://belfry") as client:
                return await client.request(method, f"/api/v1{path}", json=body, headers=sent)

        return asyncio.run(answered())

    def told(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """What a request that is right is answered with."""
        answer = self.ask(method, path, body)
        assert answer.is_success, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def wrong(self, method: str, path: str, body: Any) -> tuple[str, str]:
        """(field, message) of what is refused."""
        answer = self.ask(method, path, body)
        assert answer.status_code == 422, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        (error,) = answer.json()["errors"]
        return error["field"], error["message"]

    def made(self, **fields: Any) -> dict[str, Any]:
        return self.told("POST", "/schedules", BODY | fields)

    def refused(self, **fields: Any) -> tuple[str, str]:
        """What is wrong with a new one; none is made."""
        before = self.told("GET", "/schedules")["total"]
        said = self.wrong("POST", "/schedules", BODY | fields)
        assert self.told("GET", "/schedules")["total"] == before
        return said

    def changed(self, one: dict[str, Any], **fields: Any) -> dict[str, Any]:
        return self.told("PATCH", f"/schedules/{one['id']}", fields)

    def unchanged(self, one: dict[str, Any], **fields: Any) -> tuple[str, str]:
        """What is wrong with a change; it stays as it is."""
        before = self.read(one)
        said = self.wrong("PATCH", f"/schedules/{one['id']}", fields)
        assert self.read(one) == before
        return said

    def read(self, one: dict[str, Any]) -> dict[str, Any]:
        return self.told("GET", f"/schedules/{one['id']}")

    def stored(self, one: dict[str, Any], **properties: object) -> None:
        """Write into its row, as an earlier version may have."""
        engine = self.engine
        table: Any = sdk.table(engine.app)
        keys = {
            "PartitionKey": engine.app.table.shard(one["id"]),
            "RowKey": f"schedule:{one['id']}",
        }
        table.update_entity({**keys, **properties})
        engine.app.table.announce(keys["PartitionKey"], [one["id"]])


@pytest.fixture
def counter(azurite: Azurite) -> Iterator[Counter]:
    engine = make(azurite)
    tap(engine)
    yield Counter(engine)
    engine.calls.hold.set()
