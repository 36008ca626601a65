"""A server that answers as Stripe's API v1 does, as far as Belfry uses it, over a real socket.

It keeps state: customers, invoice items, invoices, subscriptions, and the answers to idempotency
keys for a day by its own clock. It fails as a test tells it to (`Fault`).
https://docs.stripe.com/api/idempotent_requests, https://docs.stripe.com/api/invoices
"""

from __future__ import annotations

import itertools
import json
import re
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from shared.settings import Secret, StripeSettings
from tests.serving import serving

API_KEY = "sk_test_51hushhushhush"
KEPT = timedelta(hours=24)
"""For how long a key is known."""
Params = dict[str, str]
Thing = dict[str, Any]


@dataclass
class Fault:
    """What goes wrong with the next requests that fit."""

    path: str = ""
    """A part of the path, as a regular expression."""
    method: str = "POST"
    status: int = 0
    """The answer; 0: none, the connection is reset; 200: the right one."""
    code: str = ""
    kind: str = "api_error"
    done: bool = False
    """Whether the work is done all the same."""
    times: int = 1
    after: int = 0
    """So many that fit pass first."""
    action: Callable[[], None] | None = None
    """Called before the answer, such as to kill who asks."""
    body: Any = None
    """What is answered by 200 instead of the right words."""


def declined(path: str = "finalize") -> Fault:
    return Fault(path, status=402, code="card_declined", kind="card_error")


def rate_limit(path: str = "", times: int = 1) -> Fault:
    return Fault(path, status=429, code="rate_limit", kind="invalid_request_error", times=times)


class Refusal(Exception):
    """An answer that is an error."""

    def __init__(
        self, status: int, message: str, *, code: str = "", kind: str = "", param: str = ""
    ) -> None:
        super().__init__(message)
        self.status = status
        error = {"message": message, "type": kind or "invalid_request_error"}
        also = {"code": code, "param": param}
        self.body = {"error": error | {name: word for name, word in also.items() if word}}


@dataclass
class Kept:
    """What a key was used for; without an answer: it is being worked on."""

    request: tuple[str, Params]
    at: datetime
    answer: tuple[int, Thing] | None = None


@dataclass(frozen=True)
class Asked:
    """A request."""

    method: str
    path: str
    params: Params
    key: str | None
    headers: Mapping[str, str]


