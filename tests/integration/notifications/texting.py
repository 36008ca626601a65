"""A provider of text messages on a local port, a sender that uses it, and owners who get them.

The provider remembers each message that it accepts, also if it then gives no answer.
"""

from __future__ import annotations

import json
import threading
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

from shared.clock import Clock
from shared.errors import Misconfigured, Refused, Unavailable
from shared.notifications.content import Content, Receipt
from shared.notifications.model import Entry, Later, Uncertain
from shared.notifications.outbox import Outbox
from shared.notifications.port import Dropped, Message, Owner, Ready, Review, Value
from shared.notifications.problems import Problems
from shared.notifications.service import Notifications
from shared.settings import SmsSettings
from shared.storage.connect import Connection
from shared.storage.names import Names
from tests.integration.notifications.conftest import Office
from tests.serving import serving

KIND = "appointment_reminder_24h"
FREE = SmsSettings(per_second=0, daily_limit=0, daily_spend_minor=0, hours=(0, 1440))
"""No limits at all."""


@dataclass
class Provider:
    """What the provider remembers, and what it answers next: a status, or `SILENT`."""

    url: str = ""
    accepted: list[dict[str, Any]] = field(default_factory=list)
    asked: int = 0
    next: deque[int] = field(default_factory=deque)
    always: int | None = None
    """What it answers when nothing else was said."""
    gate: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)
    lists: bool = True
    """Whether it finds what it accepted when it is asked."""

    def counted(self) -> Counter[str]:
        """How many messages each number got."""
        return Counter(one["to"] for one in self.accepted)

    def twice(self) -> list[str]:
        """The messages that were accepted more than once: there must be none."""
        counted = Counter(one["id"] for one in self.accepted)
        return [id for id, times in counted.items() if times > 1]


SILENT = 0
"""It accepts the message, and closes the connection without an answer."""
BROKEN = 1
"""It accepts the message, and answers 500."""


@contextmanager
def provider() -> Iterator[Provider]:
    """The provider, until the block ends."""
    memory = Provider()
    memory.gate.set()

    class Handler(BaseHTTPRequestHandler):
        timeout = 5

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with memory.lock:
                memory.asked += 1
                usual = memory.always if memory.always is not None else 201
                status = memory.next.popleft() if memory.next else usual
                if status in (201, SILENT, BROKEN):
                    memory.accepted.append(body)
                number = len(memory.accepted)
            memory.gate.wait(30)
            if status == SILENT:
                self.close_connection = True
                return
            self._answer(500 if status == BROKEN else status, {"sid": f"SM{number}"})

        def do_GET(self) -> None:
            asked = parse_qs(urlsplit(self.path).query)
            with memory.lock:
                found = [
                    f"SM{number}"
                    for number, one in enumerate(memory.accepted, 1)
                    if memory.lists
                    and [one["to"]] == asked["to"]
                    and [one["text"]] == asked["text"]
                ]
            self._answer(200, {"found": found})

        def _answer(self, status: int, body: Mapping[str, object]) -> None:
            raw = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with serving(Handler, before_end=memory.gate.set) as memory.url:
        yield memory


class Texts:
    """A sender of text messages, as a channel has one."""

    account = "AC1"

    def __init__(self, url: str) -> None:
        self._url = url

    def send(self, entry: Entry, content: Content, /) -> Receipt:
        import requests

        body = {"id": entry.id, "to": entry.address, "text": content.text}
        try:
            answer = requests.post(f"{self._url}/messages", json=body, timeout=10)
        except requests.ConnectionError as error:
            if "Connection refused" in str(error):
                raise Unavailable("texts", "does not listen") from None
            raise Uncertain("texts", "gave no answer") from None
        if answer.status_code >= 500:
            raise Uncertain("texts", f"answered {answer.status_code}")
        if answer.status_code == 429:
            raise Later("texts", "answered 429", timedelta(seconds=90))
        if answer.status_code == 401:
            raise Misconfigured("texts: the password is wrong; correct TEXTS_PASSWORD")
        if answer.status_code >= 400:
            raise Refused("texts", f"answered {answer.status_code}")
        return Receipt(provider_id=answer.json()["sid"], segments=1)

    def look_up(self, entry: Entry, /) -> Receipt | None:
        import requests

        asked = {"to": entry.address, "text": entry.text}
        answer = requests.get(f"{self._url}/messages", params=asked, timeout=10)
        found = answer.json()["found"]
        return Receipt(provider_id=found[0], segments=1) if found else None


def owner(number: int, **changes: Any) -> Owner:
    """An owner of tenant 1 in UTC, with a phone of their own."""
    usual: dict[str, Any] = {
        "tenant_id": 1,
        "owner_id": number,
        "phone": phone(number),
        "opted_in": True,
        "language": "en",
        "timezone": "UTC",
        "sms_daily_limit": None,
        "sms_daily_spend_minor": None,
        "sms_currency": "USD",
    }
    return Owner(**(usual | changes))


def phone(number: int) -> str:
    """A valid number of the United States."""
    return f"+1415555{number:04d}"


@dataclass
class Clinic:
    """Who the owners are, and what the appointments say now."""

    owners: dict[int, Owner] = field(default_factory=dict)
    dropped: dict[int, str] = field(default_factory=dict)
    """Why the message to an owner makes no sense any more."""
    away: bool = False
    asked: int = 0

    def review(self, about: Mapping[str, Value], now: datetime) -> Ready | Dropped:
        assert now.tzinfo is not None
        self.asked += 1
        if self.away:
            raise Unavailable("database", "did not answer")
        number = about["owner"]
        assert isinstance(number, int)
        if number in self.dropped:
            return Dropped(reason=self.dropped[number])
        found = self.owners.get(number) or owner(number)
        return Ready(
            owner=found,
            data={
                "tenant": "Happy Paws",
                "pet": f"Pet {number}",
                "starts_at": "2026-11-22T14:00:00Z",
                "timezone": "UTC",
            },
        )

    def reviews(self) -> dict[str, Review]:
        return {KIND: self.review}


def message(number: int, until: datetime, *, tenant: int = 1, occasion: str = "7") -> Message:
    """A reminder to the owner of that number."""
    return Message(
        kind=KIND,
        tenant_id=tenant,
        owner_id=number,
        occasion=occasion,
        about={"owner": number},
        useful_until=until,
    )


def texting(
    office: Office,
    served: Provider,
    clinic: Clinic,
    *,
    sms: SmsSettings = FREE,
    clock: Clock | None = None,
    problems: Problems | None = None,
    outbox: Outbox | None = None,
) -> Notifications:
    """A process's own service, which sends by that provider."""
    return Notifications(
        outbox or Outbox(Connection(office.settings().storage), Names(office.prefix).notifications),
        {"sms": Texts(served.url)},
        lambda: (),
        clock or office.clock,
        sms=sms,
        reviews=clinic.reviews(),
        problems=problems,
    )
