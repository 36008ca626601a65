"""The API of an app, without a start of its own.

FastAPI makes the routes of an API when its first request comes, which takes 0.7 s of the processor:
longer than most tests, and the routes are the same for every app. So the apps of a test run share
one API, which is told with each request whose it is.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI
from starlette.types import Receive, Scope, Send

from shared.api import app as whole
from shared.api.door import Enter
from shared.app import App


@dataclass(frozen=True)
class Served:
    """As ASGI, what `shared.api.app.api` makes of the same two."""

    belfry: Callable[[], App]
    enter: Enter | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        token = _ASKED.set(self)
        try:
            await _shared(self.enter is None)(scope, receive, send)
        finally:
            _ASKED.reset(token)

    def openapi(self) -> dict[str, Any]:
        """The description."""
        return _shared(True).openapi()


api = Served

_ASKED: ContextVar[Served] = ContextVar("asked")
"""Whose the request is that is being answered; threads that it starts know it too."""


@functools.cache
def _shared(gated: bool) -> FastAPI:
    """The API of all apps: of those whose gate lets people in, or of those with an `enter`."""
    if gated:
        return whole.api(lambda: _ASKED.get().belfry())
    return whole.api(lambda: _ASKED.get().belfry(), lambda knock: _entering()(knock))


def _entering() -> Enter:
    enter = _ASKED.get().enter
    assert enter is not None
    return enter
