"""Requests to URLs that callers choose: only by https, and only to public addresses.

Otherwise whoever may set a URL could make Belfry reach what stands behind its own firewall (SSRF,
https://cheatsheetseries.owasp.org/cheatsheets/Server_Side_Request_Forgery_Prevention_Cheat_Sheet.html).
The name is resolved once, every address of it is checked, and the connection goes to the address
that was checked, so a name that resolves to something else a moment later has no effect. No
redirect is followed. Errors never contain the URL, which is a secret.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from shared.clock import Clock
from shared.errors import Refused, Unavailable

if TYPE_CHECKING:
    import http.client

    from _typeshed import WriteableBuffer

SECONDS = 10
"""How long each step of a request may take: to connect, to send, to get the whole answer."""
_PORTS = {"https": 443, "http": 80}
_EMBEDDING = tuple(map(ipaddress.ip_network, ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16")))
"""IPv6 networks whose addresses stand for IPv4 addresses (RFC 6052, RFC 8215, RFC 3056)."""
_PLATFORM = ipaddress.ip_address("168.63.129.16")
"""Azure's own address in every virtual network, though it is a public one.
https://learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16"""
_EXEMPT = "; hosts of your own are named by the setting HEARTBEAT_HOSTS"
_PLAIN = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True, slots=True)
class Target:
    """A URL in its parts. Its path may be a secret, so it is not shown."""

    secure: bool
    host: str
    port: int
    path: str
    exempt: bool
    """Whether the host is one of those to which the rules do not apply."""

    def __repr__(self) -> str:
        return f"Target({self.host}:{self.port})"


def target(url: str, allowed: Collection[str] = ()) -> Target:
    """The parts of a URL to which a request may go, as far as the URL shows it. `allowed`: hosts,
    also as `host:port`, that need neither https nor a public address. Raises `ValueError`, whose
    text does not contain the URL."""
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        host, port = "", None
    if not host or not _PLAIN.fullmatch(url) or parts.scheme not in _PORTS:
        raise ValueError("give a URL such as https://hc-ping.com/your-uuid")
    port = port or _PORTS[parts.scheme]
    exempt = host in allowed or f"{host}:{port}" in allowed
    if parts.username is not None or parts.password is not None:
        raise ValueError("give a URL without a user or a password")
    if parts.fragment or parts.query:
        raise ValueError("give a URL without ? and #")
    if parts.scheme != "https" and not exempt:
        raise ValueError(f"give a URL that begins with https://{_EXEMPT}")
    if not exempt and _is_address(host) and not is_public(host):
        raise ValueError(f"{host} is no public address{_EXEMPT}")
    return Target(parts.scheme == "https", host, port, parts.path or "/", exempt)


def is_public(address: str) -> bool:
    """Whether that is the address of a host on the public internet."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            found = found.ipv4_mapped
        elif any(found in network for network in _EMBEDDING):
            return False
    return found.is_global and not found.is_multicast and found != _PLATFORM


def post(
    to: Target, body: bytes, query: str = "", *, clock: Clock, seconds: float = SECONDS
) -> None:
    """Post `body` as text; whatever a 2xx answer says is not read.

    Raises `Refused` if another attempt cannot help, else `Unavailable`.
    """
    import http.client

    address = _address(to)
    connection = _connection(to, address, seconds, clock)
    path = f"{to.path}?{query}" if query else to.path
    headers = {"Content-Type": "text/plain; charset=utf-8", "User-Agent": "Belfry"}
    try:
        connection.request("POST", path, body, headers)
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        raise Unavailable(to.host, f"did not answer ({type(error).__name__})") from None
    finally:
        connection.close()
    if 300 <= status < 400:
        raise Refused(to.host, f"answered {status}; give the URL to which that leads")
    if status == 429 or status >= 500:
        raise Unavailable(to.host, f"answered {status}")
    if status >= 400:
        raise Refused(to.host, f"answered {status}")


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


def _address(to: Target) -> str:
    """An address of the host. Raises `Refused` if any of its addresses is not public."""
    import socket

    try:
        found = socket.getaddrinfo(to.host, to.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Unavailable(to.host, f"its name has no address ({type(error).__name__})") from None
    addresses = [str(one[4][0]) for one in found]
    private = [] if to.exempt else [one for one in addresses if not is_public(one)]
    if private:
        raise Refused(to.host, f"{private[0]} is no public address (HEARTBEAT_HOSTS allows hosts)")
    return addresses[0]


def _connection(
    to: Target, address: str, seconds: float, clock: Clock
) -> http.client.HTTPConnection:
    """A connection to that very address; the certificate must be the host's. An answer must have
    come as a whole after `seconds`: a server may send a byte now and then, for ever."""
    import http.client
    import io
    import socket
    import ssl

    import certifi

    class Answer(io.RawIOBase):
        """What the server sends, until it is too late."""

        def __init__(self, sock: socket.socket) -> None:
            self._sock = sock
            self._until = clock.monotonic() + seconds

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: WriteableBuffer) -> int:
            left = self._until - clock.monotonic()
            if left <= 0:
                raise TimeoutError
            self._sock.settimeout(left)
            return self._sock.recv_into(buffer)

        def makefile(self, _mode: str) -> io.BufferedReader:
            return io.BufferedReader(self)

    class Response(http.client.HTTPResponse):
        def __init__(self, sock: socket.socket, **more: Any) -> None:
            super().__init__(cast("socket.socket", Answer(sock)), **more)  # only read

    class Pinned(http.client.HTTPConnection):
        response_class = Response

        def connect(self) -> None:
            plain = socket.create_connection((address, to.port), seconds)
            self.sock = plain
            if to.secure:
                trusted = ssl.create_default_context(cafile=certifi.where())
                self.sock = trusted.wrap_socket(plain, server_hostname=to.host)

    return Pinned(to.host, to.port, timeout=seconds)
