"""A table service that answers at once: what a pass costs us when the storage costs nothing.

It stands where the SDKs' connections are, so that everything above (signing, retrying, reading) is
the product's own. It holds keys in order and nothing else. A query of a range of keys is answered
from them, a page at a time; a write is accepted and forgotten.
"""

from __future__ import annotations

import io
import json
import re
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from email.utils import formatdate
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests
from requests.adapters import BaseAdapter
from urllib3 import HTTPResponse

_RANGE = re.compile(
    r"PartitionKey eq '([^']*)' and RowKey ge '([^']*)' and RowKey lt '([^']*)'(?: and .*)?"
)
_PAGE = 1000
_MADE = b"\nHTTP/1.1 204 No Content\r\nETag: now\r\n"
"""The answer to each operation of a transaction."""
_WRITTEN = {"ETag": 'W/"now"', "x-ms-version": "2019-02-02"}


class Table:
    """Keys by partition, each partition's in order."""

    def __init__(self, keys: Iterable[tuple[str, str]]) -> None:
        self._keys: dict[str, list[str]] = {}
        for partition, key in sorted(keys):
            self._keys.setdefault(partition, []).append(key)

    def between(self, partition: str, lower: str, upper: str, top: int) -> Sequence[str]:
        """At most `top` keys of the partition from `lower` on and before `upper`."""
        keys = self._keys.get(partition, [])
        first, last = bisect_left(keys, lower), bisect_left(keys, upper)
        return keys[first : min(last, first + top)]

    def session(self) -> requests.Session:
        """For a transport: whatever is asked, this table answers."""
        made = requests.Session()
        made.trust_env = False
        made.mount("http://", _Answering(self))
        return made


class _Answering(BaseAdapter):
    def __init__(self, table: Table) -> None:
        super().__init__()
        self._table = table

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        status, headers, body = self._answer(request)
        answer = requests.Response()
        answer.status_code, answer.url, answer.request = status, request.url or "", request
        answer.reason = HTTPStatus(status).phrase
        answer.headers.update(
            {"Date": formatdate(usegmt=True), "Content-Length": str(len(body)), **headers}
        )
        answer.raw = HTTPResponse(io.BytesIO(body), answer.headers, status, preload_content=False)
        return answer

    def close(self) -> None:
        """There is nothing to close."""

    def _answer(self, request: requests.PreparedRequest) -> tuple[int, dict[str, str], bytes]:
        url, sent = request.url or "", request.body or b""
        if url.endswith("$batch") and isinstance(sent, bytes):
            return 202, _WRITTEN, _MADE * sent.count(b"Content-ID:")
        asked = parse_qs(urlsplit(url).query)
        found = _RANGE.fullmatch(asked.get("$filter", [""])[0])
        if found is None:
            raise ValueError(f"the stub answers ranges of keys only, not {url}")
        top = int(asked.get("$top", [str(_PAGE)])[0])
        keys = self._table.between(found[1], found[2], found[3], top)
        body = json.dumps({"value": [{"PartitionKey": found[1], "RowKey": key} for key in keys]})
        return 200, {"Content-Type": "application/json"}, body.encode()
