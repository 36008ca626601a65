"""A server that answers as SendGrid, Telegram, Slack and Teams do, on a local port.

What it gets it keeps; what it answers can be said beforehand, answer by answer.
"""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from local.ports import HOST

PATHS = {
    "mail": "/v3/mail/send",
    "telegram": "/bot12345:t0ken-hush/sendMessage",
    "slack": "/services/T0/B0/sl4ck-hush-0123456789",
    "teams": "/workflows/1/triggers/manual/paths/invoke?sp=%2Ftriggers&sig=t34ms-hush-0123456789",
}
SECRETS = {
    "mail": "SG.k3y-hush",
    "telegram": "12345:t0ken-hush",
    "slack": "sl4ck-hush-0123456789",
    "teams": "t34ms-hush-0123456789",
}


@dataclass(frozen=True)
class Got:
    """A request."""

    vendor: str
    headers: Mapping[str, str]
    body: Any


@dataclass(frozen=True)
class Reply:
    """What to answer instead of what the vendor does when all is well."""

    status: int
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    """Write this and end the connection, though the request was taken."""


WELL = {
    "mail": Reply(202, "", {"X-Message-Id": "sg-1"}),
    "telegram": Reply(200, '{"ok": true, "result": {"message_id": 77}}'),
    "slack": Reply(200, "ok"),
    "teams": Reply(202, ""),
}


class Vendors:
    """The server's memory and its plans."""

    def __init__(self, port: int) -> None:
        self.url = f"http://{HOST}:{port}"
        self.got: list[Got] = []
        self.next: dict[str, deque[Reply]] = {name: deque() for name in PATHS}
        self.entered = threading.Event()
        """Set when a request came."""
        self.gate = threading.Event()
        """Answers wait for it."""
        self.gate.set()

    def settings(self) -> dict[str, str]:
        """Environment variables that point every way to people here."""
        return {
            "SENDGRID_API_KEY": "SG.k3y-hush",
            "SENDGRID_URL": self.url,
            "MAIL_FROM": "Belfry <belfry@example.com>",
            "TELEGRAM_BOT_TOKEN": "12345:t0ken-hush",
            "TELEGRAM_CHAT_ID": "-100777",
            "TELEGRAM_URL": self.url,
            "SLACK_WEBHOOK_URL": self.url + PATHS["slack"],
            "TEAMS_WEBHOOK_URL": self.url + PATHS["teams"],
        }

    def say(self, vendor: str, *replies: Reply) -> None:
        """What the vendor answers to its next requests."""
        self.next[vendor].extend(replies)

    def to(self, vendor: str) -> list[Got]:
        return [one for one in self.got if one.vendor == vendor]

    def mailed(self) -> list[str]:
        """The addresses that mail went to."""
        return [one.body["personalizations"][0]["to"][0]["email"] for one in self.to("mail")]


class _Listener(ThreadingHTTPServer):
    daemon_threads = False  # so that closing it waits until every connection is closed


@contextmanager
def vendors() -> Iterator[Vendors]:
    """The server, until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        timeout = 5  # a client that asks nothing and stays is not waited for

        def do_POST(self) -> None:
            vendor = next((name for name, path in PATHS.items() if path == self.path), "nobody")
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            memory.got.append(Got(vendor, dict(self.headers), json.loads(raw)))
            memory.entered.set()
            memory.gate.wait(30)
            if vendor == "nobody":
                reply = Reply(404, "no such path")
            else:
                said = memory.next[vendor]
                reply = said.popleft() if said else WELL[vendor]
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

    with _Listener((HOST, 0), Handler) as listener:
        memory = Vendors(listener.server_port)
        thread = threading.Thread(target=listener.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield memory
        finally:
            memory.gate.set()
            listener.shutdown()
            thread.join()
