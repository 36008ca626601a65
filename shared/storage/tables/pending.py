"""Entries of the audit that are not in its chain yet (C17).

Each is a row `audit:{instant}:{id}`, written in the transaction of the change that it tells; the
audit's chainer takes it from there. An ordinary run writes none.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from itertools import islice
from typing import Any

from shared.audit.entry import Entry, canonical, from_json
from shared.storage.failures import translated
from shared.storage.tables.batch import Delete, Insert, literal
from shared.storage.tables.table import Table

PREFIX = "audit:"
_SERVICE = "table storage"
_ROOM = 30_000
"""Characters in one property, which holds 64 KiB in UTF-16."""


@dataclass(frozen=True, slots=True)
class Pending:
    """A row as it was read."""

    partition: str
    key: str
    entry: Entry
    etag: str


def key_of(entry: Entry) -> str:
    """The key of an entry's row."""
    return f"{PREFIX}{entry.at.astimezone(UTC):%Y%m%dT%H%M%S.%fZ}:{entry.id}"


def row_of(entry: Entry) -> Insert:
    """The operation that writes an entry's row."""
    return Insert(key_of(entry), parted(canonical(entry.to_json())))


def parted(text: str) -> dict[str, str]:
    """A long text as the properties `text0`, `text1`, ... of a row."""
    starts = range(0, max(1, len(text)), _ROOM)
    return {f"text{n}": text[at : at + _ROOM] for n, at in enumerate(starts)}


def joined(row: Mapping[str, Any]) -> str:
    """The long text of a row. Raises `LookupError` if it has none, `TypeError` if it is none."""
    parts = [row["text0"]]
    while (part := row.get(f"text{len(parts)}")) is not None:
        parts.append(part)
    return "".join(parts)


def read(table: Table, partition: str, most: int) -> Iterator[Pending]:
    """The oldest entries that are pending in a partition, at most `most`: one query. Raises
    `LookupError`, `ValueError` or `TypeError` at one that cannot be read."""
    span = f"RowKey ge {literal(PREFIX)} and RowKey lt {literal(PREFIX[:-1] + ';')}"
    where = f"PartitionKey eq {literal(partition)} and {span}"
    with translated(_SERVICE):
        rows = list(islice(table.query(where, top=min(most, 1000)), most))
    for row in rows:
        yield Pending(partition, row["RowKey"], from_json(json.loads(joined(row))), row["etag"])


def remove(table: Table, partition: str, keys: Sequence[str]) -> None:
    """Remove rows that are in the chain; harmless for those that are gone."""
    with translated(_SERVICE):
        if keys and not table.transact(partition, [Delete(key) for key in keys]).committed:
            for key in keys:
                table.transact(partition, [Delete(key)])
