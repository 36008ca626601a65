"""What a request to a place of a customer may take, what came back, and what can go wrong."""

from __future__ import annotations

import socket
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from shared.errors import Refused, Unavailable


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """What one request may take. Times are in seconds, sizes in bytes."""

    connect: float = 5.0
    """To look its name up and to connect, TLS included."""
    first_byte: float = 15.0
    """From the connection to the first byte of the answer."""
    whole: float = 30.0
    """From the beginning to the last byte, redirects included."""
    body: int = 64 * 1024
    """Of an answer's body, as it is sent; what comes after is not read."""
    redirects: int = 0
    """How many are followed; each is checked like the first URL."""


USUAL = Limits()


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What came back, be its status what it may."""

    url: str
    """What answered: after redirects, the last URL."""
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    """Its first bytes, as they were sent: nothing is decompressed."""
    cut: bool
    """Whether the body went on."""
    address: str
    """The IP address that answered."""
    connected_after: float
    """In seconds since the beginning; of the last connection, if there were redirects."""
    first_byte_after: float
    ended_after: float

    def header(self, name: str) -> str | None:
        """The first header of that name, in any case."""
        return next((value for one, value in self.headers if one.lower() == name.lower()), None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Handshake:
    """What a server showed when it was asked for TLS."""

    address: str
    """The IP address that answered."""
    chain: tuple[bytes, ...]
    """Its certificate, and what it sent with it, each in DER."""
    version: str
    """Such as TLSv1.3."""
    verified: bool
    """Whether the certificate is good for the name, now."""
    problem: str
    """Why it is not; empty if it is."""


class Why(StrEnum):
    """Why nothing, or no whole answer, came back."""

    NAME = "name"
    """Its name has no address."""
    CONNECT = "connect"
    TLS = "tls"
    """Its certificate is not good for its name, or it speaks no TLS."""
    TIMEOUT = "timeout"
    PROTOCOL = "protocol"
    """It does not speak HTTP, or its head is too large."""
    BROKEN = "broken"
    """The connection ended early."""


class Blocked(Refused):
    """A place that customers may not reach: no other attempt helps. Its message names the host, and
    never the path or the query of a URL."""


class Unreachable(Unavailable):
    """No answer, or half of one; another attempt may help."""

    def __init__(self, service: str, message: str, why: Why) -> None:
        super().__init__(service, message)
        self.why = why


class TooLarge(Refused):
    """What came is larger than the caller's limit, and would be again."""


class Outgoing(Protocol):
    """The one way to places that customers choose. Public addresses only, unless OUTGOING_RANGES
    allows others; every address of a name is checked, and the connection goes to one that was."""

    def hold(self, url: str) -> None:
        """Raise `ValueError`, without the URL in its text, unless a request may go there as far as
        the URL shows it. Nothing is looked up."""

    def hold_host(self, host: str, port: int) -> None:
        """The same for a connection of any protocol."""

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
        """Send one request. Raises `Blocked`, `Unreachable`, `Invalid` for a header that customers
        may not set, and `Cancelled` when `stop` is set."""

    def addresses(self, host: str, port: int) -> tuple[str, ...]:
        """Every address of the host, each checked. Raises `Blocked` and `Unreachable`."""

    def connect(self, host: str, port: int, *, seconds: float = 5.0) -> socket.socket:
        """A connection to one of them, without TLS, whose reads and writes have `seconds` each.
        Raises `Blocked` and `Unreachable`."""

    def handshake(
        self, host: str, port: int, *, server_name: str = "", seconds: float = 10.0
    ) -> Handshake:
        """What a server shows when it is asked for TLS, be its certificate good or not.
        `server_name`: that it is asked for, if not `host`. Raises `Blocked`, and `Unreachable` if
        it speaks no TLS."""

    def pool(
        self,
        limits: Limits,
        *,
        headers: Mapping[str, str] | None = None,
        stop: threading.Event | None = None,
    ) -> Any:
        """What a library takes for urllib3's `PoolManager`. `limits.whole` and `limits.body` hold
        for all of its requests together. Its requests and reads raise `Blocked`, `Unreachable`,
        `TooLarge` and `Cancelled`."""
