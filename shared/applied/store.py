"""Reads and writes what was applied. Every method raises `Unavailable` or `Refused` if storage
fails."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from shared.applied import rows
from shared.applied.model import Entry, Head
from shared.applied.rows import COLUMNS, HEAD, PARTITION
from shared.errors import Damaged
from shared.log import Event, event
from shared.storage.failures import translated
from shared.storage.tables.batch import Delete, Insert, Operation, Replace, Upsert, literal
from shared.storage.tables.table import Table

_logger = logging.getLogger("belfry.applied")
_SERVICE = "table storage"
_LOOKS = 5


class Replaced(Exception):
    """An apply is not as it was when it was read: somebody applied again, or removed it."""


class Store:
    """The rows."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def heads(self) -> list[Head]:
        """Every apply that can be read, without its entries."""
        found = self._rows(HEAD, HEAD[:-1] + ";", COLUMNS)
        return [head for row in found if (head := _readable(row)) is not None]

    def entries(self, head: Head) -> list[Entry]:
        """The entries of an apply. Raises `Replaced`, and `Damaged`."""
        found = [row for row in self._parts(head) if row.get("mark") == head.mark]
        if len(found) != head.parts:
            with translated(_SERVICE):
                now = self._table.get(PARTITION, rows.head_key(head))
            if now is None or now.get("mark") != head.mark:
                raise Replaced
            raise Damaged(f"what was applied for {head.owner!r} is not there whole")
        return [entry for row in found for entry in rows.to_entries(row)]

    def write(self, before: Head | None, head: Head, entries: Sequence[Entry]) -> bool:
        """Write an apply in the place of `before` (None: there was none that can be read), if
        nobody was faster."""
        parts = rows.part_rows(entries)
        made = replace(head, parts=len(parts), mark=secrets.token_hex(6))
        key, row = rows.head_key(made), rows.head_row(made)
        etag = self._garbled(key) if before is None else before.etag
        steps: list[Operation] = [Insert(key, row) if etag is None else Replace(key, etag, row)]
        steps += [
            Upsert(rows.part_key(made, number), {**part, "mark": made.mark})
            for number, part in enumerate(parts)
        ]
        with translated(_SERVICE):
            outcome = self._table.transact(PARTITION, steps)
            if outcome.committed or not outcome.retried:
                return outcome.committed
            found = self._table.get(PARTITION, key)  # whether the first attempt succeeded
        return found is not None and found.get("mark") == made.mark

    def _garbled(self, key: str) -> str | None:
        """The ETag of a row there that cannot be read, so that a new apply mends it."""
        with translated(_SERVICE):
            found = self._table.get(PARTITION, key)
        return str(found["etag"]) if found is not None and _readable(found) is None else None

    def remove(self, head: Head) -> bool:
        """Remove an apply; False if it was replaced since it was read. Entries that a removal which
        was cut off leaves behind have a mark that no apply has, so nobody reads them."""
        key = rows.head_key(head)
        with translated(_SERVICE):
            outcome = self._table.transact(PARTITION, [Delete(key, head.etag)])
            if not outcome.committed and self._table.get(PARTITION, key) is not None:
                return False
            for row in list(self._parts(head)):
                if row.get("mark") == head.mark:
                    self._table.transact(PARTITION, [Delete(row["RowKey"], row["etag"])])
        return True

    def _parts(self, head: Head) -> Iterator[dict[str, Any]]:
        key = rows.part_key(head, 0)[:-3]
        return self._rows(key, key[:-1] + ";")

    def _rows(
        self, lower: str, upper: str, select: Sequence[str] | None = None
    ) -> Iterator[dict[str, Any]]:
        span = f"RowKey ge {literal(lower)} and RowKey lt {literal(upper)}"
        where = f"PartitionKey eq {literal(PARTITION)} and {span}"
        with translated(_SERVICE):
            yield from self._table.query(where, select=select)


def _readable(row: dict[str, Any]) -> Head | None:
    """The apply in a row. One that cannot be read must not hide the others."""
    try:
        return rows.to_head(row)
    except Damaged as error:
        event(_logger, Event.APPLIED_UNREADABLE, level=logging.ERROR, error=str(error))
        return None
