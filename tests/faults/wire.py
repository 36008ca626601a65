"""HTTP/1.1 over a blocking socket, no more of it than a proxy needs: bytes pass as they came."""

from __future__ import annotations

import contextlib
import socket
import struct
from dataclasses import dataclass

Bytes = bytes | bytearray
_READ = 1 << 16
_JOINED = 1 << 16
"""A body up to this size is sent with its head in one packet."""
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_WITHOUT_BODY = (204, 304)


class Gone(Exception):
    """The other side closed the connection in the middle of a message."""


@dataclass(slots=True)
class Message:
    """A request or an answer."""

    start: list[str]
    """The words of its first line."""
    head: bytes
    """With the first line and the empty one."""
    headers: dict[str, str]
    """By name in lower case."""
    raw: Bytes = b""
    """The body as it came, with the frames of its chunks."""
    data: Bytes = b""
    """The body."""
    closes: bool = False
    """Whether its sender closes the connection after it."""

    @property
    def status(self) -> int:
        return int(self.start[1])


class Wire:
    """One side of a connection, which it closes if it cannot be used."""

    def __init__(self, connected: socket.socket) -> None:
        try:
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError:
            connected.close()
            raise
        self.socket = connected
        self._buffer = bytearray()

    def request(self) -> Message | None:
        """The next request; None when the client closed the connection instead."""
        head = self._head(may_end=True)
        if head is None:
            return None
        message = _parse(head)
        if message.headers.get("expect", "").lower() == "100-continue":
            self.socket.sendall(_CONTINUE)
        self._body(message)
        return message

    def answer(self, method: str) -> Message:
        """The answer to a request of `method`."""
        message = _parse(self._must_head())
        while message.status < 200:
            message = _parse(self._must_head())
        if method == "HEAD" or message.status in _WITHOUT_BODY:
            return message
        if "content-length" in message.headers or "transfer-encoding" in message.headers:
            self._body(message)
        else:
            self._rest(message)
        return message

    def send(self, head: bytes, body: Bytes = b"") -> None:
        if len(body) <= _JOINED:
            self.socket.sendall(head + body)
        else:
            self.socket.sendall(head)
            self.socket.sendall(body)

    @property
    def ended(self) -> bool:
        """Whether the other side closed, or said something that nobody asked for."""
        try:
            self.socket.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except OSError:
            pass
        return True

    def wait_for_end(self) -> None:
        """Return when the other side has closed."""
        with contextlib.suppress(OSError):
            while self.socket.recv(_READ):
                pass

    def reset(self) -> None:
        """Close with RST: what was sent and not yet read is lost too."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def close(self) -> None:
        self.socket.close()

    def interrupt(self) -> None:
        """End what another thread waits for on this socket."""
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)

    def _must_head(self) -> bytes:
        head = self._head(may_end=False)
        assert head is not None
        return head

    def _head(self, *, may_end: bool) -> bytes | None:
        try:
            return self._until(b"\r\n\r\n")
        except Gone:
            if may_end and not self._buffer:
                return None
            raise

    def _body(self, message: Message) -> None:
        if "chunked" in message.headers.get("transfer-encoding", "").lower():
            self._chunks(message)
        else:
            message.raw = message.data = self._exactly(
                int(message.headers.get("content-length", 0))
            )

    def _chunks(self, message: Message) -> None:
        raw, data = bytearray(), bytearray()
        size = -1
        while size:
            line = self._until(b"\r\n")
            size = int(line.partition(b";")[0], 16)
            chunk = self._exactly(size) if size else b""
            raw += line + chunk
            data += chunk
            # After the last one come the trailers, which an empty line ends as it does a chunk.
            while (line := self._until(b"\r\n")) != b"\r\n":
                raw += line
            raw += line
        message.raw, message.data = raw, data

    def _rest(self, message: Message) -> None:
        while more := self.socket.recv(_READ):
            self._buffer += more
        message.raw = message.data = bytes(self._buffer)
        message.closes = True

    def _until(self, end: bytes) -> bytes:
        start = 0
        while (at := self._buffer.find(end, start)) < 0:
            start = max(0, len(self._buffer) - len(end) + 1)
            more = self.socket.recv(_READ)
            if not more:
                raise Gone
            self._buffer += more
        return self._take(at + len(end))

    def _exactly(self, count: int) -> Bytes:
        if count <= len(self._buffer):
            return self._take(count)
        filled = len(self._buffer)
        whole = bytearray(count)
        whole[:filled] = self._buffer
        self._buffer.clear()
        with memoryview(whole) as view:
            while filled < count:
                got = self.socket.recv_into(view[filled:])
                if not got:
                    raise Gone
                filled += got
        return whole

    def _take(self, count: int) -> bytes:
        taken = bytes(self._buffer[:count])
        del self._buffer[:count]
        return taken


def _parse(head: bytes) -> Message:
    first, *lines = head.decode("latin-1").split("\r\n")[:-2]
    headers: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    closes = headers.get("connection", "").lower() == "close"
    return Message(first.split(" ", 2), head, headers, closes=closes)
