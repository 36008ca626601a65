"""Small facts about the whole: when each clock last ticked, who holds what, how it was prepared.

One row each in the table's partition `meta`.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from shared.storage.connect import REPEATED
from shared.storage.failures import translated

if TYPE_CHECKING:
    from azure.data.tables import TableClient

_SERVICE = "table storage"


@dataclass(frozen=True, slots=True)
class Fact:
    """A row as it was read."""

    value: str
    etag: str
    at: datetime | None = None
    """When it was written, by the storage's time; None from `about_clocks`."""


class Meta:
    """The rows."""

    def __init__(self, table: TableClient) -> None:
        self._table = table

    def beat(self, clock: str, at: datetime) -> None:
        """Note that `clock` ticked."""
        self.put(f"clock:{clock}", at.isoformat())

    def clocks(self) -> dict[str, datetime]:
        """When each clock last ticked."""
        with translated(_SERVICE):
            rows = self._table.query_entities(
                "PartitionKey eq 'meta' and RowKey ge 'clock:' and RowKey lt 'clock;'"
            )
            return {
                row["RowKey"].removeprefix("clock:"): datetime.fromisoformat(row["value"])
                for row in rows
            }

    def get(self, name: str) -> str | None:
        from azure.core.exceptions import ResourceNotFoundError

        with translated(_SERVICE):
            try:
                return str(self._table.get_entity("meta", name)["value"])
            except ResourceNotFoundError:
                return None

    def put(self, name: str, value: str) -> None:
        with translated(_SERVICE):
            row = {"PartitionKey": "meta", "RowKey": name, "value": value}
            self._table.upsert_entity(row, **REPEATED)

    def about_clocks(self) -> dict[str, Fact]:
        """The rows `clock:*` (when each last ticked) and `clock.*` (what they tell each other)."""
        with translated(_SERVICE):
            rows = self._table.query_entities(
                "PartitionKey eq 'meta' and RowKey ge 'clock.' and RowKey lt 'clock;'"
            )
            return {row["RowKey"]: Fact(row["value"], str(row.metadata["etag"])) for row in rows}

    def fact(self, name: str) -> Fact | None:
        """The row of that name."""
        from azure.core.exceptions import ResourceNotFoundError

        with translated(_SERVICE):
            try:
                row = self._table.get_entity("meta", name)
            except ResourceNotFoundError:
                return None
            return Fact(row["value"], str(row.metadata["etag"]), row.metadata["timestamp"])

    def swap(self, name: str, before: Fact | None, value: str) -> bool:
        """Write a row if it is still as it was read (None: there was none); whether it was
        written."""
        etag = None if before is None else before.etag
        with translated(_SERVICE):
            return self._write({"RowKey": name, "value": value}, etag)

    def hold(self, name: str, holder: str, now: datetime, until: datetime) -> bool:
        """Hold `name` until `until`, if nobody else does; whether `holder` holds it now."""
        from azure.core.exceptions import ResourceNotFoundError

        mine = {"RowKey": f"hold:{name}", "value": until.isoformat(), "holder": holder}
        with translated(_SERVICE):
            try:
                found = self._table.get_entity("meta", mine["RowKey"])
            except ResourceNotFoundError:
                return self._write(mine, None)
            if datetime.fromisoformat(found["value"]) > now:
                return bool(found["holder"] == holder)
            return self._write(mine, str(found.metadata["etag"]))

    def release_beyond(self, prefix: str, until: datetime) -> int:
        """Release the names with this prefix that are held longer than `until`; how many there
        were."""
        found = 0
        with translated(_SERVICE):
            rows = self._table.query_entities(
                f"PartitionKey eq 'meta' and RowKey ge 'hold:{prefix}:' "
                f"and RowKey lt 'hold:{prefix};'"
            )
            for row in rows:
                if datetime.fromisoformat(row["value"]) > until:
                    self._table.delete_entity(row)
                    found += 1
        return found

    def release(self, name: str, holder: str) -> None:
        """Release `name` if `holder` holds it; harmless if it does not."""
        from azure.core import MatchConditions
        from azure.core.exceptions import ResourceModifiedError, ResourceNotFoundError

        with translated(_SERVICE):
            try:
                found = self._table.get_entity("meta", f"hold:{name}")
                if found["holder"] == holder:
                    self._table.delete_entity(
                        found,
                        etag=found.metadata["etag"],
                        match_condition=MatchConditions.IfNotModified,
                    )
            except (ResourceNotFoundError, ResourceModifiedError):
                return

    def _write(self, row: dict[str, str], etag: str | None) -> bool:
        """Write a row if it is as `etag` says (None: there is none); whether it was written.

        If its answer was lost, this very write may be why it is refused: the row's mark tells.
        """
        from azure.core import MatchConditions
        from azure.core.exceptions import (
            ResourceExistsError,
            ResourceModifiedError,
            ResourceNotFoundError,
        )

        mark = secrets.token_hex(6)
        mine = row | {"PartitionKey": "meta", "mark": mark}
        unchanged: Any = {"etag": etag, "match_condition": MatchConditions.IfNotModified}
        try:
            if etag is None:
                self._table.create_entity(mine, **REPEATED)
            else:
                self._table.update_entity(mine, **unchanged, **REPEATED)
        except (ResourceExistsError, ResourceModifiedError, ResourceNotFoundError):
            try:
                return bool(self._table.get_entity("meta", row["RowKey"]).get("mark") == mark)
            except ResourceNotFoundError:
                return False
        return True
