"""How long a schedule's last runs took: few properties of its newest jobs."""

from __future__ import annotations

from itertools import filterfalse, islice

from shared.schedules.job import Status
from shared.storage.failures import translated
from shared.storage.tables import row_keys
from shared.storage.tables.history import PAGES, of_backfill
from shared.storage.tables.job_rows import GARBLED, seconds
from shared.storage.tables.schedules import ScheduleTable
from shared.storage.tables.table import Table

_LOOKED = 200
"""How many of the newest jobs are looked at: one page, however many there are; more (`PAGES`) only
where backfills ran, whose jobs are passed over."""
_COLUMNS = ("RowKey", "status", "started_at", "finished_at", "worker")


class RunTimes:
    """The run times. Raises `Unavailable` or `Refused` if storage fails."""

    def __init__(self, table: Table, schedules: ScheduleTable) -> None:
        self._table = table
        self._schedules = schedules

    def last(self, schedule_id: str, most: int) -> list[float]:
        """Seconds of the last runs that succeeded, newest first, at most `most`. A row that cannot
        be read is passed over."""
        shard, prefix = self._schedules.shard(schedule_id), f"job:{schedule_id}:"
        where = row_keys.of(shard, row_keys.beginning(prefix))
        found: list[float] = []
        with translated("table storage"):
            rows = self._table.query(where, top=_LOOKED, select=_COLUMNS)
            own = filterfalse(of_backfill, islice(rows, PAGES * _LOOKED))
            for row in islice(own, _LOOKED):
                took = _took(row)
                if took is not None:
                    found.append(took)
        return found[:most]


def _took(row: dict[str, object]) -> float | None:
    try:
        return seconds(row) if row["status"] == Status.SUCCEEDED.value else None
    except GARBLED:
        return None
