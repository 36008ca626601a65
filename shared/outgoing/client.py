"""The guarded client: the one way to places that customers choose (docs/outgoing.md).

Otherwise whoever may name a place could make Belfry reach what is behind its own firewall (SSRF,
https://cheatsheetseries.owasp.org/cheatsheets/Server_Side_Request_Forgery_Prevention_Cheat_Sheet.html).
A name is looked up once, each of its addresses is checked, and the connection goes to one that was,
so a name that means something else a moment later has no effect. Each request has a connection of
its own: one that is kept open for an address could serve another name. Errors never contain a
URL's path or query, which may be a secret.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from shared.clock import Clock
from shared.outgoing import places, redirects
from shared.outgoing.dial import Dialer
from shared.outgoing.headers import followed, hold_headers
from shared.outgoing.lookup import Resolve, system
from shared.outgoing.model import USUAL, Answer, Blocked, Handshake, Limits, Unreachable
from shared.outgoing.places import Place
from shared.outgoing.rules import Rules
from shared.outgoing.watch import Watch, watched

if TYPE_CHECKING:
    from shared.outgoing.exchange import Body, Exchange
    from shared.outgoing.pool import Pool

_AGENT = "Belfry"


class Call(Protocol):
    """What is told of a request."""

    def answered(self, status: int) -> None: ...


Traced = Callable[[str, str], AbstractContextManager[Call]]
"""What a request with that method to that URL runs in."""


class _Untold:
    def answered(self, status: int) -> None:
        """Nobody wants to know."""


def _untraced(_method: str, _url: str) -> AbstractContextManager[Call]:
    return contextlib.nullcontext(_Untold())


class Client:
    """The client. Several threads may use it at once."""

    def __init__(
        self,
        rules: Rules,
        clock: Clock,
        *,
        resolve: Resolve = system,
        trusted: Path | None = None,
        traced: Traced = _untraced,
    ) -> None:
        """`trusted`: a file of authorities (PEM) for TLS; none: those of certifi. The environment
        has no say: no proxy, no certificates, no netrc."""
        self.rules = rules
        self._clock = clock
        self._dialer = Dialer(rules, clock, resolve, trusted)
        self._traced = traced

    def hold(self, url: str) -> None:
        """Raise `ValueError`, without the URL in its text, unless a request may go there as far as
        the URL shows it. Nothing is looked up."""
        try:
            self.rules.hold(places.place(url))
        except Blocked as error:
            raise ValueError(str(error)) from None

    def hold_host(self, host: str, port: int) -> None:
        """The same for a connection of any protocol."""
        try:
            self.rules.hold_host(places.host(host), port)
        except Blocked as error:
            raise ValueError(str(error)) from None

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        limits: Limits = USUAL,
        stop: threading.Event | None = None,
    ) -> Answer:
        """Send one request, and read its answer as far as the limits allow. Raises `Blocked`,
        `Unreachable`, `Cancelled`, and `Invalid` for a header that customers may not set."""
        hold_headers(headers or {})
        began = self._clock.monotonic()
        with self.open(
            method, url, headers=headers, body=body or None, limits=limits, stop=stop
        ) as (found, connected):
            first = found.first or self._clock.monotonic()
            text, cut = _body(found, limits.body)
            return Answer(
                url=found.place.url,
                status=found.status,
                headers=found.headers,
                body=text,
                cut=cut,
                address=found.address,
                connected_after=connected - began,
                first_byte_after=first - began,
                ended_after=self._clock.monotonic() - began,
            )

    @contextlib.contextmanager
    def open(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: Body | None = None,
        limits: Limits = USUAL,
        stop: threading.Event | None = None,
    ) -> Iterator[tuple[Exchange, float]]:
        """For libraries: send one request, and give its answer, whose body is not read yet, and
        when it was connected. `headers` are not checked. A body that is no bytes can be sent once,
        so redirects that need it again are not followed."""
        found, connected = self.start(method, url, headers, body, limits, stop)
        with found:
            yield found, connected

    def start(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        body: Body | None,
        limits: Limits,
        stop: threading.Event | None,
    ) -> tuple[Exchange, float]:
        """The same; the caller closes the exchange."""
        watch = Watch(self._clock, self._clock.monotonic() + limits.whole, stop)
        at, sent = _placed(url), dict(headers or {})
        for left in range(limits.redirects, -1, -1):
            found, connected = self._once(method, at, sent, body, limits, watch)
            try:
                to = redirects.target(at, found.status, found.header("Location")) if left else None
                if to is not None:
                    next_method = redirects.method(found.status, method)
                    stays = next_method == method
                    to = None if stays and body is not None and not isinstance(body, bytes) else to
            except BaseException:
                found.close()
                raise
            if to is None:
                break
            found.close()
            body = body if stays else None
            sent = followed(sent, elsewhere=to.origin != at.origin, without_body=not stays)
            method, at = next_method, to
        return found, connected

    def _once(
        self,
        method: str,
        at: Place,
        headers: Mapping[str, str],
        body: Body | None,
        limits: Limits,
        watch: Watch,
    ) -> tuple[Exchange, float]:
        from shared.outgoing import exchange

        self.rules.hold(at)
        with self._traced(method, at.url) as call:
            watch.again()
            watch.within(limits.connect)
            sock, address = self._connected(at, watch)
            connected = self._clock.monotonic()
            watch.within(limits.first_byte)
            found = exchange.send(
                at,
                watched(sock, watch),
                address,
                method,
                _completed(at, headers),
                body,
                watch,
                limits.body,
            )
            call.answered(found.status)
        return found, connected

    def _connected(self, at: Place, watch: Watch) -> tuple[socket.socket, str]:
        sock, address = self._dialer.plain(at.host, at.port, watch)
        return (self._dialer.secure(sock, at.host, watch) if at.secure else sock), address

    def addresses(self, host: str, port: int) -> tuple[str, ...]:
        """Every address of the host, each checked. Raises `Blocked` and `Unreachable`."""
        return self._dialer.addresses(_host(host), port, USUAL.connect)

    def connect(self, host: str, port: int, *, seconds: float = 5.0) -> socket.socket:
        """A connection to one of them, without TLS, whose reads and writes have `seconds` each.
        Raises `Blocked` and `Unreachable`."""
        sock, _ = self._dialer.plain(_host(host), port, self._watch(seconds))
        sock.settimeout(seconds)
        return sock

    def handshake(
        self, host: str, port: int, *, server_name: str = "", seconds: float = 10.0
    ) -> Handshake:
        """What a server shows when it is asked for TLS, be its certificate good or not. Raises
        `Blocked`, and `Unreachable` if it speaks no TLS."""
        name = _host(host)
        return self._dialer.handshake(
            name, port, _host(server_name) if server_name else name, self._watch(seconds)
        )

    def pool(
        self,
        limits: Limits,
        *,
        headers: Mapping[str, str] | None = None,
        stop: threading.Event | None = None,
    ) -> Pool:
        """What a library takes for urllib3's `PoolManager`. `limits.whole` and `limits.body` hold
        for all of its requests together."""
        from shared.outgoing.pool import Pool

        return Pool(self, limits, self._clock, headers or {}, stop)

    def _watch(self, seconds: float) -> Watch:
        return Watch(self._clock, self._clock.monotonic() + seconds)


def _placed(url: str) -> Place:
    try:
        return places.place(url)
    except ValueError as error:
        raise Blocked("the URL", str(error)) from None


def _host(text: str) -> str:
    try:
        return places.host(text)
    except ValueError as error:
        raise Blocked("the host", str(error)) from None


def _completed(at: Place, headers: Mapping[str, str]) -> dict[str, str]:
    """The headers with Belfry's own, which are stronger, but for the name that it gives itself."""
    ours = {"host": at.shown, "accept-encoding": "identity", "connection": "close"}
    theirs = {name: value for name, value in headers.items() if name.lower() not in ours}
    agent = {} if any(name.lower() == "user-agent" for name in theirs) else {"User-Agent": _AGENT}
    return {"Host": at.shown, "Accept-Encoding": "identity", "Connection": "close"} | agent | theirs


def _body(found: Exchange, most: int) -> tuple[bytes, bool]:
    """The body's first bytes, and whether it goes on. If that cannot be seen, it does."""
    if not most:
        return b"", found.left != 0
    parts, count = [], 0
    while count < most and (part := found.read(min(65_536, most - count))):
        parts.append(part)
        count += len(part)
    return b"".join(parts), count >= most and _goes_on(found)


def _goes_on(found: Exchange) -> bool:
    if found.left is not None:
        return found.left > 0
    try:
        return bool(found.read(1))
    except Unreachable:
        return True
