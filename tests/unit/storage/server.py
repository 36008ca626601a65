"""A service on a real socket that says what a test tells it to, byte by byte."""

from __future__ import annotations

import contextlib
import queue
import socket
import ssl
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal

from tests.faults.wire import Gone, Message, Wire

Then = Literal["keep", "close", "reset", "hang"]
DATE = "Thu, 01 Jan 2026 00:00:00 GMT"
SECONDS = 20
"""More than anything here takes; a test that waits this long has failed."""


@dataclass(frozen=True)
class Says:
    """Bytes, and what becomes of the connection after them; `hang` until the client ends it."""

    sent: bytes
    then: Then = "keep"

    def cut(self, at: int | bytes, then: Then = "close") -> Says:
        """The same, ended within: after so many bytes, or after the first of `at`."""
        end = at if isinstance(at, int) else self.sent.index(at) + len(at)
        return Says(self.sent[:end], then)


NOTHING = Says(b"", "close")


def says(status: int = 200, body: bytes = b"", **headers: Any) -> Says:
    """A whole answer, with the length of its body and the date; `_` in names for `-`. A header that
    is empty is left out."""
    told = {"Content_Length": str(len(body)), "Date": DATE} | headers
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in told.items() if value]
    head = "\r\n".join((f"HTTP/1.1 {status} Word", *lines, "", ""))
    return Says(head.encode() + body)


def chunked(parts: Iterable[bytes], **headers: Any) -> Says:
    """An answer whose length nobody knows before its end."""
    body = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (*parts, b""))
    told = says(200, Content_Length="", Transfer_Encoding="chunked", **headers)
    return Says(told.sent + body)


class Server:
    """Gives its answers in order, whichever connection asks, and keeps what it was asked:
    `with Server(says(200)) as server`. With none left it closes the connection."""

    def __init__(self, *answers: Says, tls: ssl.SSLContext | None = None) -> None:
        self.asked: list[Message] = []
        self.connections = 0
        """How many there were."""
        self._tls = tls
        self._open: set[socket.socket] = set()
        self._answers: queue.SimpleQueue[Says] = queue.SimpleQueue()
        self.add(*answers)
        self._changed = threading.Condition()
        self._threads: list[threading.Thread] = []

    def add(self, *answers: Says) -> None:
        for answer in answers:
            self._answers.put(answer)

    @property
    def url(self) -> str:
        host, port = self._listener.getsockname()
        return f"{'https' if self._tls else 'http'}://{host}:{port}"

    @property
    def paths(self) -> list[str]:
        return [f"{one.start[0]} {one.start[1]}" for one in self.asked]

    def all_ended(self) -> bool:
        """Wait until the client has closed every connection; whether it did."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._open, SECONDS)

    def __enter__(self) -> Server:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._threads.append(threading.Thread(target=self._accept))
        self._threads[0].start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        with contextlib.suppress(OSError):  # macOS: it is not connected
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._changed:
            for one in self._open:
                with contextlib.suppress(OSError):  # the client has gone already
                    one.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(SECONDS)

    def _accept(self) -> None:
        while True:
            try:
                accepted, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(accepted,))
            with self._changed:
                self.connections += 1
                self._open.add(accepted)
                self._threads.append(thread)
            thread.start()

    def _serve(self, accepted: socket.socket) -> None:
        try:
            with contextlib.suppress(Gone, OSError), self._secured(accepted) as secured:
                wire = Wire(secured)
                while (request := wire.request()) is not None:
                    with self._changed:
                        self.asked.append(request)
                    if not self._answer(wire):
                        return
        finally:
            accepted.close()
            with self._changed:
                self._open.discard(accepted)
                self._changed.notify_all()

    def _secured(self, accepted: socket.socket) -> socket.socket:
        return self._tls.wrap_socket(accepted, server_side=True) if self._tls else accepted

    def _answer(self, wire: Wire) -> bool:
        """Whether the connection goes on."""
        try:
            answer = self._answers.get_nowait()
        except queue.Empty:
            answer = NOTHING
        wire.socket.sendall(answer.sent)
        if answer.then == "hang":
            wire.wait_for_end()
        elif answer.then == "reset":
            wire.reset()
        return answer.then == "keep"
