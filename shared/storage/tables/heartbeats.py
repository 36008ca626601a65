"""The last heartbeat of each schedule that could not be sent: a row `heartbeat:{schedule id}` in
the schedule's shard. A heartbeat that is sent writes nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from shared.storage.failures import translated
from shared.storage.tables.batch import Upsert
from shared.storage.tables.entities import instant, stamp
from shared.storage.tables.table import Table

_SERVICE = "table storage"


@dataclass(frozen=True, kw_only=True, slots=True)
class Unsent:
    """A heartbeat that could not be sent."""

    at: datetime
    signal: str
    """`start`, `success` or `fail`."""
    job_id: str
    error: str


class UnsentHeartbeats:
    """The rows. Every method raises `Unavailable` or `Refused` if storage fails."""

    def __init__(self, table: Table, shard: Callable[[str], str]) -> None:
        self._table = table
        self._shard = shard

    def put(self, schedule_id: str, unsent: Unsent) -> None:
        """Keep it, in place of an earlier one."""
        said = {
            "at": stamp(unsent.at),
            "signal": unsent.signal,
            "job_id": unsent.job_id,
            "error": unsent.error[:1000],
        }
        with translated(_SERVICE):
            self._table.transact(self._shard(schedule_id), [Upsert(_key(schedule_id), said)])

    def last(self, schedule_id: str) -> Unsent | None:
        """The schedule's last one; None if there was none, or its row cannot be read."""
        with translated(_SERVICE):
            row = self._table.get(self._shard(schedule_id), _key(schedule_id))
        at = instant(str(row.get("at", ""))) if row is not None else None
        if row is None or at is None:
            return None
        said = {name: str(row.get(name, "")) for name in ("signal", "job_id", "error")}
        return Unsent(at=at, **said)


def _key(schedule_id: str) -> str:
    return f"heartbeat:{schedule_id}"
