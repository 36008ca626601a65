"""The tables of an account: create, drop and list them.

https://learn.microsoft.com/rest/api/storageservices/operations-on-tables
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from shared.storage.rest import Rest
from shared.storage.tables.batch import HEADERS, literal

_NEW = HEADERS | {"Content-Type": "application/json", "Prefer": "return-no-content"}


class Tables:
    """The tables. Every call raises azure-core's errors, as the SDKs do."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest
        self._url = f"{rest.url}/Tables"

    def create(self, name: str) -> None:
        """Create a table; harmless if it exists."""
        body = json.dumps({"TableName": name}).encode()
        there = ("TableAlreadyExists",)
        self._rest.ask("POST", self._url, _NEW, body, expected=(201, 204), also=there)

    def drop(self, name: str, **options: Any) -> None:
        """Drop a table; harmless if it does not exist. For `options`, see `Rest.run`."""
        url = f"{self._url}('{name}')"
        self._rest.ask("DELETE", url, HEADERS, expected=(204, 404), **options)

    def names(self, prefix: str) -> Iterator[str]:
        """The names of the tables that begin with `prefix`."""
        wanted = f"TableName ge {literal(prefix)} and TableName lt {literal(prefix + '~')}"
        after = ""
        while True:
            url = f"{self._url}?$filter={quote(wanted, safe='')}{after}"
            answer = self._rest.ask("GET", url, HEADERS, expected=(200,))
            yield from (str(table["TableName"]) for table in json.loads(answer.content)["value"])
            coming = answer.headers.get("x-ms-continuation-NextTableName")
            if not coming:
                return
            after = f"&NextTableName={quote(coming, safe='')}"
