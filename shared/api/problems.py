"""Every error as a problem document (RFC 9457), with the field it is about.

An exception that leaves the app makes the invocation fail, and the host then answers with an empty
500 (the ASGI bridge raises it again). So a middleware inside the app catches all exceptions.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Literal

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.routing import Match

from shared import errors
from shared.api import bodies
from shared.log import Event, event, short, trace
from shared.tasks.wording import in_words

_logger = logging.getLogger("belfry.api")

_RETRY_AFTER = 5
"""Seconds after which a client may try again if something was out of reach."""
_DETAIL, _FIELD, _MESSAGE = 4_000, 120, 1_000
"""How many units of a text are shown: a caller may have sent a field's name of any length."""
_MOST = 50
"""The most fields that are named."""
CONTENT_TYPE = "application/problem+json"
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_STATUS: dict[type, tuple[int, str]] = {
    errors.Invalid: (422, "A value is wrong"),
    errors.NotFound: (404, "Not found"),
    errors.Conflict: (409, "Not possible now"),
    errors.Unauthenticated: (401, "Not authenticated"),
    errors.Stale: (412, "It was changed since"),
    errors.Forbidden: (403, "Not allowed"),
    errors.TooMany: (429, "Too many requests"),
    errors.Misconfigured: (500, "A setting is wrong"),
    errors.Unavailable: (503, "An outside service did not answer"),
    errors.Refused: (502, "An outside service refused"),
}


class Wrong(BaseModel):
    """What is wrong with one field."""

    field: str
    message: str


class Problem(BaseModel):
    """A problem document (RFC 9457), as `application/problem+json`."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    type: Literal["about:blank"] = "about:blank"
    title: str
    status: int
    detail: str
    """What to do about it, if that is known."""
    errors: list[Wrong] = []
    """What is wrong, field by field; left out if no field is at fault."""


def problem(status: int, title: str, detail: str, wrong: Sequence[Wrong] = ()) -> JSONResponse:
    """A problem document as an answer."""
    shown = [_shown(one) for one in wrong[:_MOST]]
    document = Problem(title=title, status=status, detail=short(detail, _DETAIL), errors=shown)
    body = document.model_dump(exclude=set() if wrong else {"errors"})
    return JSONResponse(body, status_code=status, media_type=CONTENT_TYPE)


def too_large() -> JSONResponse:
    """The answer to a body that is too large."""
    return _of_body(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The body is too large", bodies.TOO_LARGE)


def no_length() -> JSONResponse:
    """The answer to a body that the host dropped."""
    return _of_body(HTTPStatus.LENGTH_REQUIRED, "The body has no length", bodies.NO_LENGTH)


def _of_body(status: int, title: str, said: str) -> JSONResponse:
    return problem(status, title, f"body: {said}", [Wrong(field="body", message=said)])


def _shown(wrong: Wrong) -> Wrong:
    """The error, with the caller's texts cut and cleaned, so that they can be encoded."""
    return Wrong(field=short(wrong.field, _FIELD), message=short(wrong.message, _MESSAGE))


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
    except Exception as error:  # logged with its traceback, answered without it
        _logger.error("%s", trace(error))
        event(
            _logger,
            Event.REQUEST_FAILED,
            level=logging.ERROR,
            path=request.url.path,
            error=type(error).__name__,
        )
        return problem(500, "Unexpected failure", "This is a defect; the log has the details.")


async def _validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 (for the type checker)
    items = error.errors()
    if any(_is_no_model(item) for item in items) and not _is_json(request):
        answer = _of_body(415, "The body is not sent as JSON", bodies.SEND_JSON)
        answer.headers["accept"] = bodies.JSON
        return answer
    body = _body_of(request)
    wrong = [_wrong(item, error.body, body) for item in items]
    detail = "; ".join(f"{one.field}: {one.message}" for one in map(_shown, wrong[:_MOST]))
    return problem(422, "A value is wrong", detail, wrong)


