"""The door of the API: each request says who asks, before anything of it is looked at.

A request under `/api` needs a key or a sign-in once a key was made (`shared.keys.gate`). The pages
that describe the API need none: a browser cannot send one, and they say nothing of what is stored.
The health summary needs none in its short form.

The headers that say who asks are removed from the request here. Nothing behind this reads them, so
nothing can believe or show them.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import replace

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.access import LOCAL, Caller, Role, sign_in
from shared.api import pages
from shared.api.problems import of_error
from shared.api.within import Within
from shared.errors import BelfryError, Refused, Unauthenticated, Unavailable
from shared.keys.gate import Entered, Knock

Enter = Callable[[Knock], Entered]
"""Lets a request in, or raises a `BelfryError`."""
Proxied = Callable[[], bool]

SUMMARY = "/api/health/summary"
"""The page that anybody may read in its short form."""
_STARTS, _CHECKS = 10.0, 2.0
"""Seconds that this page waits for an app that is being built, and for a key to be checked."""
_SAYS_WHO = (b"authorization", b"x-ms-token-")
_PRINCIPAL = sign_in.HEADER.encode()


class Door:
    """The middleware. `enter` may take a while: it is called in a thread of its own."""

    def __init__(self, app: ASGIApp, enter: Enter, proxied: Proxied) -> None:
        """`proxied`: whether Azure's front end stands before the app, and writes the address."""
        self._app = app
        self._enter = enter
        self._proxied = proxied
        self._within = Within("door")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or is_open(scope["path"]):
            await self._app(_without(scope), receive, send)
            return
        try:
            if scope["path"] == SUMMARY:
                entered = await self._perhaps(scope)
            else:
                entered = await run_in_threadpool(self._let_in, scope)
        except BelfryError as error:
            await of_error(error)(scope, receive, send)
            return
        inside = _without(scope)
        inside["state"] = {**(scope.get("state") or {}), "caller": entered.caller}
        await self._app(inside, receive, _telling(send, entered.headers))

    async def _perhaps(self, scope: Scope) -> Entered:
        """Of the page that anybody may read in its short form: who asks, or `NOBODY` if the request
        does not say, or if that cannot be checked in time. Raises if what it says is wrong.

        Deployed, the host asks for no key there, so that somebody comes past it proves nothing.
        """
        proxied = await self._within(_STARTS, self._is_proxied)
        if proxied is None or (proxied and not _says_who(scope)):
            return NOBODY
        entered = await self._within(_CHECKS, lambda: self._let_in_or_nobody(scope))
        if entered is None or (proxied and _is_local(entered)):
            return NOBODY
        return entered

    def _is_proxied(self) -> bool | None:
        """None if the app cannot be built: whoever shows the page says so."""
        try:
            return self._proxied()
        except BelfryError:
            return None

    def _let_in_or_nobody(self, scope: Scope) -> Entered:
        try:
            return self._let_in(scope)
        except (Unavailable, Refused):  # the page itself tells that storage is away
            return NOBODY
        except Unauthenticated:
            if _says_who(scope):
                raise
            return NOBODY

    def _let_in(self, scope: Scope) -> Entered:
        headers = Headers(scope=scope)
        return self._enter(
            Knock(
                authorization=tuple(headers.getlist("authorization")),
                principal=tuple(headers.getlist(sign_in.HEADER)),
                from_elsewhere=_from_elsewhere(scope["method"], headers),
                address=address(scope, proxied=self._proxied()),
                request_id=scope.get("azure_functions.invocation_id"),
            )
        )


ANONYMOUS = Caller(name="anonymous", role=Role.VIEWER, projects=frozenset())
"""Who does not say who they are, at the page that anybody may read in its short form."""
NOBODY = Entered(ANONYMOUS, {})


def caller_of(request: Request) -> Caller:
    """Who sent a request that came in by the door."""
    found: Caller = request.state.caller
    return found


def address(scope: Scope, *, proxied: bool) -> str | None:
    """The network address that a request came from; None if it is not known.

    Azure's front end adds the sender's address and port to `X-Forwarded-For`, behind whatever the
    sender wrote there: only the last one is its word. Elsewhere nothing in the header counts.
    https://learn.microsoft.com/azure/app-service/overview-inbound-outbound-ips
    """
    if not proxied:
        return scope["client"][0] if scope.get("client") else None
    forwarded = Headers(scope=scope).getlist("x-forwarded-for")
    last = forwarded[-1].rpartition(",")[2].strip() if forwarded else ""
    return _without_port(last)


def _from_elsewhere(method: str, headers: Headers) -> bool:
    """Whether a browser may send it for another site: it sends the cookie of a sign-in with it.

    Every browser says with `Sec-Fetch-Site` where a request comes from; one that does not, and
    names an origin, is too old to be sure of. Other programs send neither.
    https://www.w3.org/TR/fetch-metadata/
    """
    if method in ("GET", "HEAD", "OPTIONS"):
        return False
    site = headers.get("sec-fetch-site")
    return "origin" in headers if site is None else site not in ("same-origin", "none")


def _without_port(text: str) -> str | None:
    """`192.0.2.7:41000`, `[2001:db8::7]:41000`, or either without a port."""
    for one in (text, text.rpartition(":")[0]):
        try:
            return str(ipaddress.ip_address(one.strip("[]")))
        except ValueError:
            continue
    return None


def is_open(path: str) -> bool:
    """Whether what lies at that path says nothing of what is stored, so anybody may read it."""
    return path in (pages.PAGE, pages.DESCRIPTION) or path.startswith(f"{pages.PAGE}/")


def _says_who(scope: Scope) -> bool:
    headers = Headers(scope=scope)
    return "authorization" in headers or sign_in.HEADER in headers


def _is_local(entered: Entered) -> bool:
    """Whether somebody came in because nothing is closed yet."""
    return replace(entered.caller, address=None, request_id=None) == LOCAL


def _without(scope: Scope) -> Scope:
    """The request without the headers that say who asks."""
    headers = [
        (name, value)
        for name, value in scope.get("headers", ())
        if not name.lower().startswith((*_SAYS_WHO, _PRINCIPAL))
    ]
    return {**scope, "headers": headers}


def _telling(send: Send, headers: Mapping[str, str]) -> Send:
    """Adds headers to the answer."""

    async def told(message: Message) -> None:
        if message["type"] == "http.response.start" and headers:
            MutableHeaders(scope=message).update(headers)
        await send(message)

    return told
