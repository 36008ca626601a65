"""What a library takes for urllib3's `PoolManager`; each request goes through the client."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import urllib3

from shared.clock import Clock
from shared.outgoing.exchange import PIECE, Body, Exchange
from shared.outgoing.model import Limits, TooLarge, Unreachable, Why

if TYPE_CHECKING:
    from shared.outgoing.client import Client


class Pool:
    """The pool. Time and bytes are counted from when it was made, over all of its requests."""

    def __init__(
        self,
        client: Client,
        limits: Limits,
        clock: Clock,
        headers: Mapping[str, str],
        stop: threading.Event | None,
    ) -> None:
        self._client = client
        self._limits = limits
        self._clock = clock
        self._stop = stop
        self._end = clock.monotonic() + limits.whole
        self._room = limits.body
        self.headers = dict(headers)
        """Those of each request that brings none."""

    def request(
        self,
        method: str,
        url: str,
        body: Body | None = None,
        fields: None = None,
        headers: Mapping[str, str] | None = None,
        **_options: Any,
    ) -> PoolAnswer:
        """Send a request. urllib3's options (its time-outs, whether the body is loaded, redirects)
        have no effect: the pool's limits hold, and the body is read as the caller reads it."""
        if fields is not None:
            raise ValueError("a guarded pool sends no forms; give a body")
        left = self._end - self._clock.monotonic()
        if left <= 0:
            raise Unreachable("the pool's requests", "took too long together", Why.TIMEOUT)
        limits = Limits(
            connect=self._limits.connect,
            first_byte=self._limits.first_byte,
            whole=left,
            body=self._room,
            redirects=self._limits.redirects,
        )
        sent = self.headers if headers is None else headers
        found, _ = self._client.start(method, url, sent, body, limits, self._stop)
        return PoolAnswer(found, url, self._read)

    urlopen = request

    def clear(self) -> None:
        """Do nothing: no connection is kept."""

    def _read(self, found: Exchange, most: int) -> bytes:
        piece = found.read(min(most, self._room + 1))
        self._room -= len(piece)
        if self._room < 0:
            raise TooLarge(found.place.host, f"sent more than {self._limits.body:,} bytes")
        return piece


class PoolAnswer:
    """An answer, with what libraries use of urllib3's `HTTPResponse`."""

    def __init__(self, found: Exchange, asked: str, read: Any) -> None:
        self._found = found
        self._read = read
        self._url = asked if found.place.url == asked else found.place.url
        self.status = found.status
        self.reason = found.reason
        self.headers = urllib3.HTTPHeaderDict(found.headers)
        self.closed = False

    def geturl(self) -> str:
        """What answered: after redirects, the last URL."""
        return self._url

    url = property(geturl)

    def read(self, amt: int | None = None, *_: object, **__: object) -> bytes:
        """The next bytes, as they were sent, up to `amt`; None: all."""
        if self.closed:
            return b""
        if amt is not None:
            return self._taken(amt)
        return b"".join(self.stream())

    def stream(self, amt: int = PIECE, *_: object, **__: object) -> Iterator[bytes]:
        """The body in pieces."""
        while piece := self.read(amt):
            yield piece

    @property
    def data(self) -> bytes:
        """What is left of the body."""
        return self.read()

    def _taken(self, amt: int) -> bytes:
        try:
            piece: bytes = self._read(self._found, amt)
        except BaseException:
            self.close()
            raise
        if not piece and amt:
            self.close()
        return piece

    def close(self) -> None:
        self.closed = True
        self._found.close()

    release_conn = close
    drain_conn = close
