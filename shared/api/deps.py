"""What a route is given: the app whose state it shows or changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, TypeAlias

from fastapi import Depends, FastAPI, Request

from shared.app import App


def provide(made: FastAPI, belfry: Callable[[], App]) -> None:
    """Let the routes of `made` ask for the app; `belfry` gives it, for each request."""
    made.state.belfry = belfry


def _belfry(request: Request) -> App:
    get: Callable[[], App] = request.app.state.belfry
    return get()


Belfry: TypeAlias = Annotated[App, Depends(_belfry)]
