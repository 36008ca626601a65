"""The feed of the index of jobs, and which directory of the index holds.

When the jobs of a note have ended, the sweep files them: a row of the feed has what the index needs
of each. Packing puts the feed into chunks and removes the rows. Both are in the partition `meta`:
`jobs.feed:{stamp}:{mark}`, and `jobs.index`, whose value is the name of the directory's blob. After
a dash, it is the name of the directory of an index that was dropped.
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
from shared.storage.tables.compare_and_set import TRIES, compare_and_set
from shared.storage.tables.facts import META, Fact, Meta
from shared.storage.tables.parts import joined, packed
from shared.storage.tables.table import Table

INDEX = "jobs.index"
_SERVICE = "table storage"
_PREFIX = "jobs.feed:"
_SEPARATOR = "\n"
_DROPPED = "-"
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
    last: str | None
    """The name of that which held last; that of an index that was dropped, too."""

    def entries(self, but: Collection[str] = ()) -> list[Entry]:
        """The jobs of its rows, but for those with these keys."""
        return [entry for row in self.rows if row.key not in but for entry in row.entries]


@dataclass(frozen=True, slots=True)
class Pointer:
    """The row that names the directory, as it was read; None: there was none."""

    fact: Fact | None

    @property
    def directory(self) -> str | None:
        """As in `Feed`."""
        return _named(self.fact.value if self.fact else "")[0]

    @property
    def last(self) -> str | None:
        """As in `Feed`."""
        return _named(self.fact.value if self.fact else "")[1]


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
            keys, value = self._keys()
            known = self._known
            new = [key for key in keys if key not in known]
            there = known | (self._contents(new) if new else {})
            if there.keys() >= set(keys):
                self._known = {key: there[key] for key in keys}
                return Feed(tuple(self._known.values()), *_named(value))
        raise Unavailable(_SERVICE, "the feed of jobs is packed again and again")

    def _keys(self) -> tuple[list[str], str]:
        keys: list[str] = []
        value = ""
        for row in self._query(["RowKey", "value"]):
            if row["RowKey"] == INDEX:
                value = row["value"]
            else:
                keys.append(row["RowKey"])
        return keys, value

    def pointer(self) -> Pointer:
        """The row that names the directory."""
        return Pointer(self._meta.fact(INDEX))

    def point(self, before: Pointer, directory: str) -> bool:
        """Name another directory, unless somebody else did since `before` was read; whether it was
        named."""
        return self._meta.swap(INDEX, before.fact, directory)

    def drop(self) -> None:
        """Name no directory: the index is built anew, and until then jobs are read from their
        rows. For when rows of jobs were changed or removed that had been there. The counts of the
        metrics (`jobs.totals`) go on from those of the directory that held. Raises `Conflict` if it
        is packed again and again."""

        def attempt() -> bool | None:
            before = self.pointer()
            dropped = f"{_DROPPED}{before.last}" if before.last else ""
            return self.point(before, dropped) or None

        compare_and_set("the index of jobs", attempt)

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


def _named(value: str) -> tuple[str | None, str | None]:
    """(the directory that holds, the one that held last), by the value of the row."""
    last = value.removeprefix(_DROPPED) or None
    return (None if value.startswith(_DROPPED) else last), last


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
