"""What messages cost, read from the outbox: of each row, only what a sum needs (P11)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from shared.notifications.model import notification_id
from shared.notifications.rows import PARTITION, notification_key
from shared.schedules.costs import Paid
from shared.storage.connect import Connection
from shared.storage.failures import translated
from shared.storage.tables.batch import literal

_COLUMNS = (
    *("RowKey", "task", "tenant_id", "channel", "created_at", "segments"),
    *("cost_micros", "cost_currency", "cost_estimated"),
)
_GARBLED = (ValueError, KeyError, TypeError, AttributeError)


class PaidMessages:
    """The messages that cost something. Raises `Unavailable` or `Refused` if storage fails."""

    def __init__(self, connection: Connection, table: str) -> None:
        self._connection = connection
        self._name = table
        self._table = connection.table(table)

    def between(self, since: datetime, until: datetime) -> Iterator[Paid]:
        """Those that were asked for from `since` on and before `until`: the keys of their rows are
        in the order of that time. Rows that cannot be read are left out."""
        newest, oldest = (notification_key(notification_id("", at)) for at in (until, since))
        where = f"PartitionKey eq {literal(PARTITION)} and RowKey ge {literal(newest)}"
        where += f" and RowKey lt {literal(oldest + ';')}"
        where += " and (segments gt 0 or cost_micros gt '')"
        with translated("table storage"):
            self._connection.create_table(self._name)  # it is made when it is first used
            for row in self._table.query(where, select=_COLUMNS):
                found = _paid(row)
                if found is not None and since <= found.at < until:
                    yield found


def _paid(row: Mapping[str, Any]) -> Paid | None:
    try:
        micros, tenant = row["cost_micros"], row["tenant_id"]
        return Paid(
            task=row.get("task") or "",
            tenant_id=int(tenant) if tenant else None,
            channel=row["channel"],
            at=datetime.fromisoformat(row["created_at"]),
            segments=row["segments"] or 0,
            currency=row["cost_currency"],
            micros=int(micros) if micros else None,
            estimated=bool(row["cost_estimated"]),
        )
    except _GARBLED:
        return None
