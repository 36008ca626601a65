"""The feed of the index of jobs, and which directory of the index holds.

When the jobs of a note have ended, the sweep files them: a row of the feed has what the index needs
of each. Packing puts the feed into chunks and removes the rows. Both are in the partition `meta`:
`jobs.feed:{stamp}:{mark}`, and `jobs.index`, whose value is the name of the directory's blob.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from shared.errors import Unavailable
from shared.jobs.entry import Entry
from shared.storage.failures import translated
from shared.storage.tables.batch import MAX_OPERATIONS, Delete, Upsert, literal
from shared.storage.tables.compare_and_set import TRIES
from shared.storage.tables.facts import META, Fact, Meta
from shared.storage.tables.parts import joined, packed
from shared.storage.tables.table import Table

INDEX = "jobs.index"
_SERVICE = "table storage"
_PREFIX = "jobs.feed:"
_SEPARATOR = "\n"
MOST_FILED = 1_000
"""The most jobs in a row of the feed."""


@dataclass(frozen=True, slots=True)
class Filed:
    """A row of the feed."""

    key: str
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Feed:
    """The feed and the directory's name, as they were at one instant."""

    rows: tuple[Filed, ...]
    directory: str | None
    """The name of the directory's blob; None if there is no index."""


class JobFeed:
    """The feed. Every method raises `Unavailable` or `Refused` if storage fails."""

    def __init__(self, table: Table, meta: Meta) -> None:
        self._table = table
        self._meta = meta
        self._known: dict[str, Filed] = {}

    def file(self, entries: Iterable[Entry], now: datetime) -> None:
        """Add jobs that have ended."""
        left = iter(entries)
        while some := list(islice(left, MOST_FILED)):
            lines = (json.dumps(entry.row(), separators=(",", ":")) for entry in some)
            key = f"{_PREFIX}{now.astimezone(UTC):%Y%m%dT%H%M%S.%fZ}:{secrets.token_hex(6)}"
            with translated(_SERVICE):
                row = Upsert(key, packed("jobs", lines, _SEPARATOR))
                self._table.transact(META, [row])

    def read(self) -> Feed:
        """The feed, oldest first, and the directory's name.

        The name is read after the feed: what is no longer in the feed is in that directory.
        """
        for _ in range(TRIES):
            keys, directory = self._keys()
            known = self._known
            new = [key for key in keys if key not in known]
            there = known | (self._contents(new) if new else {})
            if there.keys() >= set(keys):
                self._known = {key: there[key] for key in keys}
                return Feed(tuple(self._known.values()), directory)
        raise Unavailable(_SERVICE, "the feed of jobs is packed again and again")

    def _keys(self) -> tuple[list[str], str | None]:
        keys: list[str] = []
        directory = None
        for row in self._query(["RowKey", "value"]):
            if row["RowKey"] == INDEX:
                directory = row["value"] or None
            else:
                keys.append(row["RowKey"])
        return keys, directory

    def pointer(self) -> Fact | None:
        """The row that names the directory."""
        return self._meta.fact(INDEX)

    def point(self, before: Fact | None, directory: str) -> bool:
        """Name another directory, unless somebody else did since `before` was read; whether it was
        named."""
        return self._meta.swap(INDEX, before, directory)

    def drop(self) -> None:
        """Name no directory: the index is built anew, and until then jobs are read from their
        rows. For when rows of jobs were changed or removed that had been there."""
        self._meta.put(INDEX, "")

    def remove(self, keys: Sequence[str]) -> None:
        """Remove rows that were packed; harmless if some are gone already."""
        for start in range(0, len(keys), MAX_OPERATIONS):
            some = [Delete(key) for key in keys[start : start + MAX_OPERATIONS]]
            with translated(_SERVICE):
                if not self._table.transact(META, some).committed:
                    for one in some:
                        self._table.transact(META, [one])

    def _query(self, select: Sequence[str] | None, lower: str = _PREFIX) -> Iterator[Any]:
        where = f"PartitionKey eq '{META}' and RowKey ge {literal(lower)}"
        with translated(_SERVICE):
            yield from self._table.query(f"{where} and RowKey le '{INDEX}'", select=select)

    def _contents(self, keys: Collection[str]) -> dict[str, Filed]:
        """The rows of the feed from the first of these keys on."""
        found = self._query(None, min(keys))
        return {row["RowKey"]: _filed(row) for row in found if row["RowKey"] != INDEX}


def _filed(row: Mapping[str, Any]) -> Filed:
    """The row. A line that cannot be read is left out: the reconciler finds that its job is in no
    list."""
    entries: list[Entry] = []
    for line in _lines(row):
        try:
            entries.append(Entry.from_row(json.loads(line)))
        except (ValueError, TypeError, LookupError, RecursionError):
            continue
    return Filed(row["RowKey"], tuple(entries))


def _lines(row: Mapping[str, Any]) -> list[str]:
    try:
        return joined("jobs", row, _SEPARATOR)
    except (KeyError, AttributeError, TypeError):
        return []
