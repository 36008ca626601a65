"""The API in this process, without a storage: what it answers before it needs one."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx

from shared.api.app import api


def asked(method: str, path: str, **more: Any) -> httpx.Response:
    """The answer."""

    async def answered() -> httpx.Response:
        transport = httpx.ASGITransport(api())
        async with httpx.AsyncClient(transport=transport, base_url="http://belfry") as client:
            return await client.request(method, path, **more)

    return asyncio.run(answered())


def operations() -> list[tuple[str, str, dict[str, Any]]]:
    """Each (path, method, operation) of the description."""
    paths = api().openapi()["paths"]
    return [(path, *one) for path, methods in paths.items() for one in methods.items()]
