"""A Twilio of one's own: a server on a local port that answers as Twilio documents.

It keeps each message that it made (`sent`), gives SIDs, lists and fetches messages, and makes the
requests that Twilio would make to us (`Callback`), signed as Twilio signs. How it fails is said
beforehand, answer by answer (`say`) or number by number (`numbers`).

What is here is written from the documentation, and not with Twilio's library: it is what the use of
that library is tested against.
"""

from __future__ import annotations

import base64
import hmac
import json
import socket
import struct
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler
from itertools import count
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

from tests.serving import serving

ACCOUNT = "AC" + "0123456789abcdef" * 2
TOKEN = "t0ken-hush-12345"
SENDER = "+15005550006"
_PAGE = 50


@dataclass(frozen=True, kw_only=True)
class Answer:
    """How a request for a message ends, if not well. Of `silent`, `reset` and `cut`, the answer is
    none, or half of one."""

    status: int = 201
    code: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    problem: bool = False
    """Say it as RFC 9457 has it, as Twilio's newer services do."""
    sends: bool = False
    """Whether the message is made nevertheless."""
    silent: bool = False
    """Say nothing until the client has gone."""
    reset: bool = False
    """Reset the connection."""
    cut: bool = False
    """Close the connection in the middle of the answer."""
    body: str | None = None
    """In the place of what is usual."""


def throttled(seconds: int | None = None) -> Answer:
    """429: it was not processed."""
    headers = {} if seconds is None else {"Retry-After": str(seconds)}
    return Answer(status=429, code=20429, headers=headers)


@dataclass
class Message:
    """A message that was made, with what changed of it since."""

    sid: str
    to: str
    body: str
    sender: str
    service: str | None
    callback: str | None
    validity: int | None
    created: datetime
    status: str = "queued"
    segments: int = 1
    error_code: int | None = None
    price: str | None = None

    def shown(self) -> dict[str, Any]:
        """As Twilio shows it."""
        sent = None if self.status in ("accepted", "queued") else self.created
        return {
            "account_sid": ACCOUNT,
            "api_version": "2010-04-01",
            "body": self.body,
            "date_created": _stamp(self.created),
            "date_sent": None if sent is None else _stamp(sent),
            "date_updated": _stamp(self.created),
            "direction": "outbound-api",
            "error_code": self.error_code,
            "error_message": None,
            "from": self.sender or None,
            "messaging_service_sid": self.service,
            "num_media": "0",
            "num_segments": str(self.segments),
            "price": self.price,
            "price_unit": "USD",
            "sid": self.sid,
            "status": self.status,
            "subresource_uris": {},
            "to": self.to,
            "uri": f"/2010-04-01/Accounts/{ACCOUNT}/Messages/{self.sid}.json",
        }


@dataclass(frozen=True)
class Asked:
    """A request for a message, and how it ended."""

    at: datetime
    wanted: Mapping[str, str]
    answer: Answer
    made: Message | None


@dataclass(frozen=True)
class Callback:
    """A request that Twilio makes to us."""

    url: str
    headers: dict[str, str]
    body: bytes


def signature(url: str, fields: Mapping[str, str], key: str, digest: str = "sha1") -> str:
    """https://www.twilio.com/docs/usage/security#validating-requests"""
    said = url + "".join(f"{name}{fields[name]}" for name in sorted(fields))
    return base64.b64encode(hmac.new(key.encode(), said.encode(), digest).digest()).decode()


def called(
    url: str, fields: Mapping[str, str], token: str = TOKEN, shared_key: str | None = None
) -> Callback:
    """A request with these fields, signed by the token, or by a shared key."""
    headers = {"Content-Type": "application/x-www-form-urlencoded; charset=UTF-8"}
    if shared_key is None:
        headers["X-Twilio-Signature"] = signature(url, fields, token)
    else:
        headers["X-Twilio-Signature"] = signature(url, fields, shared_key, "sha256")
        named = "key=webhooks_sharedkey_1,algorithm=HMAC_SHA256"
        headers["X-Twilio-Webhooks-Signature-Settings"] = named
    return Callback(url, headers, urlencode(fields).encode())


