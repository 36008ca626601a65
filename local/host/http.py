"""HTTP: from a request to the function whose route fits, and the host's own /admin endpoints.

What the real host does and a web framework would not: a body without Content-Length is dropped, and
the headers that came with it are not; one that is larger than FUNCTIONS_REQUEST_BODY_SIZE_LIMIT
answers an empty 413 before it is read, a function that fails answers an empty 500, a method that no
route takes is 404, empty query values are left out of `params`, and repeated headers are joined by
commas.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from local.host import protos, routes
from local.host.protos import RpcHttp, TypedData
from local.host.routes import Route
from local.host.worker import Function, Invoker

logger = logging.getLogger("host")

RunByHand = Callable[[Function, str], None]
"""Starts a run and does not wait for it."""


class Site:
    """The ASGI application that the server serves."""

    def __init__(
        self,
        worker: Invoker,
        functions: Sequence[Function],
        on_routes: Sequence[Route],
        status: Callable[[], Mapping[str, Any]],
        run_by_hand: RunByHand,
        body_limit: int,
    ) -> None:
        self._worker = worker
        self._functions = {one.name.lower(): one for one in functions}
        self._routes = on_routes
        self._status = status
        self._run_by_hand = run_by_hand
        self._body_limit = body_limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        response = await self._answer(request)
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        path = str(request.scope["path"])
        first, *rest = path.strip("/").split("/")
        if first.lower() == "admin":
            return await self._admin(request, rest)
        found = routes.match(self._routes, request.method, path)
        if found is None:
            return Response(status_code=404)
        route, parameters = found
        function = self._functions[route.function.lower()]
        body = await _body(request, self._body_limit)
        if body is None:
            return Response(status_code=413)
        data = TypedData(http=_to_rpc(request, parameters, body))
        outcome = await self._worker.invoke(function, data)
        if not outcome.succeeded:
            return Response(status_code=500)
        return _from_rpc(outcome.value, request.method)

    async def _admin(self, request: Request, path: list[str]) -> Response:
        match request.method, path:
            case "GET", ["host", "status"]:
                return JSONResponse(self._status())
            case "GET", ["functions"]:
                return JSONResponse([_described(one) for one in self._functions.values()])
            case "GET", ["functions", name] if name.lower() in self._functions:
                return JSONResponse(_described(self._functions[name.lower()]))
            case "POST", ["functions", name] if name.lower() in self._functions:
                return await self._by_hand(request, self._functions[name.lower()])
        return Response(status_code=404)

    async def _by_hand(self, request: Request, function: Function) -> Response:
        if function.kind == "httpTrigger":
            problem = f"{function.name} has an HTTP trigger: call its route"
            return JSONResponse({"error": problem}, status_code=400)
        try:
            given = json.loads(await request.body() or b"{}").get("input")
        except (ValueError, AttributeError):
            problem = 'the body must be a JSON object, such as {"input": "text"}'
            return JSONResponse({"error": problem}, status_code=400)
        text = given if isinstance(given, str) else "" if given is None else json.dumps(given)
        self._run_by_hand(function, text)
        return Response(status_code=202)


def _described(function: Function) -> dict[str, Any]:
    return {"name": function.name, "config": {"bindings": list(function.bindings)}}


async def _body(request: Request, limit: int) -> bytes | None:
    """The body; None if it is larger, by its length if that is said, else as soon as it is."""
    if int(request.headers.get("content-length") or 0) > limit:
        return None
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            return None
    return bytes(body)


def _to_rpc(request: Request, parameters: Mapping[str, str], body: bytes) -> RpcHttp:
    if body and not int(request.headers.get("content-length") or 0):
        logger.warning("%s: no Content-Length, so the body is dropped, as in Azure", request.url)
        body = b""
    headers = {name: ",".join(request.headers.getlist(name)) for name in request.headers}
    query = {name: ",".join(request.query_params.getlist(name)) for name in request.query_params}
    return RpcHttp(
        method=request.method,
        url=_url(request),
        headers=headers,
        query={name: value for name, value in query.items() if value},
        params=parameters,
        body=TypedData(bytes=body) if body else TypedData(),
    )


def _url(request: Request) -> str:
    """As the client wrote it: Starlette's own has the path decoded."""
    path, query = request.scope["raw_path"].decode("ascii"), request.url.query
    return f"{request.url.scheme}://{request.url.netloc}{path}" + (f"?{query}" if query else "")


def _from_rpc(value: TypedData | None, method: str) -> Response:
    if value is None or value.http is None:
        text = value.string if value else None
        return Response(text or "", media_type="text/plain")
    http = value.http
    body = http.body.bytes if http.body.bytes is not None else (http.body.string or "").encode()
    computed = {"content-length", "transfer-encoding"}
    if method == "HEAD":  # there is no body to compute it from
        computed.discard("content-length")
    headers = {k: v for k, v in http.headers.items() if k.lower() not in computed}
    response = Response(body, status_code=int(http.status_code), headers=headers)
    for cookie in http.cookies or []:
        _set(response, cookie)
    return response


def _set(response: Response, cookie: protos.RpcHttpCookie) -> None:
    names = {1: "lax", 2: "strict", 3: "none"}
    response.set_cookie(
        cookie.name,
        cookie.value,
        max_age=int(cookie.max_age.value) if cookie.max_age else None,
        expires=datetime.fromtimestamp(cookie.expires.value.seconds, UTC)
        if cookie.expires
        else None,
        path=cookie.path.value if cookie.path else None,
        domain=cookie.domain.value if cookie.domain else None,
        secure=bool(cookie.secure and cookie.secure.value),
        httponly=bool(cookie.http_only and cookie.http_only.value),
        samesite=names.get(int(cookie.same_site)),  # type: ignore[arg-type]
    )
