"""`/api/v1/calendar.ics?token=`: a project's coming runs for calendar programs (RFC 5545).

It is an app of its own, as the hooks are, so no route of the API is reachable without a key. The
token is not logged here; a host that logs whole URLs does log it, so it opens nothing else, and a
person can revoke it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Annotated

from fastapi import FastAPI, Header, Query, Response

from shared.api import deps, front, problems, traced
from shared.api.deps import Provided
from shared.app import App
from shared.listing.wanted import Wanted

PATH = "/api/v1/calendar.ics"
_MINUTES = 15


def feed(belfry: Callable[[], App]) -> FastAPI:
    """The feed of the app that `belfry` gives."""
    made = FastAPI(
        title="Belfry", docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False
    )
    made.get(PATH)(calendar)
    deps.provide(made, belfry)
    traced.install(made)
    front.install(made)
    problems.install(made)
    return made


def calendar(
    app: Provided,
    token: Annotated[str, Query(max_length=200)] = "",
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """The coming runs of the token's project, for a month."""
    from shared.calendars.events import file_of

    belfry = app()
    opened = belfry.feeds.opened(token)
    now = belfry.clock.now()
    schedules = belfry.lists.all(Wanted(project_id=opened.project_id, enabled=True))
    body = file_of(opened.name, schedules, now)
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {
        "ETag": etag,
        "Cache-Control": f"private, max-age={60 * _MINUTES}",
        "Referrer-Policy": "no-referrer",
    }
    if _knows(if_none_match, etag):
        return Response(status_code=304, headers=headers)
    headers["Content-Disposition"] = 'inline; filename="belfry.ics"'
    return Response(body, media_type="text/calendar; charset=utf-8", headers=headers)


def _knows(given: str | None, etag: str) -> bool:
    """Whether `If-None-Match` names the tag, weak or not (RFC 9110, 13.1.2)."""
    tags = [one.strip().removeprefix("W/") for one in (given or "").split(",")]
    return etag in tags or "*" in tags
