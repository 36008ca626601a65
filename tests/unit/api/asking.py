"""The API in this process, without a storage: what it answers before it needs one."""

from __future__ import annotations

import asyncio
import functools
from typing import Any

import httpx
from fastapi import FastAPI

from shared.access import LOCAL
from shared.api.app import api
from shared.app import App
from shared.keys.gate import Entered


def no_app() -> App:
    """Of an API that is not asked for anything that is stored."""
    raise AssertionError("it asked for the app")


@functools.cache
def stateless() -> FastAPI:
    """The API, without an app: whoever comes is let in."""
    return api(no_app, lambda _: Entered(LOCAL, {}))


def asked(method: str, path: str, **more: Any) -> httpx.Response:
    """The answer."""

    async def answered() -> httpx.Response:
        transport = httpx.ASGITransport(stateless())
        async with httpx.AsyncClient(transport=transport, base_url="http://belfry") as client:
            return await client.request(method, path, **more)

    return asyncio.run(answered())


def operations() -> list[tuple[str, str, dict[str, Any]]]:
    """Each (path, method, operation) of the description."""
    paths = stateless().openapi()["paths"]
    return [(path, *one) for path, methods in paths.items() for one in methods.items()]
