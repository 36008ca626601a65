"""Queue Storage by hand: four calls of its REST API, for the hot path (see `wire`).

https://learn.microsoft.com/rest/api/storageservices/put-message
"""

from __future__ import annotations

import html
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from shared.settings import StorageAccount
from shared.storage import failures
from shared.storage.account import endpoint, sign_in
from shared.storage.checked import CheckedClock
from shared.storage.lean import Lean
from shared.storage.signing import SharedKey

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

_HEADERS = {"x-ms-version": "2020-12-06", "Accept": "application/xml", "User-Agent": "belfry"}
_ID = re.compile(rb"<MessageId>([^<]+)</MessageId>")
_RECEIPT = re.compile(rb"<PopReceipt>([^<]+)</PopReceipt>")
_TEXT = re.compile(rb"<MessageText>([^<]*)</MessageText>|<MessageText\s*/>")
_TAKEN = ("PopReceiptMismatch", "MessageNotFound")
"""A refusal's code when somebody received the message; QueueNotFound, also a 404, is not one.
https://learn.microsoft.com/rest/api/storageservices/queue-service-error-codes"""


@dataclass(frozen=True, slots=True)
class Receipt:
    """A message that was put, by which it can be taken back until somebody receives it."""

    id: str
    pop: str


class QueueWire:
    """One queue. Every call raises azure-core's errors, as the SDKs do."""

    def __init__(
        self,
        url: str,
        queue: str,
        credential: SharedKey | TokenCredential,
        *,
        transport: Any = None,
        clock: CheckedClock | None = None,
    ) -> None:
        """`url` is the account's queue endpoint; `transport` one of azure-core's. `clock` hears the
        storage's time, and dates the requests."""
        from azure.core.pipeline import Pipeline
        from azure.core.pipeline.policies import RetryPolicy

        self._queue = f"{url.rstrip('/')}/{queue}"
        self._options: dict[str, Any] = {
            **failures.TIMEOUTS,
            "timeout": failures.WHOLE,
            "retry_on_methods": frozenset(("GET", "POST", "DELETE")),
        }
        policies: list[Any] = [RetryPolicy(**failures.RETRIES), sign_in(credential, "queue", clock)]
        sender: Any = transport or Lean(url, clock)
        self._pipeline = Pipeline[Any, Any](sender, policies)

    def put(self, text: str, hidden_seconds: int) -> Receipt:
        """Put a message that does not expire, not seen for so many seconds (7 days at most).

        If its answer was lost it is put again: a queue delivers at least once.
        """
        said = html.escape(text, quote=False)
        body = f"<QueueMessage><MessageText>{said}</MessageText></QueueMessage>".encode()
        where = f"/messages?visibilitytimeout={hidden_seconds}&messagettl=-1"
        answer = self._run("POST", where, 201, body)
        found, pop = _ID.search(answer.content), _RECEIPT.search(answer.content)
        if found is None or pop is None:
            raise _error(answer)
        return Receipt(found[1].decode(), pop[1].decode())

    def delete(self, receipt: Receipt) -> bool:
        """Take a message back; False if somebody received it, or it is gone. This very call may
        have removed it, if its first answer was lost."""
        where = f"/messages/{quote(receipt.id)}?popreceipt={quote(receipt.pop, safe='')}"
        answer = self._run("DELETE", where, 204, also=_TAKEN)
        return bool(answer.status_code == 204)

    def peek(self) -> str | None:
        """The text of the first message that can be received now; None if there is none."""
        answer = self._run("GET", "/messages?peekonly=true&numofmessages=1", 200)
        if b"<QueueMessagesList" not in answer.content:
            raise _error(answer)
        found = _TEXT.search(answer.content)
        return None if found is None else html.unescape((found[1] or b"").decode(errors="replace"))

    def _run(
        self,
        method: str,
        where: str,
        expected: int,
        body: bytes | None = None,
        also: Collection[str] = (),
    ) -> Any:
        """The answer, which has the `expected` status, or is a refusal with a code of `also`."""
        from azure.core.rest import HttpRequest

        headers = _HEADERS if body is None else _HEADERS | {"Content-Type": "application/xml"}
        request = HttpRequest(method, self._queue + where, headers=headers, content=body)
        answer = self._pipeline.run(request, **self._options).http_response
        if answer.status_code != expected and _code(answer) not in also:
            raise _error(answer)
        return answer


def from_account(
    account: StorageAccount, queue: str, transport: Any = None, clock: CheckedClock | None = None
) -> QueueWire:
    """By connection string with the account's key, or else by managed identity.

    Raises `Misconfigured`.
    """
    found = endpoint(account, "queue")
    return QueueWire(found.url, queue, found.credential, transport=transport, clock=clock)


def _error(answer: Any) -> Any:
    """The SDKs' HttpResponseError with their `error_code`."""
    from azure.core.exceptions import HttpResponseError

    error: Any = HttpResponseError(message=f"answered {answer.status_code}", response=answer)
    error.error_code = _code(answer)
    return error


def _code(answer: Any) -> str:
    """The service's own word for what it refuses."""
    return str(answer.headers.get("x-ms-error-code", ""))
