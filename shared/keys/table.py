"""The table of keys. Its partition `keys` has these rows:

- `key:{id}`: a key. A revoked one stays, so that what it did can still be told.
- `made`: a key was made once; from then on, nobody comes in without one. Whatever changes who may
  come in writes this row in the same transaction, under its ETag: so such changes happen one after
  another, and two at once cannot revoke the last two keys of administrators.

Beside it, in the partition `meta` (`facts`), are what callers spent (`lots`) and wrong keys
(`refusals`).
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from shared.access.keys import Key
from shared.errors import Damaged
from shared.keys.rows import properties, to_key
from shared.log import Event, event
from shared.storage.connect import Connection
from shared.storage.failures import translated
from shared.storage.tables import row_keys
from shared.storage.tables.batch import Insert, Merge, Operation, Replace
from shared.storage.tables.facts import Meta
from shared.storage.tables.table import Table

_logger = logging.getLogger("belfry.keys")

PARTITION = "keys"
_SERVICE = "table storage"
_KEY, _MADE = "key:", "made"


class KeyTable:
    """The table. Every method raises `Unavailable` or `Refused` if storage fails."""

    def __init__(self, connection: Connection, name: str) -> None:
        self._connection = connection
        self._table: Table = connection.table(name)
        self.facts = Meta(self._table)

    def create(self) -> None:
        """Create the table; harmless if it exists."""
        with translated(_SERVICE):
            self._connection.create_table(self._table.name)

    def made(self) -> str | None:
        """The ETag of the row that says that a key was made; None if none ever was."""
        row = self._row(_MADE)
        return None if row is None else str(row["etag"])

    def get(self, key_id: str) -> Key | None:
        """The key; None if there is none. Raises `Damaged`."""
        row = self._row(_KEY + key_id)
        return None if row is None else to_key(key_id, row)

    def all(self) -> Iterator[Key]:
        """Every key. One whose row cannot be read is told in the log, and left out."""
        where = row_keys.of(PARTITION, row_keys.beginning(_KEY))
        with translated(_SERVICE):
            rows = self._table.query(where)
            for row in rows:
                try:
                    yield to_key(row["RowKey"].removeprefix(_KEY), row)
                except Damaged as error:
                    event(_logger, Event.KEY_UNREADABLE, level=logging.ERROR, error=str(error))

    def write(self, before: Key | None, after: Key, made: str | None) -> bool:
        """Write a key; whether it was written. It is not if somebody changed it since `before` was
        read (None: there was none), or if any key was changed since `made` was.

        If the answer to a write is lost, the write is repeated and refused; the row's mark shows
        that it was done.
        """
        mark = secrets.token_hex(6)
        row = properties(after) | {"mark": mark}
        name = _KEY + after.id
        steps: list[Operation] = [
            Insert(name, row) if before is None else Replace(name, before.etag, row),
            Insert(_MADE, {"mark": mark}) if made is None else Replace(_MADE, made, {"mark": mark}),
        ]
        with translated(_SERVICE):
            outcome = self._table.transact(PARTITION, steps)
        if outcome.committed or not outcome.retried:
            return outcome.committed
        found = self._row(name)
        return found is not None and found.get("mark") == mark

    def used(self, key: Key, at: datetime) -> None:
        """Note that a key was used; if somebody changed its row meanwhile, they noted enough."""
        said = {"last_used_at": at.astimezone(UTC).isoformat()}
        with translated(_SERVICE):
            self._table.transact(PARTITION, [Merge(_KEY + key.id, key.etag, said)])

    def _row(self, name: str) -> dict[str, Any] | None:
        with translated(_SERVICE):
            return self._table.get(PARTITION, name)
