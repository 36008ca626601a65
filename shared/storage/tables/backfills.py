"""Backfills as they are stored: rows `backfill:{schedule id}:{id}` in the schedule's shard.

A row is written when a backfill begins, and once more when it ends, each time in the transaction
that changes the schedule's row. In between, the schedule's row says how far it came.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from shared.errors import Damaged
from shared.schedules.backfill import Backfill, BackfillOrder, BackfillRule, Order
from shared.schedules.model import Backfilling
from shared.storage.failures import translated
from shared.storage.tables import entities, row_keys
from shared.storage.tables.batch import Upsert
from shared.storage.tables.entities import instant, stamp
from shared.storage.tables.table import Table

_SERVICE = "table storage"
_GARBLED = (ValueError, LookupError, TypeError, AttributeError)


def row_of(one: Backfill) -> Upsert:
    """The operation that writes a backfill's row."""
    order = one.order
    said = {
        "backfill_id": order.id,
        "schedule_id": order.schedule_id,
        "first": stamp(order.first),
        "end": stamp(order.end),
        "rule": order.rule.value,
        "direction": order.direction.value,
        "recurrence": entities.recurrence_text(order.recurrence),
        "total": order.total,
        "pace": order.pace,
        "by": order.by,
        "created_at": stamp(order.created_at),
        "counts": json.dumps({**asdict(one.counts), "at": stamp(one.counts.at)}),
        "finished_at": stamp(one.finished_at),
        "trace": order.trace or "",
    }
    return Upsert(_key(order.schedule_id, order.id), said)


class BackfillTable:
    """The rows. Every method raises `Unavailable` or `Refused` if storage fails. `shard`: of a
    schedule's id."""

    def __init__(self, table: Table, shard: Callable[[str], str]) -> None:
        self._table = table
        self._shard = shard

    def get(self, schedule_id: str, backfill_id: str) -> Backfill | None:
        """The backfill, as its row has it; None if there is none. Raises `Damaged`."""
        with translated(_SERVICE):
            row = self._table.get(self._shard(schedule_id), _key(schedule_id, backfill_id))
        return None if row is None else _read(row)

    def of(self, schedule_id: str) -> list[Backfill]:
        """The schedule's backfills, newest first. Raises `Damaged`."""
        prefix = _key(schedule_id, "")
        where = row_keys.of(self._shard(schedule_id), row_keys.beginning(prefix))
        with translated(_SERVICE):
            found = [_read(row) for row in self._table.query(where)]
        return sorted(found, key=lambda one: (one.order.created_at, one.order.id), reverse=True)


def _key(schedule_id: str, backfill_id: str) -> str:
    return f"backfill:{schedule_id}:{backfill_id}"


def _read(row: Mapping[str, Any]) -> Backfill:
    try:
        first, end, created = (instant(row[name]) for name in ("first", "end", "created_at"))
        if first is None or end is None or created is None:
            raise ValueError("an instant is missing")
        order = Order(
            id=row["backfill_id"],
            schedule_id=row["schedule_id"],
            first=first,
            end=end,
            rule=BackfillRule(row["rule"]),
            direction=BackfillOrder(row["direction"]),
            recurrence=entities.recurrence_of(row["recurrence"]),
            total=row["total"],
            pace=row["pace"],
            by=row["by"],
            created_at=created,
            trace=row.get("trace") or None,
        )
        counts = json.loads(row["counts"])
        counts["at"] = instant(counts["at"])
        finished = instant(row["finished_at"])
        return Backfill(order=order, counts=Backfilling(**counts), finished_at=finished)
    except _GARBLED as error:
        raise Damaged(f"the row {row['RowKey']} cannot be read ({error!r:.200})") from error
