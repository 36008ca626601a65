"""Table Storage by hand: a table's transactions and queries as bytes, for the hot path.

Four calls of the REST API, without azure-data-tables, whose work on each entity is ten times what
the bytes need. From azure-core it takes only what is hard to get right: retry, sign-in with Entra
ID, and the transport, all imported when a Wire is made, since a cold start pays for every import.

https://learn.microsoft.com/rest/api/storageservices/performing-entity-group-transactions
https://learn.microsoft.com/rest/api/storageservices/query-entities

Properties are what Belfry's entities hold: text, bool, and integers within 31 bits, which the
service takes as they stand in JSON. Others need an annotation, which the caller gives as the
service writes it (`"n@odata.type": "Edm.Int64", "n": "5"`); when read, they are of Python's own
types.
"""

from __future__ import annotations

import json
import re
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
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
    from azure.core.pipeline.policies import SansIOHTTPPolicy

MAX_OPERATIONS = 100
MAX_BYTES = 4 * 1024 * 1024
"""The most that one transaction may have, its headers included."""

_GONE = ("ResourceNotFound", "EntityNotFound")
_LOST = (*_GONE, "EntityAlreadyExists", "UpdateConditionNotSatisfied", "ConditionNotMet")
"""A refusal's code when somebody else was faster; TableNotFound, also a 404, is not one.
https://learn.microsoft.com/rest/api/storageservices/table-service-error-codes"""

_PASSING = (408, 429, 500, 502, 503, 504)
_HEADERS = {
    "x-ms-version": "2020-12-06",  # the first that takes Entra ID
    "DataServiceVersion": "3.0;",
    "MaxDataServiceVersion": "3.0;NetFx",
    "Accept": "application/json;odata=minimalmetadata",  # the cheapest that has ETags
    "User-Agent": "belfry",
}
# JSON in ASCII holds no line break, so no value can be taken for a boundary: one serves all.
BATCH_HEADERS = _HEADERS | {"Content-Type": "multipart/mixed; boundary=batch_belfry"}
_OPEN = "--batch_belfry\r\nContent-Type: multipart/mixed; boundary=changeset_belfry\r\n\r\n"
_PART = (
    "--changeset_belfry\r\nContent-Type: application/http\r\n"
    "Content-Transfer-Encoding: binary\r\nContent-ID: "
)
_ACCEPT = (
    " HTTP/1.1\r\nAccept: application/json;odata=minimalmetadata\r\nDataServiceVersion: 3.0;\r\n"
)
_WRITE = "Prefer: return-no-content\r\nContent-Type: application/json\r\nContent-Length: "
_CLOSE = "--changeset_belfry--\r\n--batch_belfry--\r\n"

_PLAIN_KEY = re.compile(r"[A-Za-z0-9_.~:-]*")
"""What most keys are made of; checking that takes a tenth of the time of `quote`."""
_STATUS = re.compile(rb"^HTTP/1\.1 (\d{3})", re.MULTILINE)
_ETAG = re.compile(rb"\netag: *([^\r\n]+)", re.IGNORECASE)
_to_json = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


@dataclass(frozen=True, slots=True)
class Insert:
    """Refused if the entity is there."""

    key: str
    properties: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Upsert:
    """Insert or replace, whatever is there."""

    key: str
    properties: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Merge:
    """Set these properties and leave the others; refused if the entity is not as `etag` says."""

    key: str
    etag: str
    properties: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Replace:
    """Set these properties and no others; refused if the entity is not as `etag` says."""

    key: str
    etag: str
    properties: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Delete:
    """Refused if the entity is gone, or is not as `etag` says; "*": whatever it is like."""

    key: str
    etag: str = "*"


Operation = Insert | Upsert | Merge | Replace | Delete
_VERBS = {Insert: "POST", Upsert: "PUT", Merge: "PATCH", Replace: "PUT", Delete: "DELETE"}


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


class TooLarge(ValueError):
    """The transaction is longer than the service takes; fewer operations may fit."""


