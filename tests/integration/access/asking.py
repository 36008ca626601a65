"""The API as callers with keys ask it, each from an address of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import httpx
import pytest
from starlette.types import ASGIApp

from shared.access import LOCAL, Role
from shared.app import App
from tests.served import api


def noted(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str) -> list[tuple[Any, ...]]:
    """What that function is called with from now on; it does what it did."""
    calls: list[tuple[Any, ...]] = []
    real = getattr(owner, name)

    def call(*given: Any, **named: Any) -> Any:
        calls.append(given)
        return real(*given, **named)

    monkeypatch.setattr(owner, name, call)
    return calls


class Asking:
    """One instance's API; or another app of it, that `serve` makes."""

    def __init__(self, app: App, serve: Callable[[Callable[[], App]], ASGIApp] = api) -> None:
        self.app = app
        self._api = serve(lambda: self.app)
        self._hosts = 0

    def ask(
        self,
        method: str,
        path: str,
        key: str | None = None,
        *,
        host: str | None = None,
        headers: Mapping[str, str | bytes] | None = None,
        **more: Any,
    ) -> httpx.Response:
        """The answer. `path` is whole; `host`: the address that asks, by default a new one."""
        self._hosts += 1
        address = host or f"10.{self._hosts >> 16}.{self._hosts >> 8 & 255}.{self._hosts & 255}"
        sent: dict[Any, Any] = dict(headers or {})
        if key is not None:
            sent["authorization"] = f"Bearer {key}"

        async def answered() -> httpx.Response:
            transport = httpx.ASGITransport(self._api, client=(address, 40000))
            async with httpx.AsyncClient(transport=transport, base_url="http://belfry") as client:
                return await client.request(method, path, headers=sent, **more)

        return asyncio.run(answered())

    def told(self, method: str, path: str, key: str | None = None, **more: Any) -> Any:
        """What a request that is right is answered with."""
        answer = self.ask(method, path, key, **more)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def problem(
        self, status: int, method: str, path: str, key: str | None = None, **more: Any
    ) -> str:
        """What a request is refused with."""
        answer = self.ask(method, path, key, **more)
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        return str(answer.json()["detail"])

    def key(self, role: Role = Role.ADMIN, *projects: int, name: str = "Ana") -> str:
        """A new key, of all projects if none are named."""
        there = frozenset(projects) or None
        return self.app.keys.create(LOCAL, name, role, there).text