def _is_no_model(item: Mapping[str, Any]) -> bool:
    """Whether the body is not a JSON object; one that is not sent as JSON is bytes."""
    return item["type"] == "model_attributes_type" and len(item["loc"]) == 1


def _is_json(request: Request) -> bool:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind == bodies.JSON or (kind.startswith("application/") and kind.endswith("+json"))


def _body_of(request: Request) -> object:
    """The type of the body that the request's route takes; None if it takes none."""
    taken = request.scope["route"].dependant.body_params
    return taken[0].field_info.annotation if taken else None


def _wrong(item: Mapping[str, Any], body: object, model: object) -> Wrong:
    """The field that is wrong, and how, in the caller's words rather than pydantic's."""
    place = item["loc"]
    field = ".".join(str(part) for part in place[1:]) or str(place[0])
    match item["type"]:
        case "json_invalid":
            at = int(place[-1])
            before = str(body)[:at]
            cause = item.get("ctx", {}).get("error")
            line, column = before.count("\n") + 1, at - before.rfind("\n")
            return Wrong(field="body", message=f"not JSON: {cause} at line {line} column {column}")
        case "model_attributes_type":
            return Wrong(field=field, message="send a JSON object")
        case "missing" if field == "body":
            said = f"send a JSON object, with the header Content-Type: {bodies.JSON}"
            return Wrong(field=field, message=said)
        case "extra_forbidden" if place[0] != "body":  # `query` names what is allowed
            return Wrong(field=field, message=item["msg"])
    where, said = in_words(item, model, tuple(place[1:]), "field")
    return Wrong(field=".".join(map(str, where)) or field, message=said)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 (for the type checker)
    match error.status_code:
        case HTTPStatus.METHOD_NOT_ALLOWED:
            return _not_allowed(request)
        case HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            return too_large()
        case HTTPStatus.BAD_REQUEST if said := bodies.unreadable(error.__cause__):
            return _of_body(error.status_code, "The body cannot be read", said)
    return problem(error.status_code, str(error.detail), f"{error.detail}; see /api/docs")


def _not_allowed(request: Request) -> Response:
    """The answer if the path does not support the method; also to OPTIONS, which no route has."""
    allowed = _allowed(request)
    headers = {"allow": ", ".join(allowed)}
    if request.method == "OPTIONS":
        return Response(status_code=204, headers=headers)
    said = f"{request.method} is not possible here; these are: {', '.join(allowed)}"
    answer = problem(HTTPStatus.METHOD_NOT_ALLOWED, "Method Not Allowed", said)
    answer.headers.update(headers)
    return answer


def _allowed(request: Request) -> list[str]:
    """The methods that the routes for the request's path support."""
    routes = request.app.routes
    asked = {method: {**request.scope, "method": method} for method in _METHODS}
    taken = {
        method
        for method, scope in asked.items()
        if any(route.matches(scope)[0] is Match.FULL for route in routes)
    }
    taken |= {"OPTIONS", "HEAD"} if "GET" in taken else {"OPTIONS"}
    return [method for method in _METHODS if method in taken]


async def _belfry(_: Request, error: Exception) -> Response:
    assert isinstance(error, errors.BelfryError)  # noqa: S101 (for the type checker)
    return of_error(error)


def of_error(error: errors.BelfryError) -> Response:
    """The answer that tells an error."""
    found = (_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS)
    status, title = next(found, (500, "Unexpected failure"))
    if isinstance(error, errors.Invalid):
        return problem(status, title, str(error), [Wrong(field=error.field, message=error.message)])
    answer = problem(status, title, str(error))
    answer.headers.update(_headers(error))
    return answer


def _headers(error: errors.BelfryError) -> Mapping[str, str]:
    match error:
        case errors.Unavailable():
            return {"retry-after": str(_RETRY_AFTER)}
        case errors.Unauthenticated(given=given):  # RFC 6750, section 3
            wrong = ', error="invalid_token"' if given else ""
            return {"www-authenticate": f'Bearer realm="Belfry"{wrong}'}
        case errors.TooMany(wait=wait, headers=headers):
            return {"retry-after": str(wait), **headers}
    return {}
