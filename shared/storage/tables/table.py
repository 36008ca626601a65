"""Table Storage by hand: a table's transactions and queries as bytes, for the hot path.

Four calls of the REST API, without azure-data-tables, whose work on each entity is ten times what
the bytes need. What is read is of Python's own types.

https://learn.microsoft.com/rest/api/storageservices/query-entities
"""

from __future__ import annotations

import json
import re
from base64 import b64decode
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from shared.storage.checked import CheckedClock
from shared.storage.rest import Rest, code_of, refusal
from shared.storage.signing import SharedKey
from shared.storage.tables.batch import BATCH_HEADERS, HEADERS, Operation, encode, quoted

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential
    from azure.core.pipeline.policies import SansIOHTTPPolicy

MAX_ROWS = 1000
"""The most entities of one answer."""
_GONE = ("ResourceNotFound", "EntityNotFound")
_LOST = (*_GONE, "EntityAlreadyExists", "UpdateConditionNotSatisfied", "ConditionNotMet")
"""A refusal's code when somebody else was faster; TableNotFound, also a 404, is not one.
https://learn.microsoft.com/rest/api/storageservices/table-service-error-codes"""

_PASSING = (408, 429, 500, 502, 503, 504)
_STATUS = re.compile(rb"^HTTP/1\.1 (\d{3})", re.MULTILINE)
_ETAG = re.compile(rb"\netag: *([^\r\n]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a transaction: all of it, or nothing."""

    committed: bool
    status: int
    """202, or the refused operation's: 404, 409 or 412."""
    index: int | None = None
    """Which operation was refused, if the service said."""
    code: str = ""
    """The service's word for the refusal, such as UpdateConditionNotSatisfied."""
    etags: tuple[str, ...] = ()
    """One for each operation when committed; empty for deletes."""
    retried: bool = False
    """An earlier attempt failed: our own write, whose answer was lost, may be why this was
    refused."""


class Table:
    """One table. Several threads may use it at once.

    Every call raises azure-core's errors, as the SDKs do: `HttpResponseError` with `error_code`
    for what the service refused for good or after four attempts, others for no answer.
    """

    def __init__(
        self,
        url: str,
        table: str,
        credential: SharedKey | TokenCredential,
        *,
        transport: Any = None,
        clock: CheckedClock | None = None,
    ) -> None:
        """`url` is the account's table endpoint; for the others, see `Rest`."""
        self.name = table
        self._rest = Rest(url, "table", credential, _unwrapping(), transport=transport, clock=clock)
        self._batch = f"{self._rest.url}/$batch"
        self._table = f"{self._rest.url}/{table}"

    def transact(self, partition: str, operations: Sequence[Operation]) -> Outcome:
        """Do all of 1 to 100 operations on one partition, each on another entity, or none.

        Raises `ValueError` beyond the limits: 100 operations, 4 MiB, integers of 31 bits.
        """
        answer = self._run("POST", self._batch, encode(self._table, partition, operations))
        response, retried = answer.http_response, bool(answer.context.get("history"))
        parts = response.content.split(b"\nHTTP/1.1 ")[1:]
        refused = next((part for part in parts if part[:1] != b"2"), None)
        if refused is None and len(parts) == len(operations):
            return Outcome(True, 202, etags=tuple(map(_etag, parts)), retried=retried)
        error = _error(response, refused or b"502: parts of the answer are missing")
        if error.error_code not in _LOST:
            raise error
        number = re.match(r"(\d+):", error.message)
        index = int(number[1]) if number else None
        return Outcome(False, error.status_code, index, error.error_code, retried=retried)

    def query(
        self,
        filter: str,
        *,
        top: int = MAX_ROWS,
        select: Sequence[str] | None = None,
        raw: bool = False,
    ) -> Iterator[dict[str, Any]]:
        """All entities that the OData filter lets through (if empty: all), in the order of their
        keys, `top` (at most 1,000) a request.

        Each has its keys, its properties and its "etag".
        `raw`: as the service writes them, with annotations of the properties' types, which a
        transaction takes, and with "odata.etag". For text within a filter, see `literal`.
        """
        url = f"{self._table}()?$top={top}"
        if filter:
            url += f"&$filter={quote(filter, safe='')}"
        if select is not None:
            url += f"&$select={quote(','.join(select), safe=',')}"
        after = ""
        while True:
            response = self._run("GET", url + after).http_response
            yield from _rows(response.content, raw=raw)
            after = "".join(
                f"&{name}={quote(value, safe='')}"
                for name in ("NextPartitionKey", "NextRowKey")
                if (value := response.headers.get(f"x-ms-continuation-{name}"))
            )
            if not after:
                return

    def get(self, partition: str, key: str, *, raw: bool = False) -> dict[str, Any] | None:
        """The entity as `query` gives it, or None. Raises if there is no table."""
        from azure.core.exceptions import HttpResponseError

        url = f"{self._table}(PartitionKey='{quoted(partition)}',RowKey='{quoted(key)}')"
        try:
            response = self._run("GET", url).http_response
        except HttpResponseError as error:
            if getattr(error, "error_code", "") in _GONE:
                return None
            raise
        return _rows(b'{"value":[%b]}' % response.content, raw=raw)[0]

    def _run(self, method: str, url: str, body: bytes | None = None) -> Any:
        headers, expected = (BATCH_HEADERS, 202) if body else (HEADERS, 200)
        answer = self._rest.run(method, url, headers, body)
        if answer.http_response.status_code != expected:
            raise _error(answer.http_response)
        return answer


def _unwrapping() -> SansIOHTTPPolicy[Any, Any]:
    """The policy that shows the retry policy what a transaction's answer of 202 may hide."""
    from azure.core.pipeline.policies import SansIOHTTPPolicy

    class Unwrapping(SansIOHTTPPolicy[Any, Any]):
        def on_response(self, request: Any, response: Any) -> None:  # noqa: ARG002
            http = response.http_response
            inner = _STATUS.search(http.content) if http.status_code == 202 else None
            if inner and int(inner[1]) in _PASSING:
                http.status_code = int(inner[1])

    return Unwrapping()


def _etag(part: bytes) -> str:
    found = _ETAG.search(part)
    return found[1].decode("ascii") if found else ""


def _error(response: Any, part: bytes = b"") -> Any:
    """The SDKs' error of an answer, or of a part of one."""
    status = int(part[:3] or response.status_code)
    text = (part or response.content).decode(errors="replace")
    code, message = code_of(response), f"answered {status}"
    try:
        told, _ = json.JSONDecoder().raw_decode(text, text.find("{"))
        code, message = told["odata.error"]["code"], told["odata.error"]["message"]["value"]
    except (ValueError, LookupError, TypeError):
        pass  # something on the way to the service answered
    return refusal(response, status, code, message)


def _rows(content: bytes, *, raw: bool) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(content)["value"]
    if raw:
        return rows
    for row in rows:
        row["etag"] = row.pop("odata.etag", "")
        row.pop("Timestamp", None)
        row.pop("odata.metadata", None)
    if _TYPE.encode() in content:
        for row in rows:
            for note in [name for name in row if name.endswith(_TYPE)]:
                name, convert = note.removesuffix(_TYPE), _READ.get(row.pop(note))
                if convert is not None and name in row:
                    row[name] = convert(row[name])
    return rows


_TYPE = "@odata.type"
_READ: dict[str, Callable[[Any], Any]] = {
    "Edm.Int64": int,
    "Edm.Double": float,
    "Edm.DateTime": datetime.fromisoformat,
    "Edm.Binary": b64decode,
}
"""For raw properties; others (Edm.Guid) stay text. Instants keep six of their seven
digits."""
