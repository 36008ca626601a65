"""What a route is given: a way to the app whose state it shows or changes.

Not the app itself: a request that is wrong is answered before there is one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, TypeAlias

from fastapi import Depends, FastAPI, Request

from shared.app import App


def provide(made: FastAPI, app: Callable[[], App]) -> None:
    """Let the routes of `made` ask for the app that `app` gives."""
    made.state.app = app


async def _provided(request: Request) -> Callable[[], App]:
    found: Callable[[], App] = request.app.state.app
    return found


Provided: TypeAlias = Annotated[Callable[[], App], Depends(_provided)]
