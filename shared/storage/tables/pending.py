"""Entries of the audit that are not in its chain yet (C17).

Each is a row `audit:{instant}:{id}`, written in the transaction of the change that it tells; the
audit's chainer takes it from there. An ordinary run writes none. The row of a change that cannot be
in one transaction with its entry is written before the change, and is *open* until its outcome is
known.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from shared.access import ENGINE
from shared.audit.entry import Entry, canonical, from_json
from shared.audit.port import Action, Subject
from shared.storage.failures import translated
from shared.storage.tables import row_keys
from shared.storage.tables.batch import Delete, Insert, Replace, Upsert
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
    is_open: bool
    """Whether its change may still be going on."""


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


def read(table: Table, partition: str, most: int, now: datetime) -> Iterator[Pending]:
    """The oldest entries that are pending in a partition, at most `most`: one query. One that
    cannot be read, since somebody wrote into it, becomes an entry that says so, of `now`."""
    where = row_keys.of(partition, row_keys.beginning(PREFIX))
    with translated(_SERVICE):
        rows = list(islice(table.query(where, top=min(most, 1000)), most))
    for row in rows:
        yield Pending(
            partition, row["RowKey"], _entry(row, now), row["etag"], row.get("open") is True
        )


def _entry(row: Mapping[str, Any], now: datetime) -> Entry:
    try:
        return from_json(json.loads(joined(row)))
    except (LookupError, ValueError, TypeError) as error:
        said = {name: value for name, value in row.items() if name not in ("etag", "PartitionKey")}
        subject = Subject("audit", "unreadable")
        found = Entry.of(ENGINE, Action.CHANGE, subject, now, before=said)
        return found.ended(None, error)


def write(table: Table, partition: str, entry: Entry) -> None:
    """Write the row of an entry whose change is made."""
    with translated(_SERVICE):
        table.transact(partition, [Upsert(key_of(entry), row_of(entry).properties)])


def begin(table: Table, partition: str, entry: Entry) -> Pending:
    """Write the row of a change that is about to be made."""
    row = parted(canonical(entry.to_json())) | {"open": True}
    with translated(_SERVICE):
        outcome = table.transact(partition, [Upsert(key_of(entry), row)])
    return Pending(partition, key_of(entry), entry, outcome.etags[0], True)


def settle(table: Table, before: Pending, entry: Entry) -> None:
    """Write the outcome of a change. If the chainer gave it up meanwhile, the outcome becomes an
    entry of its own."""
    row = parted(canonical(entry.to_json()))
    with translated(_SERVICE):
        outcome = table.transact(before.partition, [Replace(before.key, before.etag, row)])
        if outcome.committed:
            return
        found = table.get(before.partition, before.key) if outcome.retried else None
        if found is not None and found.get("text0") == row["text0"] and "open" not in found:
            return  # it was our own write, whose answer was lost
    write(table, before.partition, entry.settling())


def give_up(table: Table, one: Pending) -> bool:
    """Close a row whose change never told its outcome; False if it told it just now."""
    row = parted(canonical(one.entry.to_json()))
    with translated(_SERVICE):
        return table.transact(one.partition, [Replace(one.key, one.etag, row)]).committed


def remove(table: Table, partition: str, keys: Sequence[str]) -> None:
    """Remove rows that are in the chain; harmless for those that are gone."""
    with translated(_SERVICE):
        if keys and not table.transact(partition, [Delete(key) for key in keys]).committed:
            for key in keys:
                table.transact(partition, [Delete(key)])
