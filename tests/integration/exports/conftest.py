"""The API of an app of the test's own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from shared.api.app import api
from tests.integration.engine.conftest import Engine


@pytest.fixture
def ask_of() -> Callable[[Engine], Callable[..., httpx.Response]]:
    """Of an engine, what asks its API: (method, path below /api/v1, options of httpx)."""

    def asks(engine: Engine) -> Callable[..., httpx.Response]:
        async def answered(method: str, path: str, given: dict[str, Any]) -> httpx.Response:
            transport = httpx.ASGITransport(api(lambda: engine.app))
            async with httpx.AsyncClient(transport=transport, base_url="http://belfry") as client:
                return await client.request(method, f"/api/v1/{path}", **given)

        def ask(method: str, path: str, **given: Any) -> httpx.Response:
            return asyncio.run(answered(method, path, given))

        return ask

    return asks
