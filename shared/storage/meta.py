"""Small facts about the whole: when each clock last ticked, who holds what, how it was prepared.

One row each in the table's partition `meta`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from shared.storage.failures import translated

if TYPE_CHECKING:
    from azure.data.tables import TableClient

_SERVICE = "table storage"


@dataclass(frozen=True, slots=True)
class Fact:
    """A row as it was read."""

    value: str
    etag: str


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
            self._table.upsert_entity({"PartitionKey": "meta", "RowKey": name, "value": value})

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
            return Fact(row["value"], str(row.metadata["etag"]))

    def swap(self, name: str, before: Fact | None, value: str) -> bool:
        """Write a row, if it still is as it was read (None: there was none); whether it was.

        False is also the answer if it was written, but the SDK had to ask twice.
        """
        from azure.core import MatchConditions
        from azure.core.exceptions import (
            ResourceExistsError,
            ResourceModifiedError,
            ResourceNotFoundError,
        )

        row = {"PartitionKey": "meta", "RowKey": name, "value": value}
        with translated(_SERVICE):
            try:
                if before is None:
                    self._table.create_entity(row)
                else:
                    self._table.update_entity(
                        row, etag=before.etag, match_condition=MatchConditions.IfNotModified
                    )
            except (ResourceExistsError, ResourceModifiedError, ResourceNotFoundError):
                return False
        return True

    def hold(self, name: str, holder: str, now: datetime, until: datetime) -> bool:
        """Hold `name` until then, if nobody does; whether it is held now."""
        from azure.core import MatchConditions
        from azure.core.exceptions import (
            ResourceExistsError,
            ResourceModifiedError,
            ResourceNotFoundError,
        )

        row = {"PartitionKey": "meta", "RowKey": f"hold:{name}", "value": until.isoformat()}
        mine = row | {"holder": holder}
        with translated(_SERVICE):
            try:
                found = self._table.get_entity("meta", row["RowKey"])
                if datetime.fromisoformat(found["value"]) > now:
                    return bool(found["holder"] == holder)
                self._table.update_entity(
                    mine,
                    etag=found.metadata["etag"],
                    match_condition=MatchConditions.IfNotModified,
                )
            except ResourceNotFoundError:
                try:
                    self._table.create_entity(mine)
                except ResourceExistsError:
                    return False
            except ResourceModifiedError:
                return False
        return True

    def release(self, name: str, holder: str) -> None:
        """Let go of what `holder` holds; harmless if it does not."""
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