@dataclass
class FakeStripe:
    """The account's state, and what went on."""

    url: str = ""
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    """Its clock."""
    customers: set[str] = field(default_factory=set)
    invoices: dict[str, Thing] = field(default_factory=dict)
    items: dict[str, Thing] = field(default_factory=dict)
    subscriptions: dict[str, Thing] = field(default_factory=dict)
    keys: dict[str, Kept] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    largest_page: int = 100

    def settings(self) -> StripeSettings:
        return StripeSettings(api_key=Secret(API_KEY), url=self.url)

    def subscribe(self, subscription_id: str, status: str = "active") -> None:
        self.subscriptions[subscription_id] = {
            "id": subscription_id,
            "object": "subscription",
            "status": status,
            "pause_collection": None,
            "created": self._created(),
            "metadata": {},
        }

    def end(self, invoice_id: str, status: str) -> None:
        """As the customer or a person at Stripe does: paid, void or uncollectible."""
        self.invoices[invoice_id]["status"] = status

    def made(self, path: str) -> list[Asked]:
        """The POST requests to paths with that in them."""
        return [one for one in self.asked if one.method == "POST" and path in one.path]

    def amounts(self, *statuses: str) -> list[int]:
        """Of the invoices that are in one of these."""
        return [one["total"] for one in self.invoices.values() if one["status"] in statuses]

    # What a request does

    def answer(self, asked: Asked) -> tuple[int, Thing]:
        """Raises `Refusal` for what is not kept under the key."""
        if asked.method == "POST" and asked.key is not None:
            return self._once(asked, asked.key)
        with self.lock:
            return 200, self._do(asked)

    def _once(self, asked: Asked, key: str) -> tuple[int, Thing]:
        request = (asked.path, asked.params)
        with self.lock:
            kept = self.keys.get(key)
            if kept is not None and self.now() - kept.at < KEPT:
                if kept.request != request:
                    said = f"Keys for idempotent requests can only be used with the same: {key}"
                    raise Refusal(400, said, kind="idempotency_error")
                if kept.answer is None:
                    said, code = "That key is in use", "idempotency_key_in_use"
                    raise Refusal(409, said, kind="idempotency_error", code=code)
                return kept.answer
            self.keys[key] = kept = Kept(request, self.now())
            try:
                kept.answer = (200, json.loads(json.dumps(self._do(asked))))  # as it is now
            except Refusal as refusal:
                if refusal.status != 402:  # validation is not kept, what began is
                    del self.keys[key]
                    raise
                kept.answer = (refusal.status, refusal.body)
            return kept.answer

    def keep(self, asked: Asked, status: int, body: Thing) -> None:
        """An error that came up after the work began is repeated."""
        if asked.key is not None:
            self.keys[asked.key] = Kept((asked.path, asked.params), self.now(), (status, body))

    def _do(self, asked: Asked) -> Thing:
        match asked.method, asked.path.removeprefix("/v1/").split("/"):
            case "POST", ["invoices"]:
                return self._new_invoice(asked.params)
            case "POST", ["invoiceitems"]:
                return self._new_item(asked.params)
            case "POST", ["invoices", invoice_id, "finalize"]:
                return self._finalise(_there(self.invoices, invoice_id, "invoice"), asked.params)
            case "POST", ["subscriptions", one]:
                return self._pause(_there(self.subscriptions, one, "subscription"), asked.params)
            case "GET", ["invoices", invoice_id]:
                return _there(self.invoices, invoice_id, "invoice")
            case "GET", ["subscriptions", one]:
                return _there(self.subscriptions, one, "subscription")
            case "GET", ["invoices"]:
                return self._list(asked, self.invoices, "customer", "status")
            case "GET", ["invoiceitems"]:
                return self._list(asked, self.items, "customer", "invoice")
            case "GET", ["subscriptions"]:
                return self._list(asked, self.subscriptions)
        raise Refusal(404, f"Unrecognized request URL ({asked.method}: {asked.path}).")

    def _created(self) -> int:
        return int(self.now().timestamp())

    def _new_invoice(self, params: Params) -> Thing:
        self._customer(params)
        number = f"in_{next(self.numbers):06}"
        made = self.invoices[number] = {
            "id": number,
            "object": "invoice",
            "customer": params["customer"],
            "currency": params.get("currency", "usd"),
            "status": "draft",
            "auto_advance": params.get("auto_advance") == "true",
            "collection_method": params.get("collection_method", "charge_automatically"),
            "metadata": _metadata(params),
            "created": self._created(),
            "subtotal": 0,
            "total": 0,
        }
        if params.get("pending_invoice_item_behavior") == "include":
            for item in self.items.values():
                if item["invoice"] is None and item["customer"] == made["customer"]:
                    item["invoice"] = number
        self._sum(made)
        return made

    def _new_item(self, params: Params) -> Thing:
        self._customer(params)
        if not re.fullmatch(r"-?\d+", params.get("amount", "")):
            raise Refusal(400, "Invalid integer: amount", param="amount")
        invoice = None
        if "invoice" in params:
            invoice = _there(self.invoices, params["invoice"], "invoice", status=400)
            if invoice["status"] != "draft":
                raise Refusal(400, "The invoice is not editable", code="invoice_not_editable")
            if (invoice["currency"], invoice["customer"]) != (
                params["currency"],
                params["customer"],
            ):
                raise Refusal(
                    400, "The currency and customer must be the invoice's", param="currency"
                )
        number = f"ii_{next(self.numbers):06}"
        made = self.items[number] = {
            "id": number,
            "object": "invoiceitem",
            "customer": params["customer"],
            "invoice": params.get("invoice"),
            "amount": int(params["amount"]),
            "currency": params["currency"],
            "description": params.get("description"),
            "metadata": _metadata(params),
            "date": self._created(),
        }
        if invoice is not None:
            self._sum(invoice)
        return made

    def _sum(self, invoice: Thing) -> None:
        mine = [one["amount"] for one in self.items.values() if one["invoice"] == invoice["id"]]
        invoice["total"] = invoice["subtotal"] = sum(mine)

    def _finalise(self, invoice: Thing, params: Params) -> Thing:
        if invoice["status"] != "draft":
            raise Refusal(400, "This invoice is already finalized, you can't re-finalize it.")
        invoice["status"] = "open" if invoice["total"] else "paid"
        invoice["auto_advance"] = params.get("auto_advance") == "true"
        return invoice

    def _pause(self, subscription: Thing, params: Params) -> Thing:
        if subscription["status"] == "canceled":
            raise Refusal(400, "A canceled subscription can only update its cancellation_details.")
        if "pause_collection[behavior]" in params:
            behavior = params["pause_collection[behavior]"]
            subscription["pause_collection"] = {"behavior": behavior, "resumes_at": None}
        elif params.get("pause_collection") == "":
            subscription["pause_collection"] = None
        return subscription

    def _customer(self, params: Params) -> None:
        if params.get("customer") not in self.customers:
            said = f"No such customer: '{params.get('customer')}'"
            raise Refusal(400, said, code="resource_missing", param="customer")

    def _list(self, asked: Asked, things: dict[str, Thing], *filters: str) -> Thing:
        params = asked.params
        first = int(params.get("created[gte]", 0))
        wanted = {name: params[name] for name in filters if name in params}
        found = [
            one
            for one in reversed(things.values())  # the newest first
            if one.get("created", first) >= first
            and all(one[name] == value for name, value in wanted.items())
        ]
        if after := params.get("starting_after"):
            found = found[[one["id"] for one in found].index(after) + 1 :]
        size = min(int(params.get("limit", 10)), self.largest_page)
        more = len(found) > size
        return {"object": "list", "url": asked.path, "data": found[:size], "has_more": more}


