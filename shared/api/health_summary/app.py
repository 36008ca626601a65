"""The health summary as an app of its own, for a function that asks for no key: so no other route
of the API is reachable there."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import Depends, FastAPI

from shared.api import deps, front, problems, query, roles, traced
from shared.api.door import Door
from shared.api.health_summary.routes import router
from shared.app import App


def summary(belfry: Callable[[], App]) -> FastAPI:
    """The summary of the app that `belfry` gives."""
    made = FastAPI(
        title="Belfry",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        dependencies=[Depends(roles.permit), Depends(query.known_only)],
    )
    made.include_router(router)
    deps.provide(made, belfry)
    traced.install(made)
    made.add_middleware(
        Door,
        enter=lambda knock: belfry().gate.enter(knock),
        proxied=lambda: belfry().settings.access.on_azure,
    )
    front.install(made)
    problems.install(made)
    return made
