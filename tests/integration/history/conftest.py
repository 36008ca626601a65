"""An app with its clock and its queue, as the engine's tests have it, and its API."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from local.azurite import Azurite
from shared.recurrence import Frequency, Recurrence
from shared.tasks import JobContext, Params, Result, task
from tests.integration.engine.conftest import START, Engine, make, tap
from tests.served import api

Ask = Callable[..., httpx.Response]
_NAMES = {"since": "from", "until": "to"}


class Asked(Params):
    """What a run is to return."""

    eur: int = 0
    fails: bool = False


@task("counts", cron="0 * * * *", aliases=("counted",), dry_run=True, max_concurrent=None)
def counts(job: JobContext, asked: Asked) -> Result:
    """Returns what it is told to."""
    if asked.fails:
        raise ValueError("it was told to")
    fees = {"EUR": asked.eur, "USD": 2}
    return {"sent": 3, "fees": fees, "done": True, "due": job.due_at}


@pytest.fixture
def engine(azurite: Azurite) -> Iterator[Engine]:
    made = make(azurite, tasks=[counts])
    tap(made)
    made.app.manager.enable("counts", False)
    yield made
    made.calls.hold.set()


@pytest.fixture
def ask(engine: Engine) -> Ask:
    """Ask the API, which works on the engine's app; `since` is `from`, and `until` is `to`."""

    async def answered(path: str, params: dict[str, Any]) -> httpx.Response:
        transport = httpx.ASGITransport(api(lambda: engine.app))
        async with httpx.AsyncClient(transport=transport, base_url="http://belfry") as client:
            return await client.get(f"/api/v1/{path}", params=params)

    def get(path: str, **params: Any) -> httpx.Response:
        named = {_NAMES.get(name, name): value for name, value in params.items()}
        return asyncio.run(answered(path, named))

    return get


def hourly(hours: int = 1) -> Recurrence:
    return Recurrence(frequency=Frequency.INTERVAL, interval_seconds=3600 * hours, start_time=START)


def run(engine: Engine, hours: int) -> None:
    """Let so many hours pass; each has a tick, and all that it hands out is done."""
    for _ in range(hours):
        engine.later(3600)
        engine.tick()
        engine.work()
