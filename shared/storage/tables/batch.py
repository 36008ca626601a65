"""The operations of a transaction on a table, and the body of its request.

https://learn.microsoft.com/rest/api/storageservices/performing-entity-group-transactions

Properties have the types that Belfry's entities use: text, bool, and integers of 31 bits. The
service accepts these as plain JSON. For any other type the caller adds an annotation, in the
service's own form (`"n@odata.type": "Edm.Int64", "n": "5"`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

MAX_OPERATIONS = 100
MAX_BYTES = 4 * 1024 * 1024
"""The largest body of a transaction, with the headers of its parts."""

HEADERS = {
    "x-ms-version": "2020-12-06",  # the first that accepts Entra ID
    "DataServiceVersion": "3.0;",
    "MaxDataServiceVersion": "3.0;NetFx",
    "Accept": "application/json;odata=minimalmetadata",  # the cheapest that has ETags
    "User-Agent": "belfry",
}
# JSON in ASCII contains no line breaks, so no value can look like a boundary: a fixed one is safe.
BATCH_HEADERS = HEADERS | {"Content-Type": "multipart/mixed; boundary=batch_belfry"}
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
"""What most keys consist of; to check for it takes a tenth of the time of `quote`."""
_to_json = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


@dataclass(frozen=True, slots=True)
class Insert:
    """Refused if the entity exists."""

    key: str
    properties: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Upsert:
    """Insert the entity, or replace it, whatever it was."""

    key: str
    properties: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Merge:
    """Set these properties and leave the others; refused if the entity's ETag is not `etag`."""

    key: str
    etag: str
    properties: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Replace:
    """Set these properties and remove the others; refused if the entity's ETag is not `etag`."""

    key: str
    etag: str
    properties: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Delete:
    """Refused if the entity is gone, or if its ETag is not `etag`; "*" matches any ETag."""

    key: str
    etag: str = "*"


Operation = Insert | Upsert | Merge | Replace | Delete
_VERBS = {Insert: "POST", Upsert: "PUT", Merge: "PATCH", Replace: "PUT", Delete: "DELETE"}


class TooLarge(ValueError):
    """The transaction is larger than the service accepts; fewer operations may fit."""


def encode(table: str, partition: str, operations: Sequence[Operation]) -> bytes:
    """The body of a transaction on the table at that URL. Raises `ValueError` beyond the limits.
    Azurite would accept integers of more than 31 bits, but the service does not."""
    if not 1 <= len(operations) <= MAX_OPERATIONS:
        raise ValueError(f"{len(operations)} operations in one transaction; 1 to 100 can be")
    entity = f"{table}(PartitionKey='{quoted(partition)}',RowKey='"
    parts = [_OPEN]
    for number, it in enumerate(operations):
        where = table if isinstance(it, Insert) else f"{entity}{quoted(it.key)}')"
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


def literal(text: str) -> str:
    """The text, quoted for a filter."""
    return "'" + text.replace("'", "''") + "'"


def quoted(key: str) -> str:
    """The key, quoted for a URL."""
    if _PLAIN_KEY.fullmatch(key):
        return key.replace(":", "%3A")
    return quote(key.replace("'", "''"), safe="")
