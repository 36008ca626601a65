"""A client for one queue: five calls of the REST API, for the hot path (see `tables.table`).

https://learn.microsoft.com/rest/api/storageservices/put-message
"""

from __future__ import annotations

import html
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from shared.storage.rest import Rest, refusal

_HEADERS = {"x-ms-version": "2020-12-06", "Accept": "application/xml", "User-Agent": "belfry"}
_ID = re.compile(rb"<MessageId>([^<]+)</MessageId>")
_RECEIPT = re.compile(rb"<PopReceipt>([^<]+)</PopReceipt>")
_TEXT = re.compile(rb"<MessageText>([^<]*)</MessageText>|<MessageText\s*/>")
_TAKEN = ("PopReceiptMismatch", "MessageNotFound")
"""The codes of a refusal because somebody received the message. QueueNotFound is not one of them,
though its status is 404 too.
https://learn.microsoft.com/rest/api/storageservices/queue-service-error-codes"""


@dataclass(frozen=True, slots=True)
class Receipt:
    """Identifies a message that was put, so that it can be taken back until somebody receives
    it."""

    id: str
    pop: str


class Queue:
    """One queue. Several threads may use it at once.

    Every call raises azure-core's errors, as the SDKs do.
    """

    def __init__(self, service: Rest, name: str) -> None:
        """`service`: the account's queues."""
        self._rest = service
        self._queue = f"{service.url}/{name}"

    def create(self) -> None:
        """Create the queue; harmless if it exists."""
        there = ("QueueAlreadyExists",)
        self._rest.ask("PUT", self._queue, _HEADERS, expected=(201, 204), also=there)

    def put(self, text: str, hidden_seconds: int = 0, expires_seconds: int = -1) -> Receipt:
        """Put a message. It is invisible for `hidden_seconds` (7 days at most), and expires after
        `expires_seconds` (-1: never).

        If the answer is lost, the message is put again: a queue delivers at least once.
        """
        said = html.escape(text, quote=False)
        body = f"<QueueMessage><MessageText>{said}</MessageText></QueueMessage>".encode()
        where = f"/messages?visibilitytimeout={hidden_seconds}&messagettl={expires_seconds}"
        answer = self._run("POST", where, 201, body)
        found, pop = _ID.search(answer.content), _RECEIPT.search(answer.content)
        if found is None or pop is None:
            raise refusal(answer)
        return Receipt(found[1].decode(), pop[1].decode())

    def delete(self, receipt: Receipt) -> bool:
        """Take a message back; False if somebody received it, or if it is gone. It may be gone
        because an earlier attempt of this call removed it and the answer was lost."""
        where = f"/messages/{quote(receipt.id)}?popreceipt={quote(receipt.pop, safe='')}"
        answer = self._run("DELETE", where, 204, also=_TAKEN)
        return bool(answer.status_code == 204)

    def peek(self) -> str | None:
        """The text of the first message that is visible now; None if there is none."""
        return next(iter(self.peeked(1)), None)

    def peeked(self, most: int) -> list[str]:
        """The texts of the first messages that are visible now, at most 32 of them."""
        answer = self._run("GET", f"/messages?peekonly=true&numofmessages={most}", 200)
        if b"<QueueMessagesList" not in answer.content:
            raise refusal(answer)
        found = (one[1] or b"" for one in _TEXT.finditer(answer.content))
        return [html.unescape(text.decode(errors="replace")) for text in found]

    def length(self) -> int:
        """About how many messages it holds, the invisible ones among them; never too few.
        https://learn.microsoft.com/rest/api/storageservices/get-queue-metadata"""
        answer = self._run("GET", "?comp=metadata", 200)
        return int(answer.headers["x-ms-approximate-messages-count"])

    def _run(
        self,
        method: str,
        where: str,
        expected: int,
        body: bytes | None = None,
        also: Collection[str] = (),
    ) -> Any:
        headers = _HEADERS if body is None else _HEADERS | {"Content-Type": "application/xml"}
        url = self._queue + where
        return self._rest.ask(method, url, headers, body, expected=(expected,), also=also)
