"""Middleware in front of an app: HEAD for each GET; refusal of bodies too large or dropped.

FastAPI itself answers HEAD with 405, and its own limit for bodies answers in plain text.
"""

from __future__ import annotations

from http import HTTPStatus

from fastapi import FastAPI
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.api.bodies import MOST
from shared.api.problems import no_length, too_large


def install(app: FastAPI) -> None:
    """Put the middleware in front of `app`, but inside the middleware of `problems`, which changes
    exceptions."""
    app.add_middleware(_Head)
    app.add_middleware(_Limited)
    app.add_middleware(_Whole)


class _Head:
    """HEAD is GET without the body (RFC 9110)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def without_body(message: Message) -> None:
            is_body = message["type"] == "http.response.body"
            await send({**message, "body": b""} if is_body else message)

        if scope["type"] == "http" and scope["method"] == "HEAD":
            await self._app({**scope, "method": "GET"}, receive, without_body)
        else:
            await self._app(scope, receive, send)


class _Limited:
    """Refuses a body that is too large: before it is read, if its length is given, and otherwise as
    it arrives.

    Azure's host and the local host read a body before the app sees any of it. There the setting
    FUNCTIONS_REQUEST_BODY_SIZE_LIMIT is the limit.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        came = 0

        async def counted() -> Message:
            nonlocal came
            message = await receive()
            came += len(message.get("body", b""))
            if came > MOST:  # the only exception that FastAPI lets through from here
                raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return message

        if scope["type"] == "http" and _length(scope) > MOST:
            await too_large()(scope, receive, send)
        else:
            await self._app(scope, counted, send)


class _Whole:
    """Refuses a request whose body came in chunks, without Content-Length. Azure's host passes on
    the headers of such a request, but drops its body.
    https://github.com/Azure/azure-functions-host/issues/4926

    If a proxy before the host removes `Transfer-Encoding` and adds no length, the request looks
    like one without a body, and is not refused.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] in _WITH_BODY and _in_chunks(scope):
            await no_length()(scope, receive, send)
        else:
            await self._app(scope, receive, send)


_WITH_BODY = ("POST", "PUT", "PATCH", "DELETE")


def _in_chunks(scope: Scope) -> bool:
    headers = Headers(scope=scope)
    return "transfer-encoding" in headers and "content-length" not in headers


def _length(scope: Scope) -> int:
    text = Headers(scope=scope).get("content-length", "")
    return int(text) if text.isascii() and text.isdigit() else 0
