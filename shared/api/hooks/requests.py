"""What the hooks have in common: the raw body, refusals, and what becomes of news."""

from __future__ import annotations

import logging
from typing import Annotated, TypeAlias

from fastapi import Depends, Request
from starlette.responses import JSONResponse

from shared.api.problems import problem
from shared.app import App
from shared.errors import Damaged, NotFound
from shared.log import Event, event
from shared.notifications.delivery import Delivery

_logger = logging.getLogger("belfry.hooks")


async def _body(request: Request) -> bytes:
    return await request.body()


Body: TypeAlias = Annotated[bytes, Depends(_body)]
"""The body as it came: a signature is over these bytes."""


def content_type(request: Request) -> str:
    """The media type of the body, without parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def wrong_type(wanted: str) -> JSONResponse:
    """The answer to a body of another type."""
    answer = problem(415, "The body has another type", f"send it as {wanted}")
    answer.headers["accept"] = wanted
    return answer


def refuse(request: Request, app: App, provider: str, reason: str) -> JSONResponse:
    """The answer to what the provider did not sign. It is counted."""
    request.app.state.refusals.add(provider, reason, app.meta, app.clock.now())
    return problem(403, "Not signed", f"this is for {provider} only: {reason}")


def record(app: App, news: Delivery) -> None:
    """Note what a provider said. News of a notification that was removed long ago, or cannot be
    read, are no error: the provider would only send them again, and others with them. Raises
    `Unavailable` or `Refused` if storage fails."""
    try:
        app.notifications().record_delivery(news)
    except NotFound:
        event(_logger, Event.HOOK_IGNORED, notification_id=news.id, state=news.state.value)
    except Damaged as error:
        said, level = str(error), logging.ERROR
        event(_logger, Event.HOOK_IGNORED, level=level, notification_id=news.id, error=said)
