"""What a request asks of storage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args
from urllib.parse import unquote

from tests.faults.wire import Bytes, Message

Service = Literal["table", "queue", "blob"]
SERVICES: tuple[Service, ...] = get_args(Service)

_WRITES = ("POST", "PUT", "PATCH", "MERGE", "DELETE")


@dataclass(frozen=True, slots=True)
class Request:
    """One request, as rules see it."""

    number: int
    """From 1, in the order of arrival."""
    service: Service
    method: str
    operation: str
    """See `operation()`."""
    path: str
    """With the account and the query, decoded."""
    headers: dict[str, str]
    """By name in lower case."""
    body: Bytes

    @property
    def name(self) -> str:
        """What it is counted as, such as `POST $batch`."""
        return f"{self.method} {self.operation}"


def read(number: int, service: Service, message: Message) -> Request:
    method = message.headers.get("x-http-method", message.start[0])
    target = message.start[1]
    return Request(
        number,
        service,
        method,
        operation(service, method, target),
        unquote(target),
        message.headers,
        message.data,
    )


def operation(service: Service, method: str, target: str) -> str:
    """What is worked on.

    Table: `$batch`, `Tables`, `entity` (one, by its keys, or an insert), `query`.
    Queue: `queue`, `messages` (put, get, clear), `peek`, `message` (update, delete).
    Blob: `container`, `blob`. All: the query's `comp`, such as `list`, `block`, `lease`.
    """
    path, _, query = target.partition("?")
    options = dict(part.partition("=")[::2] for part in query.split("&"))
    if "comp" in options:
        return options["comp"]
    rest = unquote(path).split("/", 2)[2:]  # without the account
    inside = rest[0] if rest else ""
    if service == "table":
        return _on_table(method, inside)
    if service == "queue":
        return _on_queue(inside, peeks=options.get("peekonly", "").lower() == "true")
    return "container" if options.get("restype") == "container" else "blob"


def _on_table(method: str, inside: str) -> str:
    if inside.partition("(")[0] in ("$batch", "Tables"):
        return inside.partition("(")[0]
    return "query" if method == "GET" and "PartitionKey=" not in inside else "entity"


def _on_queue(inside: str, *, peeks: bool) -> str:
    _, *below = inside.split("/", 2)
    if not below:
        return "queue"
    return "message" if len(below) > 1 else "peek" if peeks else "messages"


def entities_written(request: Request, answer: Message) -> dict[str, int]:
    """How many entities the request inserted, changed or deleted, by method.

    Those of a transaction are its inner requests; one that failed answers 202 as well, and wrote
    nothing.
    """
    if request.service != "table" or not 200 <= answer.status < 300:
        return {}
    if request.operation == "entity":
        return {request.method: 1} if request.method in _WRITES else {}
    if request.operation != "$batch" or _failed(answer.data):
        return {}
    # No text of an entity can look like a request: JSON has no line ends within a value.
    inner = {method: request.body.count(b"\n%s " % method.encode()) for method in _WRITES}
    return {method: count for method, count in inner.items() if count}


def _failed(transaction: Bytes) -> bool:
    return b"\nHTTP/1.1 4" in transaction or b"\nHTTP/1.1 5" in transaction
