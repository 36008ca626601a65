"""A client for one table: its transactions and queries, for the hot path.

It makes three calls of the REST API, without azure-data-tables, which does ten times the necessary
work on each entity. Values that are read have Python's own types.

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

from shared.storage.rest import Rest, code_of, refusal
from shared.storage.tables.batch import BATCH_HEADERS, HEADERS, Operation, encode, quoted

if TYPE_CHECKING:
    from azure.core.pipeline.policies import SansIOHTTPPolicy

MAX_ROWS = 1000
"""The most entities in one answer."""
_GONE = ("ResourceNotFound", "EntityNotFound")
_NO_TABLE = "TableNotFound"
_LOST = (*_GONE, "EntityAlreadyExists", "UpdateConditionNotSatisfied", "ConditionNotMet")
"""The codes of a refusal because somebody else was faster. TableNotFound is not one of them, though
its status is 404 too.
https://learn.microsoft.com/rest/api/storageservices/table-service-error-codes"""

_PASSING = (408, 429, 500, 502, 503, 504)
_STATUS = re.compile(rb"^HTTP/1\.1 (\d{3})", re.MULTILINE)
_ETAG = re.compile(rb"\netag: *([^\r\n]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Outcome:
    """Whether a transaction was committed; if not, none of its operations was done."""

    committed: bool
    status: int
    """202, or the status of the refused operation: 404, 409 or 412."""
    index: int | None = None
    """The index of the refused operation, if the service named it."""
    code: str = ""
    """The service's error code, such as UpdateConditionNotSatisfied."""
    etags: tuple[str, ...] = ()
    """If committed, one for each operation; a delete's is empty."""
    retried: bool = False
    """An earlier attempt failed. So if this one was refused, the cause may be our own earlier
    write, whose answer was lost."""


class Table:
    """One table. Several threads may use it at once.

    Every call raises azure-core's errors, as the SDKs do: `HttpResponseError` with `error_code` if
    the service refused for good, or in all four attempts; other errors if it did not answer.
    """

    def __init__(self, service: Rest, name: str, *, missing_is_empty: bool = False) -> None:
        """`service`: the account's tables, with the policy `unwrapping`. `missing_is_empty`: a
        table that does not exist is read as one without entities."""
        self.name = name
        self._rest = service
        self._empty: tuple[str, ...] = (_NO_TABLE,) if missing_is_empty else ()
        self._batch = f"{service.url}/$batch"
        self._table = f"{service.url}/{name}"

    def transact(self, partition: str, operations: Sequence[Operation], **options: Any) -> Outcome:
        """Do all of the operations, or none. There may be 1 to 100, all on one partition, each on
        a different entity. `options`: as of `Rest.run`.

        Raises `ValueError` beyond the limits: 100 operations, 4 MiB, integers of 31 bits.
        """
        answer = self._run(
            "POST", self._batch, encode(self._table, partition, operations), **options
        )
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
        """All entities that match the OData filter (all, if it is empty), in the order of their
        keys. Each request reads `top` of them (at most 1,000).

        Each entity has its keys, its properties and "etag". `raw` gives them as the service writes
        them: with "odata.etag", and with the annotations of properties' types, which a transaction
        accepts. To quote text in a filter, use `literal`.
        """
        url = f"{self._table}()?$top={top}"
        if filter:
            url += f"&$filter={quote(filter, safe='')}"
        if select is not None:
            url += f"&$select={quote(','.join(select), safe=',')}"
        after = ""
        while True:
            answer = self._read(url + after, self._empty)
            if answer is None:
                return
            response = answer.http_response
            yield from _rows(response.content, raw=raw)
            after = "".join(
                f"&{name}={quote(value, safe='')}"
                for name in ("NextPartitionKey", "NextRowKey")
                if (value := response.headers.get(f"x-ms-continuation-{name}"))
            )
            if not after:
                return

    def get(self, partition: str, key: str, *, raw: bool = False) -> dict[str, Any] | None:
        """The entity, as `query` gives it; None if there is none. Raises if there is no table."""
        url = f"{self._table}(PartitionKey='{quoted(partition)}',RowKey='{quoted(key)}')"
        answer = self._read(url, (*_GONE, *self._empty))
        if answer is None:
            return None
        return _rows(b'{"value":[%b]}' % answer.http_response.content, raw=raw)[0]

    def _read(self, url: str, gone: Sequence[str]) -> Any:
        """The answer; None if it is an error with one of these codes."""
        from azure.core.exceptions import HttpResponseError

        try:
            return self._run("GET", url)
        except HttpResponseError as error:
            if getattr(error, "error_code", "") in gone:
                return None
            raise

    def _run(self, method: str, url: str, body: bytes | None = None, **options: Any) -> Any:
        headers, expected = (BATCH_HEADERS, 202) if body else (HEADERS, 200)
        answer = self._rest.run(method, url, headers, body, **options)
        if answer.http_response.status_code != expected:
            raise _error(answer.http_response)
        return answer


def unwrapping() -> SansIOHTTPPolicy[Any, Any]:
    """A policy that shows the retry policy the error inside a transaction's answer, whose own
    status is 202 even then."""
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
    """The error for an answer, or for a part of one, as the SDKs raise it."""
    status = int(part[:3] or response.status_code)
    text = (part or response.content).decode(errors="replace")
    code, message = code_of(response), f"answered {status}"
    try:
        told, _ = json.JSONDecoder().raw_decode(text, text.find("{"))
        code, message = told["odata.error"]["code"], told["odata.error"]["message"]["value"]
    except (ValueError, LookupError, TypeError):
        pass  # not the service's answer, but that of something between, such as a proxy
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
            convert(row)
    return rows


def convert(row: dict[str, Any]) -> None:
    """Give the values of a raw row Python's own types, by the annotations, which are removed."""
    for note in [name for name in row if name.endswith(_TYPE)]:
        name, read = note.removesuffix(_TYPE), _READ.get(row.pop(note))
        if read is not None and name in row:
            row[name] = read(row[name])


_TYPE = "@odata.type"
_READ: dict[str, Callable[[Any], Any]] = {
    "Edm.Int64": int,
    "Edm.Double": float,
    "Edm.DateTime": datetime.fromisoformat,
    "Edm.Binary": b64decode,
}
"""How raw properties are converted, by type. Other types (Edm.Guid) stay text. An instant keeps six
of its seven decimals."""
