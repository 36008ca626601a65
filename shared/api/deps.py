"""What a route is given: a function that returns the app whose state it shows or changes, and the
caller on whose behalf it does so.

A route is not given the app itself, because a wrong request is answered before the app is built.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, TypeAlias

from fastapi import Depends, FastAPI, Request

from shared.access import Caller
from shared.api.door import caller_of
from shared.app import App


def provide(made: FastAPI, app: Callable[[], App]) -> None:
    """Give the routes of `made` access to the app that `app` returns."""
    made.state.app = app


async def _provided(request: Request) -> Callable[[], App]:
    found: Callable[[], App] = request.app.state.app
    return found


Provided: TypeAlias = Annotated[Callable[[], App], Depends(_provided)]


async def _caller(request: Request) -> Caller:
    return caller_of(request)


Asking: TypeAlias = Annotated[Caller, Depends(_caller)]
"""Who asks (`door`). Its role was looked at (`roles`); the route looks at its projects."""
