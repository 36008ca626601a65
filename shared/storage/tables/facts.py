"""Single facts about the whole app, such as when each clock last ticked.

Each fact is one row in the table's partition `meta`.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.storage.failures import translated
from shared.storage.tables import row_keys
from shared.storage.tables.batch import Delete, Insert, Operation, Replace, Upsert
from shared.storage.tables.table import Table

_SERVICE = "table storage"
META = "meta"
"""The partition."""
SYSTEM = "system.schedules"
"""The fact that names the system schedules that ever were made."""
RESTORING = "restoring"
"""The fact that a state backup is being restored, or its restore was interrupted: which dump."""
_CLOCK = "clock:"


@dataclass(frozen=True, slots=True)
class Fact:
    """A row as it was read."""

    value: str
    etag: str
    at: datetime | None = None
    """When the row was written, by the storage's clock."""


class Meta:
    """The facts. Every method raises `Unavailable` or `Refused` if storage fails."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._secrets: dict[str, bytes] = {}

    def beat(self, clock: str, at: datetime) -> None:
        """Note that `clock` ticked."""
        self.put(f"{_CLOCK}{clock}", at.isoformat())

    def clocks(self) -> dict[str, datetime]:
        """When each clock last ticked."""
        return {
            name.removeprefix(_CLOCK): datetime.fromisoformat(fact.value)
            for name, fact in self.beginning(_CLOCK).items()
        }

    def fact(self, name: str) -> Fact | None:
        """The row of that name; None if there is none."""
        with translated(_SERVICE):
            row = self._table.get(META, name, raw=True)
        return None if row is None else _fact(row)

    def value(self, name: str) -> str | None:
        """The value of the row of that name; None if there is none."""
        found = self.fact(name)
        return None if found is None else found.value

    def beginning(self, prefix: str) -> dict[str, Fact]:
        """The rows whose names begin with `prefix`, by name."""
        where = row_keys.of(META, row_keys.beginning(prefix))
        with translated(_SERVICE):
            rows = self._table.query(where, raw=True)
            return {row["RowKey"]: _fact(row) for row in rows}

    def about_clocks(self) -> dict[str, Fact]:
        """The rows `clock:*` (when each clock last ticked) and `clock.*` (what clocks tell each
        other)."""
        return self.beginning("clock")

    def put(self, name: str, value: str) -> None:
        """Write a row, whatever it was before."""
        self._transact(Upsert(name, {"value": value}))

    def swap(self, name: str, before: Fact | None, value: str) -> bool:
        """Write a row if nobody changed it since `before` was read (None: there was none); whether
        it was written.

        If the answer to a write is lost, the write is repeated, and may be refused because the
        first one succeeded. The row's mark shows whether it did.
        """
        mark = secrets.token_hex(6)
        row = {"value": value, "mark": mark}
        step = Insert(name, row) if before is None else Replace(name, before.etag, row)
        return self._transact(step, mark)

    def secret(self, name: str) -> bytes:
        """The row of that name, as 32 random bytes that every instance shares: whoever asks first
        makes them. It is read once in a process."""
        if name not in self._secrets:
            if self.fact(name) is None:
                self.swap(name, None, secrets.token_hex(32))  # or another instance was faster
            self._secrets[name] = bytes.fromhex(self.value(name) or "")
        return self._secrets[name]

    def remove(self, name: str, before: Fact | None = None) -> None:
        """Remove a row; harmless if there is none. `before`: only if nobody changed it since."""
        self._transact(Delete(name, "*" if before is None else before.etag))

    def _transact(self, step: Operation, mark: str = "") -> bool:
        with translated(_SERVICE):
            outcome = self._table.transact(META, [step])
            if outcome.committed or not (mark and outcome.retried):
                return outcome.committed
            found = self._table.get(META, step.key)
        return found is not None and found.get("mark") == mark


def _fact(row: Mapping[str, Any]) -> Fact:
    return Fact(row["value"], row["odata.etag"], datetime.fromisoformat(row["Timestamp"]))
