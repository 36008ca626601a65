"""A place of customers, in the soak's process: it receives webhooks, and has a page to look at.

It loses every third answer to a webhook, is away now and then, and slow at times; the page is down
half of the time. What it receives it verifies as docs/webhooks.md says, by the library.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from unittest import mock

import standardwebhooks.webhooks as library
from standardwebhooks import Webhook, WebhookVerificationError

from local.ports import HOST

_ROUND = 18.0
"""Seconds after which the place does the same again."""
_AWAY, _SLOW = (7.0, 11.0), (13.0, 16.0)
"""When in a round."""
_SLOWLY = 3.5
"""Seconds that a slow answer takes: longer than an endpoint that counts as fast."""
_LOSES = 3
_PAGE = 4.0
"""Seconds for which the page is up, and then down."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Got:
    """A delivery that came, and was good."""

    project: int
    id: str
    schedule: str
    due_at: str
    body: bytes
    answered: bool
    """Whether its sender was told."""


@dataclass
class Place:
    """`keys`: by project, the key of its webhook. `now`: the clock, whose seconds are `factor`
    times as short as life's."""

    keys: Mapping[int, str]
    now: Callable[[], datetime]
    factor: int
    url: str = ""
    got: list[Got] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    is_calm: bool = False
    """From then on it is neither away nor slow, and loses no answer."""
    _numbers: dict[str, Iterator[int]] = field(default_factory=lambda: defaultdict(itertools.count))
    _began: float = field(default_factory=time.monotonic)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, handler: BaseHTTPRequestHandler) -> None:
        """A webhook: `/hook/{project}`."""
        if self._is_in(_AWAY):
            self._count("away")
            handler.close_connection = True
            return
        body = handler.rfile.read(int(handler.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in handler.headers.items()}
        with self._lock:
            is_third = next(self._numbers[handler.path]) % _LOSES == _LOSES - 1
            answers = self.is_calm or not is_third
            self._note(handler.path, headers, body, answers)
        if not answers:
            handler.close_connection = True
            return
        if self._is_in(_SLOW):
            time.sleep(_SLOWLY)
        _answer(handler, 200)

    def show(self, handler: BaseHTTPRequestHandler) -> None:
        """The page."""
        is_up = int((time.monotonic() - self._began) / _PAGE) % 2 == 0
        self._count("page up" if is_up else "page down")
        _answer(handler, 200 if is_up else 503)

    def _note(self, path: str, headers: dict[str, str], body: bytes, answers: bool) -> None:
        project = int(path.rpartition("/")[2])
        try:
            said = self._verified(Webhook(self.keys[project]), body, headers)
        except WebhookVerificationError as error:
            self.wrong.append(f"{headers.get('webhook-id')} to project {project}: {error}")
            return
        made = Got(
            project=project,
            id=headers["webhook-id"],
            schedule=said["schedule"]["id"],
            due_at=said["due_at"],
            body=body,
            answered=answers,
        )
        self.counts["answered" if answers else "answers lost"] += 1
        self.got.append(made)

    def _verified(self, hook: Webhook, body: bytes, headers: dict[str, str]) -> Any:
        """The library allows for five minutes of life, which are hours here."""
        sent = datetime.fromtimestamp(float(headers.get("webhook-timestamp", 0)), UTC)
        arrived = sent + (self.now() - sent) / self.factor

        class Now(datetime):
            @classmethod
            def now(cls, tz: tzinfo | None = None) -> Self:
                return cls.fromtimestamp(arrived.timestamp(), tz)

        with mock.patch.object(library, "datetime", Now):
            return hook.verify(body, headers)

    def _is_in(self, when: tuple[float, float]) -> bool:
        at = (time.monotonic() - self._began) % _ROUND
        return not self.is_calm and when[0] <= at < when[1]

    def _count(self, what: str) -> None:
        with self._lock:
            self.counts[what] += 1


def _answer(handler: BaseHTTPRequestHandler, status: int) -> None:
    handler.send_response(status)
    handler.send_header("Content-Length", "2")
    handler.end_headers()
    handler.wfile.write(b"ok" if status < 300 else b"no")


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_: Any) -> None:
        """The sender was killed."""


@contextmanager
def opened(place: Place) -> Iterator[None]:
    """It listens, on a free port."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            place.take(self)

        def do_GET(self) -> None:
            place.show(self)

        def log_message(self, *_: Any) -> None:
            pass

    server = _Server((HOST, 0), Handler)
    place.url = f"http://{HOST}:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