class Twilio:
    """The server's memory and its plans."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.url = ""
        self.sent: list[Message] = []
        self.asked: list[dict[str, str]] = []
        """The parameters of each request for a message, also of those that failed."""
        self.log: list[Asked] = []
        """The same requests, with how each ended."""
        self.numbers: dict[str, int] = {}
        """The error that each message to such a number ends with, such as 21211."""
        self.opted_out: set[str] = set()
        self.next: deque[Answer] = deque()
        self.always: Answer | None = None
        """What it answers when nothing else was said; None: all is well."""
        self.away = False
        """Whether it resets the connection, whatever it is asked; no message is made."""
        self.entered = threading.Event()
        """Set when a request for a message came."""
        self.gone = threading.Event()
        """Ends what is silent."""
        self._now = now
        self._numbers = count(1)
        self._lock = threading.Lock()

    def settings(self) -> dict[str, str]:
        """Environment variables that point the channel here."""
        return {
            "TWILIO_ACCOUNT_SID": ACCOUNT,
            "TWILIO_AUTH_TOKEN": TOKEN,
            "TWILIO_FROM": SENDER,
            "TWILIO_URL": self.url,
            "PUBLIC_BASE_URL": "https://belfry.example.com",
        }

    def say(self, *answers: Answer) -> None:
        """How it answers the next requests for a message."""
        self.next.extend(answers)

    def callback(self, message: Message, status: str, error_code: int | None = None) -> Callback:
        """The message's status changes, and Twilio calls us; `error_code` as in 30007."""
        message.status, message.error_code = status, error_code or message.error_code
        assert message.callback is not None, "the message has no status_callback"
        fields = {
            "AccountSid": ACCOUNT,
            "ApiVersion": "2010-04-01",
            "From": message.sender,
            "MessageSid": message.sid,
            "MessageStatus": status,
            "SmsSid": message.sid,
            "SmsStatus": status,
            "To": message.to,
        }
        if error_code is not None:
            fields["ErrorCode"] = str(error_code)
        return called(message.callback, fields)

    def answered(self, base_url: str, number: str, text: str, **more: str) -> Callback:
        """Somebody answers, and Twilio calls us. By STOP and START it blocks and frees the number,
        as Twilio does."""
        word = text.strip().upper()
        if word in ("STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT"):
            self.opted_out.add(number)
        elif word in ("START", "YES", "UNSTOP"):
            self.opted_out.discard(number)
        fields = {
            "AccountSid": ACCOUNT,
            "ApiVersion": "2010-04-01",
            "Body": text,
            "From": number,
            "MessageSid": f"SM{next(self._numbers):032x}",
            "NumMedia": "0",
            "NumSegments": "1",
            "To": SENDER,
        }
        return called(f"{base_url}/hooks/twilio/inbound", fields | more)

    def answer(self, wanted: dict[str, str]) -> tuple[Answer, Message | None]:
        """(How a request for a message ends, the message if one is made)."""
        with self._lock:
            self.asked.append(wanted)
            said = self._said(wanted["To"])
            made = None
            if said.sends or (said.status < 300 and not self.away):
                made = self._make(wanted)
                self.sent.append(made)
            self.log.append(Asked(self._now(), wanted, said, made))
        self.entered.set()
        return said, made

    def _said(self, number: str) -> Answer:
        if self.away:
            return Answer(reset=True)
        return self.next.popleft() if self.next else self.always or self._usual(number)

    def _usual(self, number: str) -> Answer:
        if number in self.numbers:
            return Answer(status=400, code=self.numbers[number])
        if number in self.opted_out:
            return Answer(status=400, code=21610)
        return Answer()

    def _make(self, wanted: Mapping[str, str]) -> Message:
        service = wanted.get("MessagingServiceSid")
        validity = wanted.get("ValidityPeriod")
        return Message(
            sid=f"SM{next(self._numbers):032x}",
            to=wanted["To"],
            body=wanted["Body"],
            sender=wanted.get("From", ""),
            service=service,
            callback=wanted.get("StatusCallback"),
            validity=int(validity) if validity else None,
            created=self._now(),
            status="accepted" if service else "queued",
            segments=0 if service else 1,
        )

    def listed(self, query: Mapping[str, str]) -> dict[str, Any]:
        """A page of the messages, newest first."""
        size, page = int(query.get("PageSize", _PAGE)), int(query.get("Page", 0))
        to = query.get("To")
        with self._lock:
            found = [one.shown() for one in reversed(self.sent) if to is None or one.to == to]
        here = found[page * size : (page + 1) * size]
        more = len(found) > (page + 1) * size
        path = f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
        after = urlencode({**query, "PageSize": size, "Page": page + 1, "PageToken": "PASM1"})
        return {
            "end": page * size + len(here) - 1,
            "first_page_uri": f"{path}?PageSize={size}&Page=0",
            "messages": here,
            "next_page_uri": f"{path}?{after}" if more else None,
            "page": page,
            "page_size": size,
            "previous_page_uri": None,
            "start": page * size,
            "uri": f"{path}?PageSize={size}&Page={page}",
        }

    def one(self, sid: str) -> Message | None:
        with self._lock:
            return next((one for one in self.sent if one.sid == sid), None)


