"""A receiver of webhooks, over a real socket, and deliveries to it on real tables."""

from __future__ import annotations

import base64
import itertools
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from http.client import HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import urllib3

from shared.access import Caller, Role
from shared.alerts.port import AlertKind
from shared.audit.port import Action, Changing, Subject
from shared.clock import Clock
from shared.errors import Cancelled
from shared.outgoing.model import Answer, Limits, Unreachable, Why
from shared.resources.model import Kind, Resource
from shared.resources.webhooks import Webhook
from shared.settings import Secret, StorageAccount
from shared.storage.connect import Connection
from shared.webhooks.body import Wanted
from shared.webhooks.service import Webhooks
from shared.webhooks.store import Store
from tests.known import Known

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
KEY, OLD_KEY = ("whsec_" + base64.b64encode(bytes([one]) * 32).decode() for one in (1, 2))
ANA = Caller(name="Ana", role=Role.OPERATOR)
_tables = itertools.count()


@dataclass
class Got:
    """A request that came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]


Reply = Callable[[Got, BaseHTTPRequestHandler], None]
"""Answers a request."""


def status(code: int, **headers: str) -> Reply:
    """An answer with that status, and `no` or `ok` as its body."""

    def reply(_: Got, handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(code)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", "2")
        handler.end_headers()
        handler.wfile.write(b"ok" if code < 300 else b"no")

    return reply


def lost(_: Got, handler: BaseHTTPRequestHandler) -> None:
    """The request was read, and the answer is lost."""
    handler.close_connection = True


@dataclass
class Receiver:
    """What came, and how the next ones are answered; by default, with 200."""

    url: str
    got: list[Got] = field(default_factory=list)
    replies: Iterator[Reply] = field(default_factory=lambda: itertools.repeat(status(200)))
    lock: threading.Lock = field(default_factory=threading.Lock)
    under_way: int = 0
    most: int = 0

    def answers(self, *codes: int | Reply, then: int = 200) -> None:
        """The next answers; statuses, or functions that answer."""
        first = (status(one) if isinstance(one, int) else one for one in codes)
        self.replies = itertools.chain(first, itertools.repeat(status(then)))

    def take(self, handler: BaseHTTPRequestHandler) -> None:
        size = int(handler.headers.get("Content-Length", 0))
        headers = {name.lower(): value for name, value in handler.headers.items()}
        got = Got(handler.path, headers, handler.rfile.read(size))
        with self.lock:
            self.got.append(got)
            reply = next(self.replies)
            self.under_way += 1
            self.most = max(self.most, self.under_way)
        try:
            reply(got, handler)
        finally:
            with self.lock:
                self.under_way -= 1


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_: Any) -> None:
        """The sender went away, as it may."""


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver on a free port."""
    made: list[Receiver] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            made[0].take(self)

        def log_message(self, *_: Any) -> None:
            pass

    server = _Server(("127.0.0.1", 0), Handler)
    made.append(Receiver(f"http://127.0.0.1:{server.server_port}"))
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield made[0]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Plain:
    """Goes wherever it is told to, as no outgoing client of the app does; `fails` is raised
    instead."""

    def __init__(self) -> None:
        self.fails: Exception | None = None
        self._pool = urllib3.PoolManager(maxsize=64, retries=False)

    def hold(self, url: str) -> None:
        """Anywhere."""

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        limits: Limits = Limits(),  # noqa: B008
        stop: threading.Event | None = None,
    ) -> Answer:
        if stop is not None and stop.is_set():
            raise Cancelled("stopped")
        if self.fails is not None:
            raise self.fails
        try:
            got = self._pool.request(
                method,
                url,
                body=body,
                headers=dict(headers or {}),
                redirect=False,
                timeout=limits.whole,
                preload_content=False,
            )
            read = got.read(limits.body)
            got.drain_conn()
        except (urllib3.exceptions.HTTPError, HTTPException, OSError) as error:
            raise Unreachable("the receiver", type(error).__name__, Why.BROKEN) from error
        return Answer(
            url=url,
            status=got.status,
            headers=tuple(got.headers.items()),
            body=read,
            cut=False,
            address="127.0.0.1",
            connected_after=0,
            first_byte_after=0,
            ended_after=0,
        )

    def addresses(self, host: str, port: int) -> tuple[str, ...]:
        raise NotImplementedError

    hold_host: Any = None
    connect: Any = None
    handshake: Any = None
    pool: Any = None


