"""The tables of an account: create, drop and list them.

https://learn.microsoft.com/rest/api/storageservices/operations-on-tables
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from shared.storage.rest import Rest, code_of, refusal
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
        answer = self._rest.run("POST", self._url, _NEW, body).http_response
        if answer.status_code not in (201, 204) and code_of(answer) != "TableAlreadyExists":
            raise _refused(answer)

    def drop(self, name: str, **options: Any) -> None:
        """Drop a table; harmless if it does not exist. For `options`, see `Rest.run`."""
        url = f"{self._url}('{name}')"
        answer = self._rest.run("DELETE", url, HEADERS, **options).http_response
        if answer.status_code not in (204, 404):
            raise _refused(answer)

    def names(self, prefix: str) -> Iterator[str]:
        """The names of the tables that begin with `prefix`."""
        wanted = f"TableName ge {literal(prefix)} and TableName lt {literal(prefix + '~')}"
        after = ""
        while True:
            url = f"{self._url}?$filter={quote(wanted, safe='')}{after}"
            answer = self._rest.run("GET", url, HEADERS).http_response
            if answer.status_code != 200:
                raise _refused(answer)
            yield from (str(table["TableName"]) for table in json.loads(answer.content)["value"])
            coming = answer.headers.get("x-ms-continuation-NextTableName")
            if not coming:
                return
            after = f"&NextTableName={quote(coming, safe='')}"


def _refused(answer: Any) -> Any:
    return refusal(answer, answer.status_code, code_of(answer), f"answered {answer.status_code}")