def _stamp(at: datetime) -> str:
    return format_datetime(at.astimezone(UTC).replace(microsecond=0)).replace("GMT", "+0000")


def _error(status: int, code: int | None) -> dict[str, Any]:
    return {
        "code": code or status,
        "message": f"The 'To' number is not right ({code})",
        "more_info": f"https://www.twilio.com/docs/errors/{code or status}",
        "status": status,
    }


def _problem(status: int, code: int | None) -> dict[str, Any]:
    return {
        "type": f"https://www.twilio.com/docs/errors/{code}",
        "title": "Refused",
        "status": status,
        "code": code or status,
        "detail": "as a problem document",
    }


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    twilio: Twilio

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers["Content-Length"]))
        if not self._known():
            return
        said, made = self.twilio.answer(dict(parse_qsl(raw.decode(), keep_blank_values=True)))
        if said.silent:
            self.twilio.gone.wait(30)
        if said.silent or said.reset:
            self._reset()
            return
        if said.body is not None:
            body = said.body
        elif said.status < 300 and made is not None:
            body = json.dumps(made.shown())
        else:
            body = json.dumps((_problem if said.problem else _error)(said.status, said.code))
        self._answer(said.status, body, said.headers, cut=said.cut)

    def do_GET(self) -> None:
        if self.twilio.away:
            self._reset()
            return
        if not self._known():
            return
        split = urlsplit(self.path)
        name = split.path.rpartition("/")[2].removesuffix(".json")
        if name == "Messages":
            query = {name: values[0] for name, values in parse_qs(split.query).items()}
            self._answer(200, json.dumps(self.twilio.listed(query)), {})
            return
        found = self.twilio.one(name)
        if found is None:
            self._answer(404, json.dumps(_error(404, 20404)), {})
        else:
            self._answer(200, json.dumps(found.shown()), {})

    def _known(self) -> bool:
        """Whether the caller may; if not, it is told so."""
        expected = base64.b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode()
        if self.headers.get("Authorization") == f"Basic {expected}":
            return True
        self._answer(401, json.dumps(_error(401, 20003)), {})
        return False

    def _answer(
        self, status: int, body: str, headers: Mapping[str, str], *, cut: bool = False
    ) -> None:
        raw = body.encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw[: len(raw) // 2] if cut else raw)
        self.wfile.flush()
        self.close_connection = self.close_connection or cut

    def _reset(self) -> None:
        linger = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def twilio(now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> Iterator[Twilio]:
    """The server, until the block ends; messages are made at the time that `now` tells."""
    memory = Twilio(now)
    handler = type("Handler", (_Handler,), {"twilio": memory})
    with serving(handler, before_end=memory.gone.set) as memory.url:
        yield memory
