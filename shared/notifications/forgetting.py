"""Removes old notifications: otherwise the outbox would grow for ever.

A removed notification would be sent again if somebody asked for it again. So one stays until
nothing is left to do, and until its occasion has long been over too: then no task asks for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

from shared.notifications.model import notification_id
from shared.notifications.rows import PARTITION, ROW, beginning, notification_key, stamp
from shared.storage.tables.batch import MAX_OPERATIONS, Delete, Operation, literal
from shared.storage.tables.table import Table

_PAGE = 1000
_TOGETHER = MAX_OPERATIONS // 2


def forget(table: Table, before: datetime, go_on: Callable[[], bool]) -> int:
    """Remove the notifications that were asked for before `before`, whose occasion was over by then
    too, and with which nothing is left to do; how many. It ends when `go_on` says no."""
    oldest = literal(notification_key(notification_id("", before)))
    wanted = f"{beginning(ROW)} and RowKey gt {oldest} and next_at eq ''"
    rows = table.query(wanted, top=_PAGE, select=("RowKey", "useful_until"))
    over = stamp(before)
    old = (row for row in rows if row.get("useful_until", "") < over)  # the first versions had none
    gone = 0
    while go_on() and (some := list(islice(old, _TOGETHER))):
        gone += _remove(table, some)
    return gone


def _remove(table: Table, rows: Sequence[Mapping[str, Any]]) -> int:
    """Remove these; how many. One that somebody has just changed or removed is left alone."""
    steps: list[Operation] = []
    for row in rows:
        key = row["RowKey"]
        steps += [Delete(key, row["etag"]), Delete(f"key:{key.rpartition('-')[2]}")]
    if table.transact(PARTITION, steps).committed:
        return len(rows)
    return sum(_remove(table, [row]) for row in rows) if len(rows) > 1 else 0
