"""One request on one connection by HTTP/1.1, and its answer, read in pieces.

urllib3 writes and reads it (2.7 and later: earlier ones decompress without bounds). Nothing is
decompressed, and the connection serves one request.
"""

from __future__ import annotations

import http.client
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import IO, Any, NoReturn, TypeAlias

import urllib3
from urllib3.connection import HTTPConnection
from urllib3.util.response import assert_header_parsing

from shared.outgoing.model import Unreachable, Why
from shared.outgoing.places import Place
from shared.outgoing.watch import HEAD, Watch

Body: TypeAlias = bytes | Iterable[bytes] | IO[bytes]
PIECE = 65_536
_WIRE = 16
"""Bytes on the wire for one of a body at most: the smallest chunks take six."""


class _Response(http.client.HTTPResponse):
    def _read_status(self) -> tuple[str, int, str]:
        """The status, after those that only say that one will come (RFC 9110, 15.2)."""
        while True:
            found: tuple[str, int, str] = super()._read_status()  # type: ignore[misc]
            if found[1] == 101:
                raise http.client.HTTPException("it changed the protocol, unasked")
            if not 100 < found[1] < 200:
                return found
            http.client.parse_headers(self.fp)

    def begin(self) -> None:
        super().begin()
        try:
            assert_header_parsing(self.msg)
        except urllib3.exceptions.HeaderParsingError:
            raise http.client.HTTPException("its head has a line that is no header") from None


class _Connection(HTTPConnection):
    """A connection that was made, and is not made anew."""

    response_class = _Response
    auto_open = 0

    def connect(self) -> NoReturn:
        raise http.client.NotConnected


class Exchange:
    """An answer, whose body is not read yet. Close it."""

    def __init__(
        self, place: Place, address: str, connection: _Connection, watch: Watch, limit: int
    ) -> None:
        found: Any = connection.getresponse()
        self._connection = connection
        self.place = place
        self.address = address
        self.status: int = found.status
        self.reason: str = found.reason or ""
        self.headers: tuple[tuple[str, str], ...] = tuple(found.headers.items())
        self.first = watch.first
        self._found = found
        watch.allow(limit * _WIRE + HEAD)

    def header(self, name: str) -> str | None:
        """The first header of that name, in any case."""
        return next((value for one, value in self.headers if one.lower() == name.lower()), None)

    def read(self, most: int) -> bytes:
        """The next bytes of the body, as they were sent, at most so many; none at its end. Raises
        `Unreachable` and `Cancelled`."""
        with told(self.place.host):
            found: bytes = self._found.read(most, decode_content=False)
            return found

    @property
    def left(self) -> int | None:
        """How many bytes of the body are left; None if the answer does not say."""
        found: int | None = self._found.length_remaining
        return found

    def close(self) -> None:
        self._found.close()
        self._connection.close()

    def __enter__(self) -> Exchange:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def send(
    place: Place,
    sock: Any,
    address: str,
    method: str,
    headers: Mapping[str, str],
    body: Body | None,
    watch: Watch,
    limit: int,
) -> Exchange:
    """Send a request on a connection, and read the answer's head. The connection is closed with
    the exchange, or if this raises: `Unreachable` and `Cancelled`. `limit`: bytes of the body."""
    connection = _Connection(place.host, place.port)
    connection.sock = sock
    try:
        with told(place.host):
            with suppress(BrokenPipeError):  # it may have answered before it had the whole body
                connection.request(
                    method,
                    place.target,
                    body,
                    headers,
                    preload_content=False,
                    decode_content=False,
                )
            return Exchange(place, address, connection, watch, limit)
    except BaseException:
        connection.close()
        raise


@contextmanager
def told(host: str) -> Iterator[None]:
    """Turn what sockets, http.client and urllib3 raise into `Unreachable`."""
    try:
        yield
    except (TimeoutError, urllib3.exceptions.TimeoutError):
        raise Unreachable(host, "did not answer in time", Why.TIMEOUT) from None
    except (OSError, ValueError, http.client.HTTPException, urllib3.exceptions.HTTPError) as error:
        why = _why(error)
        said = "broke the connection" if why is Why.BROKEN else "does not speak HTTP well"
        raise Unreachable(host, f"{said} ({_name(error)})", why) from None


def _inner(error: Exception) -> object:
    """urllib3 keeps what it caught as its error's second argument."""
    is_wrapped = isinstance(error, urllib3.exceptions.ProtocolError) and len(error.args) > 1
    return error.args[1] if is_wrapped else error


def _why(error: Exception) -> Why:
    broken = (OSError, http.client.IncompleteRead, urllib3.exceptions.SSLError)
    return Why.BROKEN if isinstance(_inner(error), broken) else Why.PROTOCOL


def _name(error: Exception) -> str:
    inner = _inner(error)
    said = str(inner) if type(inner) is http.client.HTTPException else ""
    return said or type(inner).__name__