def _metadata(params: Params) -> dict[str, str]:
    return {
        name.removeprefix("metadata[").removesuffix("]"): value
        for name, value in params.items()
        if name.startswith("metadata[")
    }


def _there(things: dict[str, Thing], one: str, what: str, status: int = 404) -> Thing:
    if one not in things:
        raise Refusal(status, f"No such {what}: '{one}'", code="resource_missing", param=what)
    return things[one]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    stripe: FakeStripe

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        self._any(parts.path, parts.query)

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        self._any(self.path, self.rfile.read(length).decode())

    def _any(self, path: str, params: str) -> None:
        given = dict(parse_qsl(params, keep_blank_values=True))
        key = self.headers.get("Idempotency-Key")
        asked = Asked(self.command, path, given, key, dict(self.headers))
        with self.stripe.lock:
            self.stripe.asked.append(asked)
            fault = self._fault(asked)
        try:
            if self.headers.get("Authorization") != f"Bearer {API_KEY}":
                raise Refusal(401, "Invalid API Key provided: sk_test_51***hush")
            if fault is None:
                self._say(*self.stripe.answer(asked))
            else:
                self._fail(fault, asked)
        except Refusal as refusal:
            self._say(refusal.status, refusal.body)

    def _fault(self, asked: Asked) -> Fault | None:
        for fault in self.stripe.faults:
            if fault.method != asked.method or not re.search(fault.path, asked.path):
                continue
            if fault.after:
                fault.after -= 1
                continue
            fault.times -= 1
            if not fault.times:
                self.stripe.faults.remove(fault)
            return fault
        return None

    def _fail(self, fault: Fault, asked: Asked) -> None:
        kept = self.stripe.keys.get(asked.key or "")
        if kept is not None and fault.status == 500:  # what is kept is repeated, faults or not
            self._say(*self.stripe.answer(asked))
            return
        if fault.done:
            self.stripe.answer(asked)
        if fault.action is not None:
            fault.action()
        if fault.status == 200:
            status, right = self.stripe.answer(asked)
            self._say(status, right if fault.body is None else fault.body)
            return
        if not fault.status:
            self._reset()
            return
        refusal = Refusal(fault.status, "as a test wants it", code=fault.code, kind=fault.kind)
        if fault.status in (402, 500):
            self.stripe.keep(asked, fault.status, refusal.body)
        self._say(refusal.status, refusal.body)

    def _say(self, status: int, body: Thing) -> None:
        content = json.dumps(body).encode()
        self.send_response_only(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Request-Id", f"req_{len(self.stripe.asked)}")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _reset(self) -> None:
        """Break the connection off, so that the other side sees a reset."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def running() -> Iterator[FakeStripe]:
    """A server on a free port, with nothing in it."""
    made = FakeStripe()
    handler = type("Handler", (_Handler,), {"stripe": made})
    with serving(handler) as made.url:
        yield made
