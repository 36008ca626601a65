"""Requests to the API, and what makes them safe to repeat.

A request that reads, a PUT, and one with an `Idempotency-Key`, is sent again if the connection
broke or the service says that it is busy: with the same key, what was made the first time is not
made twice. Any other is sent once.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import httpx

from belfry.problems import Exit, Failure, of_answer
from belfry.profile import Where

API = "/api/v1"
PAGE = 100
"""The most items that the API shows on a page."""
_ATTEMPTS = 4
_BUSY = (429, 502, 503, 504)
_LONGEST_WAIT = 30.0
_SAID = "cannot be reached"

Json = dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """An answer that is no failure."""

    status: int
    body: Any
    """None if it has no content."""
    headers: Mapping[str, str]


class Client:
    """Belfry at one address. `sleep` waits that many seconds."""

    def __init__(
        self,
        where: Where,
        *,
        sleep: Callable[[float], None],
        timeout: float = 30.0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        headers = {"accept": "application/json", "user-agent": "belfry-cli"}
        if where.key:
            headers["authorization"] = f"Bearer {where.key}"
        if where.function_key:
            headers["x-functions-key"] = where.function_key
        self._url = where.url
        self._sleep = sleep
        self._http = httpx.Client(
            base_url=where.url, headers=headers, timeout=timeout, transport=transport
        )

    def close(self) -> None:
        self._http.close()

    def get(self, path: str, **params: Any) -> Any:
        """What is at the path; parameters that are None are left out."""
        return self.ask("GET", path, params=params).body

    def make(self, path: str, body: Json | None = None, *, key: str | None = None) -> Answer:
        """POST with an `Idempotency-Key`: `key`, or one of its own."""
        return self.ask("POST", path, body=body, headers={"idempotency-key": key or uuid4().hex})

    def ask(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        body: Json | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Raises `Failure`."""
        given = {name: _text(value) for name, value in (params or {}).items() if value is not None}
        more: dict[str, Any] = {} if body is None else {"json": body}
        request = self._http.build_request(
            method, path, params=given, headers=dict(headers or {}), **more
        )
        safe = method in ("GET", "PUT") or "idempotency-key" in request.headers
        answer = self._sent(request, _ATTEMPTS if safe else 1)
        document = _document(answer)
        if not answer.is_success:
            raise of_answer(answer.status_code, document)
        if document is None and answer.content:
            said = f"{self._url} answered with something else than JSON; is it Belfry's address?"
            raise Failure(Exit.UNREACHABLE, said)
        return Answer(answer.status_code, document, answer.headers)

    def _sent(self, request: httpx.Request, attempts: int) -> httpx.Response:
        lost = False
        for attempt in range(1, attempts + 1):
            try:
                answer = self._http.send(request)
            except httpx.TransportError as error:
                if attempt == attempts:
                    raise self._unreachable(error, request) from error
                lost = True
                self._sleep(2.0 ** (attempt - 1))
                continue
            # 409 after a lost answer: the first request is still being answered
            busy = answer.status_code in _BUSY or (lost and answer.status_code == 409)
            wait = _wait(answer, attempt)
            if not busy or attempt == attempts or wait > _LONGEST_WAIT:
                return answer
            self._sleep(wait)
        raise AssertionError("there is an attempt at least")

    def _unreachable(self, error: httpx.TransportError, request: httpx.Request) -> Failure:
        said = f"{self._url} {_SAID}: {error or type(error).__name__}"
        if isinstance(error, httpx.ConnectError):
            said += "\nIs Belfry running there? --url, BELFRY_URL or a profile names its address."
        if request.method != "GET":
            said += "\nIt is not known whether it was done; look before you repeat it."
        return Failure(Exit.UNREACHABLE, said)

    def walk(
        self, path: str, items: str, limit: int | None = None, **params: Any
    ) -> Iterator[Json]:
        """The items of a list, page by page, up to `limit`; by cursor where the list has one."""
        size = PAGE if limit is None else max(1, min(PAGE, limit))
        place: Json = {}
        left = limit
        while True:
            page = self.get(path, page_size=size, **params, **place)
            yield from page[items] if left is None else page[items][:left]
            left = None if left is None else left - len(page[items])
            if left is not None and left <= 0:
                return
            if "next_cursor" in page:
                place = {"cursor": page["next_cursor"]}
            else:
                place = {"page": page["page"] + 1 if page["page"] < page["pages"] else None}
            if None in place.values():
                return


def at(*parts: str) -> str:
    """A path under the API; ids are quoted."""
    return "/".join((API, *(quote(part, safe="") for part in parts)))


def _document(answer: httpx.Response) -> Any:
    if "json" not in answer.headers.get("content-type", ""):
        return None
    try:
        return answer.json()
    except (json.JSONDecodeError, UnicodeDecodeError):
        return None


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _wait(answer: httpx.Response, attempt: int) -> float:
    """Seconds (RFC 9110, 10.2.3; Belfry never sends a date)."""
    said = answer.headers.get("retry-after", "")
    return float(said) if said.isascii() and said.isdigit() else 2.0 ** (attempt - 1)
