"""The API as an ASGI app, and azure-functions' bridge to it."""

from __future__ import annotations

import functools

import azure.functions as func
from fastapi import Depends, FastAPI

from shared.api import jobs, occurrences, problems, query, schedules


@functools.cache
def api() -> FastAPI:
    """The API. It has no lifespan: the bridge would not run it."""
    made = FastAPI(
        title="Belfry",
        description="Schedules, and the jobs they make.",
        docs_url="/api/docs",
        openapi_url="/api/openapi.json",
        redoc_url=None,
        dependencies=[Depends(query.known_only)],
    )
    made.include_router(schedules.router)
    made.include_router(jobs.router)
    made.include_router(occurrences.router)
    problems.install(made)
    return made


@functools.cache
def middleware() -> func.AsgiMiddleware:
    """The bridge."""
    return func.AsgiMiddleware(api())
