"""Every error as a problem document (RFC 9457), with the field it is about.

An exception that left the app would fail the invocation, and the host would answer an empty
500 (the ASGI bridge re-raises); so the catch-all is a middleware, inside.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.middleware.base import BaseHTTPMiddleware

from shared import errors
from shared.log import Event, event, redact

_logger = logging.getLogger("belfry.api")

_RETRY_AFTER = 5
"""Seconds after which what was out of reach may be asked for again."""
_STATUS: dict[type, tuple[int, str]] = {
    errors.Invalid: (422, "A value is wrong"),
    errors.NotFound: (404, "Not found"),
    errors.Conflict: (409, "Not possible now"),
    errors.Misconfigured: (500, "A setting is wrong"),
    errors.Unavailable: (503, "An outside service did not answer"),
    errors.Refused: (502, "An outside service refused"),
}


def problem(
    status: int, title: str, detail: str, wrong: list[dict[str, str]] | None = None
) -> JSONResponse:
    """A problem document; `wrong`: what is wrong, field by field."""
    body: dict[str, Any] = {"type": "about:blank", "title": title, "status": status}
    body["detail"] = redact(detail)
    if wrong:
        body["errors"] = wrong
    return JSONResponse(body, status_code=status, media_type="application/problem+json")


def install(app: FastAPI) -> None:
    """Make every error of `app` a problem document."""
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(errors.BelfryError, _belfry)
    app.add_middleware(BaseHTTPMiddleware, dispatch=_catch_all)


async def _catch_all(
    request: Request, call_next: Callable[[Request], Awaitable[Response]]
) -> Response:
    try:
        return await call_next(request)
    except Exception as error:  # the shell: logged whole, answered without a traceback
        _logger.error("%s", redact("".join(traceback.format_exception(error))))
        event(
            _logger,
            Event.REQUEST_FAILED,
            level=logging.ERROR,
            path=request.url.path,
            error=type(error).__name__,
        )
        return problem(500, "Unexpected failure", "This is a defect; the log has the details.")


async def _validation(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 (for the type checker)
    wrong = [
        {
            "field": ".".join(str(part) for part in item["loc"][1:]) or str(item["loc"][0]),
            "message": item["msg"],
        }
        for item in error.errors()
    ]
    detail = "; ".join(f"{item['field']}: {item['message']}" for item in wrong)
    return problem(422, "A value is wrong", detail, wrong)


async def _http(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 (for the type checker)
    return problem(error.status_code, str(error.detail), f"{error.detail}; see /api/docs")


async def _belfry(_: Request, error: Exception) -> Response:
    assert isinstance(error, errors.BelfryError)  # noqa: S101 (for the type checker)
    found = (_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS)
    status, title = next(found, (500, "Unexpected failure"))
    if isinstance(error, errors.Invalid):
        return problem(
            status, title, str(error), [{"field": error.field, "message": error.message}]
        )
    answer = problem(status, title, str(error))
    if isinstance(error, errors.Unavailable):
        answer.headers["retry-after"] = str(_RETRY_AFTER)
    return answer
