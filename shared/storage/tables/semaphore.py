"""Counted holds: rows that name who holds a place, and until when, changed under their ETag."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from shared.errors import Unavailable
from shared.storage.connect import REPEATED
from shared.storage.failures import translated

if TYPE_CHECKING:
    from azure.data.tables import TableClient

_SERVICE = "table storage"
_TRIES = 50
_KEPT = 500
"""The most places of one row: a property holds 32,000 characters."""


class Slots:
    """The rows `slots:{name}`."""

    def __init__(self, table: TableClient) -> None:
        self._table = table

    def take(self, name: str, most: int, holder: str, now: datetime, until: datetime) -> bool:
        """Hold one of `most` places until `until`; False if others hold all of them."""
        taken = False

        def step(held: Mapping[str, str]) -> Mapping[str, str]:
            nonlocal taken
            others = {
                who: end
                for who, end in held.items()
                if who != holder and datetime.fromisoformat(end) > now
            }
            taken = len(others) < min(most, _KEPT)
            return others | {holder: until.isoformat()} if taken else held

        self._change(name, step)
        return taken

    def release(self, name: str, holder: str) -> None:
        """Give the place back; harmless if it is not held."""
        self._change(name, lambda held: {who: end for who, end in held.items() if who != holder})

    def shorten(self, longest: datetime) -> None:
        """Let no place be held longer than `longest`."""
        with translated(_SERVICE):
            rows = self._table.query_entities(
                "PartitionKey eq 'meta' and RowKey ge 'slots:' and RowKey lt 'slots;'",
                select=["RowKey"],
            )
            names = [row["RowKey"].removeprefix("slots:") for row in rows]
        latest = longest.isoformat()

        def step(held: Mapping[str, str]) -> Mapping[str, str]:
            return {
                who: latest if datetime.fromisoformat(end) > longest else end
                for who, end in held.items()
            }

        for name in names:
            self._change(name, step)

    def held(self, name: str, now: datetime) -> set[str]:
        """Who holds a place."""
        found, _ = self._read(name)
        return {who for who, end in found.items() if datetime.fromisoformat(end) > now}

    def _read(self, name: str) -> tuple[Mapping[str, str], str | None]:
        from azure.core.exceptions import ResourceNotFoundError

        with translated(_SERVICE):
            try:
                row = self._table.get_entity("meta", f"slots:{name}")
            except ResourceNotFoundError:
                return {}, None
        held: dict[str, str] = json.loads(row["value"])
        return held, row.metadata["etag"]

    def _change(self, name: str, step: Callable[[Mapping[str, str]], Mapping[str, str]]) -> None:
        from azure.core import MatchConditions
        from azure.core.exceptions import (
            ResourceExistsError,
            ResourceModifiedError,
            ResourceNotFoundError,
        )

        for _ in range(_TRIES):
            held, etag = self._read(name)
            after = step(held)
            if after == held:
                return
            row = {"PartitionKey": "meta", "RowKey": f"slots:{name}", "value": json.dumps(after)}
            with translated(_SERVICE):
                try:
                    if etag is None:
                        self._table.create_entity(row, **REPEATED)
                    else:
                        self._table.update_entity(
                            row,
                            etag=etag,
                            match_condition=MatchConditions.IfNotModified,
                            **REPEATED,
                        )
                    return
                except (ResourceExistsError, ResourceModifiedError, ResourceNotFoundError):
                    continue
        raise Unavailable(_SERVICE, f"too many change slots:{name} at once")
