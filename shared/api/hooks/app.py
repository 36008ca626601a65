"""The hooks as an ASGI app. They need no key: a provider's signature is the key."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import FastAPI

from shared.api import deps, front, problems, traced
from shared.api.hooks import sendgrid, twilio
from shared.api.hooks.refusals import Refusals
from shared.app import App


def hooks(belfry: Callable[[], App]) -> FastAPI:
    """The hooks of the app that `belfry` gives."""
    made = FastAPI(
        title="Belfry", docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False
    )
    made.state.refusals = Refusals()
    made.include_router(twilio.router)
    made.include_router(sendgrid.router)
    deps.provide(made, belfry)
    traced.install(made)
    front.install(made)
    problems.install(made)
    return made
