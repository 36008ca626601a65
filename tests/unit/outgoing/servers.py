"""Servers that behave in any way, and a DNS server, on this machine."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import dns.flags
import dns.message
import dns.query
import dns.resolver
import dns.rrset

from local.ports import HOST
from tests.certificate import Certificate

Speak = Callable[[socket.socket, bytes], object]
"""What a server does with a connection, once a request's head (or nothing) came."""


class Server:
    """What it was sent."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.heads: list[bytes] = []
        self.over = threading.Event()

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"


def text(data: bytes) -> Speak:
    """Answer with these bytes, and close."""
    return lambda sock, _head: sock.sendall(data)


def ok(body: bytes = b"", *headers: bytes) -> bytes:
    lines = [b"HTTP/1.1 200 OK", b"Content-Length: %d" % len(body), *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


@contextmanager
def server(
    speak: Callable[[Server], Speak], *, certificate: Certificate | None = None, first: bool = False
) -> Iterator[Server]:
    """A server whose connections each do what `speak` says, in a thread of their own. `first`: it
    speaks before it is spoken to."""
    listener = socket.create_server((HOST, 0))
    made = Server(listener.getsockname()[1])
    does = speak(made)
    context = certificate.server() if certificate is not None else None
    threads: list[threading.Thread] = []

    def serve(sock: socket.socket) -> None:
        with contextlib.suppress(OSError):
            sock.settimeout(10)
            secure = context.wrap_socket(sock, server_side=True) if context is not None else sock
            with secure:
                head = b""
                while not first and b"\r\n\r\n" not in head and (more := secure.recv(65_536)):
                    head += more
                while b"chunked" in head and not head.endswith(b"0\r\n\r\n"):
                    head += secure.recv(65_536)
                if head:
                    made.heads.append(head)
                does(secure, head)
        sock.close()

    def accept() -> None:
        with contextlib.suppress(OSError):
            while not made.over.is_set():
                sock, _ = listener.accept()
                if made.over.is_set():
                    sock.close()
                    return
                thread = threading.Thread(target=serve, args=(sock,))
                threads.append(thread)
                thread.start()

    accepting = threading.Thread(target=accept)
    accepting.start()
    try:
        yield made
    finally:
        made.over.set()
        with contextlib.suppress(OSError), socket.create_connection((HOST, made.port)):
            pass
        accepting.join()
        listener.close()
        for one in threads:
            one.join()


class Names:
    """A DNS server: it answers the n-th question for a name with its n-th set of addresses."""

    def __init__(self, answers: dict[str, Sequence[Sequence[str]]]) -> None:
        self._answers = answers
        self.asked: list[str] = []
        self.port = 0

    def resolve(self, name: str, port: int) -> list[str]:
        """Ask it for the name, as a resolver would."""
        del port
        asks = dns.message.make_query(name, "A")
        answer = dns.query.udp(asks, HOST, port=self.port, timeout=5)
        return [record.address for one in answer.answer for record in one]

    def _say(self, asks: dns.message.Message) -> dns.message.Message:
        question = asks.question[0]
        name = question.name.to_text(omit_final_dot=True)
        sets = self._answers.get(name, [[]])
        found = sets[min(self.asked.count(name), len(sets) - 1)]
        self.asked.append(name)
        answer = dns.message.make_response(asks)
        if found:
            answer.answer.append(dns.rrset.from_text_list(question.name, 0, "IN", "A", list(found)))
        return answer

    @contextmanager
    def served(self) -> Iterator[Names]:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind((HOST, 0))
            self.port = sock.getsockname()[1]
            thread = threading.Thread(target=self._serve, args=(sock,))
            thread.start()
            try:
                yield self
            finally:
                sock.sendto(b"end", (HOST, self.port))
                thread.join()

    def _serve(self, sock: socket.socket) -> None:
        while (got := sock.recvfrom(4096))[0] != b"end":
            sock.sendto(self._say(dns.message.from_wire(got[0])).to_wire(), got[1])