class Hooks(Known):
    """The webhooks that a test made."""

    def add(
        self, url: str, id: str = "15", project: int | None = 1, **what: Any
    ) -> Resource[Webhook]:
        hook = Webhook(name="test", host="example.com", **what)
        return self.keep(hook, id, project, {"url": url, "signing_key": KEY})

    def change(self, id: str = "15", project: int | None = 1, **changes: Any) -> None:
        self.alter(Kind.WEBHOOK, id, project, **changes)


class Alerts:
    """What people are told: each key once."""

    def __init__(self) -> None:
        self.said: dict[str, tuple[AlertKind, str]] = {}

    def happened(self, kind: AlertKind, about: str, text: str, *, key: str) -> None:  # noqa: ARG002
        self.said.setdefault(f"{kind}:{key}", (kind, text))

    open: Any = None
    close: Any = None

    @property
    def kinds(self) -> list[str]:
        return [kind.value for kind, _ in self.said.values()]


class Audited:
    """What the audit was told."""

    def __init__(self) -> None:
        self.changes: list[tuple[str, Action, str]] = []

    @contextmanager
    def changing(
        self,
        by: Caller,
        action: Action,
        subject: Subject,
        before: Mapping[str, object] | None = None,  # noqa: ARG002
        *,
        even_if_away: bool = False,  # noqa: ARG002
    ) -> Iterator[Changing]:
        self.changes.append((by.name, action, subject.kind))
        yield Changing()


class Spend:
    """No budget, and what it was told."""

    def __init__(self) -> None:
        self.told: dict[tuple[str, int | None], int] = {}

    def refusal(self, schedule_id: str, project_id: int | None) -> None:  # noqa: ARG002
        return None

    def moved(self, schedule_id: str, project_id: int | None, count: int) -> None:
        self.told[schedule_id, project_id] = count


class World:
    """Deliveries on a table of their own."""

    def __init__(
        self, storage: str, clock: Clock, table: str | None = None, transport: Any = None
    ) -> None:
        self.table = table or f"hooks{next(_tables)}"
        self.clock = clock
        connection = Connection(StorageAccount(connection_string=Secret(storage)), transport)
        self.store = Store(connection, self.table)
        self.outgoing, self.known = Plain(), Hooks()
        self.alerts, self.audit, self.spend = Alerts(), Audited(), Spend()
        self.service = Webhooks(
            self.store,
            lambda: self.outgoing,
            lambda: self.known,
            lambda: self.alerts,
            self.audit,
            self.spend,
            clock,
        )
        self.stop = threading.Event()

    def wanted(self, number: int = 0, id: str = "15", job: str = "", **changes: Any) -> Wanted:
        """The occurrence of that number: one a second."""
        plain = Wanted(
            webhook_id=id,
            project_id=1,
            type="test",
            data={"number": number},
            schedule_id="s",
            schedule_name="S",
            job_id=job or f"s-{number}",
            due_at=START + timedelta(seconds=number),
        )
        return replace(plain, **changes)

    def stored(self, numbers: Sequence[int], id: str = "15") -> list[str]:
        """Deliveries that are due, and that no job tries; their ids."""
        return [self.service._stored(self.wanted(one, id)).id for one in numbers]

    def flush(self, longest: float = 60) -> dict[str, int]:
        found = self.service.flush(longest=timedelta(seconds=longest), stop=self.stop)
        return {status.value: count for status, count in found.items()}
