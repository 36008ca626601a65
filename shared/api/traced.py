"""A span for each request that an app answers, once it is known who asks.

Its name is the method with the path as the route has it. The path and the query themselves are left
out: they may hold a token (the calendar feed's), and one name for each id would group nothing.
"""

from __future__ import annotations

from fastapi import FastAPI
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared import tracing

_HEADER = "traceparent"
_CONTEXT = "azure_functions.trace_context"
"""Where azure-functions' bridge puts what the host says of the trace."""
_NO_ROUTE = "(no route)"


def install(app: FastAPI) -> None:
    """Make spans of what the app answers. What is added to it afterwards lies in front of this, so
    what is refused there makes none."""
    app.add_middleware(Traced)


class Traced:
    """The middleware."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not tracing.is_on():
            await self._app(scope, receive, send)
            return
        method = scope["method"]
        with (
            tracing.continued(caused_by(scope)),
            tracing.span(method, tracing.Kind.SERVER) as span,
        ):
            span.set({"http.request.method": method})

            async def seen(message: Message) -> None:
                if message["type"] == "http.response.start":
                    status = message["status"]
                    span.set({"http.response.status_code": status})
                    if status >= 500:
                        span.fail(f"HTTP {status}")
                await send(message)

            try:
                await self._app(scope, receive, seen)
            finally:
                route = getattr(scope.get("route"), "path", _NO_ROUTE)
                span.rename(f"{method} {route}")
                span.set({"http.route": route})


def caused_by(scope: Scope) -> str | None:
    """The `traceparent` of what caused a request: the host's own, which is a part of the caller's
    trace, or else the caller's."""
    host = getattr(scope.get(_CONTEXT), "trace_parent", None)
    return host or Headers(scope=scope).get(_HEADER)
