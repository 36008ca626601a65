"""A server that answers as the services of all channels do, on a local port.

What it gets it keeps; what it answers can be said beforehand, answer by answer.
"""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from importlib import import_module
from typing import Any
from urllib.parse import parse_qsl

from shared.notifications import channels
from shared.notifications.double import Double, Reply
from shared.notifications.kinds import SMS
from shared.notifications.model import MAIL
from tests.serving import serving

DOUBLES: dict[str, Double] = {
    name: import_module(f"{channels.__name__}.{name}.double").DOUBLE for name in channels.names()
}
CHATS = [name for name in DOUBLES if name not in (MAIL, SMS)]
"""The channels with one place that alerts go to. What is particular to `SMS` is in
`tests/integration/sms`."""


def settings_of(names: Iterable[str], url: str) -> dict[str, str]:
    """Environment variables that point those channels to that URL."""
    return {key: value for name in names for key, value in DOUBLES[name].settings(url).items()}


@dataclass(frozen=True)
class Got:
    """A request."""

    vendor: str
    headers: Mapping[str, str]
    body: Any
    raw: bytes


class Vendors:
    """The server's memory and its plans."""

    def __init__(self) -> None:
        self.url = ""
        self.got: list[Got] = []
        self.next: dict[str, deque[Reply]] = {name: deque() for name in DOUBLES}
        self.entered = threading.Event()
        """Set when a request came."""
        self.gate = threading.Event()
        """Answers wait for it."""
        self.gate.set()

    def settings(self) -> dict[str, str]:
        """Environment variables that point every channel here."""
        return settings_of(DOUBLES, self.url)

    def say(self, vendor: str, *replies: Reply) -> None:
        """What the vendor answers to its next requests."""
        self.next[vendor].extend(replies)

    def to(self, vendor: str) -> list[Got]:
        return [one for one in self.got if one.vendor == vendor]

    def mailed(self) -> list[str]:
        """The addresses that mail went to."""
        return [one.body["personalizations"][0]["to"][0]["email"] for one in self.to("mail")]


@contextmanager
def vendors() -> Iterator[Vendors]:
    """The server, until the block ends."""
    memory = Vendors()

    class Handler(BaseHTTPRequestHandler):
        timeout = 5  # a client that asks nothing and stays is not waited for

        def do_POST(self) -> None:
            vendor = next(
                (name for name, one in DOUBLES.items() if one.path == self.path), "nobody"
            )
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            is_form = "form" in self.headers.get("Content-Type", "")
            body = dict(parse_qsl(raw.decode())) if is_form else json.loads(raw)
            memory.got.append(Got(vendor, dict(self.headers), body, raw))
            memory.entered.set()
            memory.gate.wait(30)
            if vendor == "nobody":
                reply = Reply(404, "no such path")
            else:
                said = memory.next[vendor]
                reply = said.popleft() if said else DOUBLES[vendor].well
            if reply.raw is not None:
                self.wfile.write(reply.raw)
                self.close_connection = True
                return
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply.body.encode())))
            self.end_headers()
            self.wfile.write(reply.body.encode())

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with serving(Handler, waits=True, before_end=memory.gate.set) as memory.url:
        yield memory
