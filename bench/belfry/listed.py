"""Schedules for the lists, and pages of them as the API answers, here or in a new process."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import groupby, islice
from pathlib import Path
from typing import Any

import httpx

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bench.backup.one import peak_of
from bench.belfry.world import Jobs, app
from bench.belfry.world import schedules as plain
from shared.api.app import api
from shared.app import App
from shared.schedules.model import Schedule
from shared.storage.tables.changed import PREFIX
from shared.storage.tables.changes import Change, operations

SHARDS = 8
PROJECTS = 20
_TEAMS = ("backend", "mobile", "data", "web")
_MB = 1_000_000


def schedules(n: int) -> Iterator[Schedule]:
    """Of twenty projects and four teams, created a second after another, due tomorrow."""
    base = time.time()
    for number, one in enumerate(plain(n, base + 86400)):
        what = replace(
            one.definition,
            name=f"Nightly {number:06d} of customer {number % 977}",
            project_id=number % PROJECTS,
            tags={"team": _TEAMS[number % 4]},
        )
        made = datetime.fromtimestamp(base, UTC) - timedelta(seconds=n - number, days=1)
        yield replace(one, definition=what, created_at=made, updated_at=made)


def load(belfry: App, n: int) -> None:
    """Store `n`, as they are an hour later: the feed no longer names them."""
    shard = belfry.table.shard
    made = sorted(schedules(n), key=lambda one: shard(one.id))
    now = belfry.clock.now()
    for name, some in groupby(made, key=lambda one: shard(one.id)):
        while part := list(islice(some, 50)):
            steps = [
                step
                for one in part
                for step in operations(Change(None, one), "bench", now)
                if not step.key.startswith(PREFIX)
            ]
            assert belfry.table._table.transact(name, steps).committed


class Caller:
    """Whoever asks the API, in this process."""

    def __init__(self, belfry: App) -> None:
        self._api = api(lambda: belfry)

    def get(self, path: str) -> dict[str, Any]:
        """What it answers."""
        return self.send("GET", path)

    def send(
        self,
        method: str,
        path: str,
        body: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """What it answers, which must not be an error."""

        async def asked() -> httpx.Response:
            transport = httpx.ASGITransport(self._api)
            async with httpx.AsyncClient(transport=transport, base_url="http://belfry") as client:
                return await client.request(method, f"/api/v1{path}", json=body, headers=headers)

        answer = asyncio.run(asked())
        assert answer.is_success, answer.text
        found: dict[str, Any] = answer.json()
        return found


def used() -> float:
    """The most memory that this process had, in MB."""
    return peak_of(os.getpid()) / _MB


def main(connection: str, prefix: str) -> None:
    """In a process that knows nothing: the first page, and what it took."""
    belfry = app(connection, prefix, shards=SHARDS, jobs=Jobs())
    caller = Caller(belfry)
    caller.get("/tasks")  # what the first answer of any kind takes is not the list's
    before, begin, processor = used(), time.perf_counter(), time.process_time()
    belfry.listing.refresh()
    loaded, worked = time.perf_counter() - begin, time.process_time() - processor
    caller.get("/schedules?page_size=50")
    said = {
        "load": loaded * 1000,
        "processor": worked * 1000,
        "page": (time.perf_counter() - begin) * 1000,
        "memory": used() - before,
    }
    print(json.dumps(said))


if __name__ == "__main__":
    main(*sys.argv[1:])
