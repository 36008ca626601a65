"""Sockets that end in time, however slowly the other side sends.

A socket's own time-out begins anew with each byte that comes. So each read and each write here gets
what is left of a deadline, and what came is counted.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from typing import TYPE_CHECKING, Any

from shared import transferred
from shared.clock import Clock
from shared.errors import Cancelled

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

_LOOK = 0.5
"""Seconds after which a wait looks whether it is to stop."""
HEAD = 65_536
"""The most bytes of an answer's head."""


class Flooded(http.client.HTTPException):
    """More bytes came than a head, or a body of that size, can need."""


class Watch:
    """The deadline of a request, and how many bytes may yet come. Of one thread."""

    def __init__(self, clock: Clock, end: float, stop: threading.Event | None = None) -> None:
        """`end`: when all must be over, by the clock's `monotonic`."""
        self._clock = clock
        self._stop = stop
        self.end = end
        self.until = end
        self._room = HEAD
        self.first: float | None = None
        """When the first byte of the answer came."""

    def again(self) -> None:
        """Another answer is to come."""
        self.first, self._room = None, HEAD

    def within(self, seconds: float) -> None:
        """The next step must be over after so long."""
        self.until = min(self.end, self._clock.monotonic() + seconds)

    def left(self) -> float:
        """Seconds that are left. Raises `TimeoutError` if none are, and `Cancelled`."""
        if self._stop is not None and self._stop.is_set():
            raise Cancelled("stopped during a request")
        left = self.until - self._clock.monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    def turn(self) -> float:
        """How long one wait may be."""
        left = self.left()
        return left if self._stop is None else min(left, _LOOK)

    def allow(self, count: int) -> None:
        """Allow so many bytes from now on."""
        self._room = count

    def came(self, count: int) -> None:
        """Note that so many bytes came. Raises `Flooded`."""
        if count and self.first is None:
            self.first = self._clock.monotonic()
            self.until = self.end
        self._room -= count
        if self._room < 0:
            raise Flooded("it sent too much")


class _Watched(socket.socket):
    watch: Watch | None = None

    def recv_into(self, buffer: WriteableBuffer, nbytes: int | None = None, flags: int = 0) -> int:
        watch = self.watch
        if watch is None:
            return super().recv_into(buffer, nbytes or 0, flags)
        while True:
            self.settimeout(watch.turn())
            try:
                count = super().recv_into(buffer, nbytes or 0, flags)
            except TimeoutError:  # `turn` raises it if it is one
                continue
            transferred.count(count)
            watch.came(count)
            return count

    def send(self, data: ReadableBuffer, flags: int = 0) -> int:
        watch = self.watch
        if watch is None:
            return super().send(data, flags)
        while True:
            self.settimeout(watch.turn())
            try:
                count = super().send(data, flags)
            except TimeoutError:
                continue
            transferred.count(count)
            return count

    def sendall(self, data: ReadableBuffer, flags: int = 0) -> None:
        rest = memoryview(data).cast("B")
        while rest:
            rest = rest[self.send(rest, flags) :]


class Plain(_Watched):
    """A TCP connection."""


class Secure(_Watched, ssl.SSLSocket):
    """A TLS connection; `SSLContext.sslsocket_class` makes it."""


def watched(sock: Any, watch: Watch) -> Any:
    """The socket, which heeds the watch from now on."""
    sock.watch = watch
    return sock
