"""What can go wrong with a request.

    Fault
    ├── before the request is passed on:  Throttle
    ├── after:  LoseAnswer, Cut
    └── before or after:  Refuse, Reset, Delay, Hold (rules.py)

"After" means: Azurite has done the work, its answer is here, and the client has heard nothing.
What ends a request before it is passed on leaves the storage as it was.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal
from xml.sax.saxutils import escape

from tests.faults.request import Request
from tests.faults.wire import Bytes, Message

When = Literal["before", "after"]


class Fault:
    """Any of them; `kind` is its name in the log."""

    __slots__ = ()
    kind: ClassVar[str]
    when: When


@dataclass(frozen=True, slots=True)
class Refuse(Fault):
    """An answer of our own. Without `body`, `code` is told in the service's own format.

    After: the work was done and the client is told that it was not.
    """

    status: int = 500
    code: str = "InternalError"
    message: str = "The proxy refused the request."
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    when: When = "before"
    kind: ClassVar[str] = "refuse"

    def answer(self, request: Request) -> tuple[bytes, Bytes]:
        """The head and the body to send."""
        own, content = _error(request, self.code, self.message)
        body = content if self.body is None else self.body
        headers = own | dict(self.headers) | {"Content-Length": str(len(body))}
        lines = [f"HTTP/1.1 {self.status} {self.code}", *(f"{k}: {v}" for k, v in headers.items())]
        head = "\r\n".join((*lines, "", "")).encode("latin-1")
        return head, b"" if request.method == "HEAD" else body


@dataclass(frozen=True, slots=True)
class Throttle(Fault):
    """503 ServerBusy with `Retry-After`, in seconds; None leaves the header out."""

    retry_after: int | None = 1
    when: When = field(default="before", init=False)
    kind: ClassVar[str] = "throttle"

    def answer(self, request: Request) -> tuple[bytes, Bytes]:
        """The head and the body to send."""
        headers = {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}
        return Refuse(503, "ServerBusy", "The server is busy.", headers).answer(request)


@dataclass(frozen=True, slots=True)
class LoseAnswer(Fault):
    """The work is done, nothing is answered: the connection closes, or with `hang` stays open
    until the client gives up."""

    hang: bool = False
    when: When = field(default="after", init=False)
    kind: ClassVar[str] = "lose_answer"


@dataclass(frozen=True, slots=True)
class Reset(Fault):
    """The connection ends with RST."""

    when: When = "before"
    kind: ClassVar[str] = "reset"


@dataclass(frozen=True, slots=True)
class Delay(Fault):
    """Wait, then go on. For an exact order of events take `FaultProxy.hold`."""

    seconds: float
    when: When = "before"
    kind: ClassVar[str] = "delay"


@dataclass(frozen=True, slots=True)
class Cut(Fault):
    """Send the head and this share of the body, or of the head where there is no body; close."""

    share: float = 0.5
    when: When = field(default="after", init=False)
    kind: ClassVar[str] = "cut"

    def part(self, answer: Message) -> tuple[bytes, Bytes]:
        """The head and the body to send."""
        if answer.raw:
            return answer.head, answer.raw[: int(len(answer.raw) * self.share)]
        return answer.head[: int(len(answer.head) * self.share)], b""


MIX: tuple[Fault, ...] = (
    Throttle(),
    Refuse(),
    Refuse(when="after"),
    LoseAnswer(),
    Reset("before"),
    Reset("after"),
    Delay(0.2),
    Cut(),
)
"""What a soak test draws from."""


def _error(request: Request, code: str, message: str) -> tuple[dict[str, str], bytes]:
    headers = {"Server": "FaultProxy", "x-ms-request-id": f"fault-{request.number}"}
    if "x-ms-client-request-id" in request.headers:
        headers["x-ms-client-request-id"] = request.headers["x-ms-client-request-id"]
    if request.service == "table":
        error = {"code": code, "message": {"lang": "en-US", "value": message}}
        headers["Content-Type"] = "application/json;odata=minimalmetadata;charset=utf-8"
        return headers, json.dumps({"odata.error": error}).encode()
    headers |= {"Content-Type": "application/xml", "x-ms-error-code": code}
    text = f"<Error><Code>{escape(code)}</Code><Message>{escape(message)}</Message></Error>"
    return headers, f'<?xml version="1.0" encoding="utf-8"?>{text}'.encode()