class Wire:
    """One table. Several threads may use one Wire at once.

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
        """`url` is the account's table endpoint; `transport` one of azure-core's. `clock` hears the
        storage's time, and dates the requests."""
        from azure.core.pipeline import Pipeline
        from azure.core.pipeline.policies import RetryPolicy

        self._batch = f"{url.rstrip('/')}/$batch"
        self._table = f"{url.rstrip('/')}/{table}"
        self._options: dict[str, Any] = {
            **failures.TIMEOUTS,
            "timeout": failures.WHOLE,
            "retry_on_methods": frozenset(("GET", "POST")),
        }
        policies: list[Any] = [
            RetryPolicy(**failures.RETRIES),
            sign_in(credential, "table", clock),
            _unwrapping(),
        ]
        sender: Any = transport or Lean(url, clock)
        self._pipeline = Pipeline[Any, Any](sender, policies)

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
        self, filter: str, *, top: int, select: Sequence[str] | None = None
    ) -> Iterator[dict[str, Any]]:
        """All entities that the OData filter lets through (if empty: all), in the order of their
        keys, `top` (at most 1,000) a request.

        Each has its keys, its properties and its "etag". For text within a filter, see `literal`.
        """
        url = f"{self._table}()?$top={top}"
        if filter:
            url += f"&$filter={quote(filter, safe='')}"
        if select is not None:
            url += f"&$select={quote(','.join(select), safe=',')}"
        after = ""
        while True:
            response = self._run("GET", url + after).http_response
            yield from _rows(response.content)
            after = "".join(
                f"&{name}={quote(value, safe='')}"
                for name in ("NextPartitionKey", "NextRowKey")
                if (value := response.headers.get(f"x-ms-continuation-{name}"))
            )
            if not after:
                return

    def get(self, partition: str, key: str) -> dict[str, Any] | None:
        """The entity as `query` gives it, or None. Raises if there is no table."""
        from azure.core.exceptions import HttpResponseError

        url = f"{self._table}(PartitionKey='{_quoted(partition)}',RowKey='{_quoted(key)}')"
        try:
            response = self._run("GET", url).http_response
        except HttpResponseError as error:
            if getattr(error, "error_code", "") in _GONE:
                return None
            raise
        return _rows(b'{"value":[%b]}' % response.content)[0]

    def _run(self, method: str, url: str, body: bytes | None = None) -> Any:
        from azure.core.rest import HttpRequest

        headers, expected = (BATCH_HEADERS, 202) if body else (_HEADERS, 200)
        request = HttpRequest(method, url, headers=headers, content=body)
        answer = self._pipeline.run(request, **self._options)
        if answer.http_response.status_code != expected:
            raise _error(answer.http_response)
        return answer


def from_account(
    account: StorageAccount, table: str, transport: Any = None, clock: CheckedClock | None = None
) -> Wire:
    """By connection string with the account's key, or else by managed identity.

    Raises `Misconfigured`.
    """
    found = endpoint(account, "table")
    return Wire(found.url, table, found.credential, transport=transport, clock=clock)


def literal(text: str) -> str:
    """Text as a filter quotes it."""
    return "'" + text.replace("'", "''") + "'"


def encode(table: str, partition: str, operations: Sequence[Operation]) -> bytes:
    """The body of a transaction on the table at this URL. Raises `ValueError` beyond the limits;
    Azurite would take integers beyond 31 bits, but the service does not."""
    if not 1 <= len(operations) <= MAX_OPERATIONS:
        raise ValueError(f"{len(operations)} operations in one transaction; 1 to 100 can be")
    entity = f"{table}(PartitionKey='{_quoted(partition)}',RowKey='"
    parts = [_OPEN]
    for number, it in enumerate(operations):
        where = table if isinstance(it, Insert) else f"{entity}{_quoted(it.key)}')"
        parts.append(f"{_PART}{number}\r\n\r\n{_VERBS[type(it)]} {where}{_ACCEPT}")
        if isinstance(it, Merge | Replace | Delete):
            parts.append(f"If-Match: {it.etag}\r\n")
        if isinstance(it, Delete):
            parts.append("\r\n\r\n")
        else:
            for name, value in it.properties.items():
                if type(value) is int and not -(2**31) <= value < 2**31:
                    raise ValueError(f"{name} of {it.key} is beyond 31 bits: {value}")
            text = _to_json({"PartitionKey": partition, "RowKey": it.key, **it.properties})
            parts.append(f"{_WRITE}{len(text)}\r\n\r\n{text}\r\n")
    body = "".join([*parts, _CLOSE]).encode("ascii")
    if len(body) > MAX_BYTES:
        raise TooLarge(f"{len(body)} bytes in one transaction; 4 MiB can be")
    return body


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


def _quoted(key: str) -> str:
    if _PLAIN_KEY.fullmatch(key):
        return key.replace(":", "%3A")
    return quote(key.replace("'", "''"), safe="")


def _etag(part: bytes) -> str:
    found = _ETAG.search(part)
    return found[1].decode("ascii") if found else ""


def _error(response: Any, part: bytes = b"") -> Any:
    """The SDKs' HttpResponseError with their `error_code`, of an answer or a part of one."""
    from azure.core.exceptions import HttpResponseError

    status = int(part[:3] or response.status_code)
    text = (part or response.content).decode(errors="replace")
    code, message = response.headers.get("x-ms-error-code", ""), f"answered {status}"
    try:
        told, _ = json.JSONDecoder().raw_decode(text, text.find("{"))
        code, message = told["odata.error"]["code"], told["odata.error"]["message"]["value"]
    except (ValueError, LookupError, TypeError):
        pass  # something on the way to the service answered
    error: Any = HttpResponseError(message=message, response=response)
    error.status_code, error.error_code = status, code
    return error


def _rows(content: bytes) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(content)["value"]
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
"""For annotated properties; others (Edm.Guid) stay text. Instants keep six of their seven
digits."""
