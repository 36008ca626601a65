"""The feed of changes: which schedules changed in what lists show of them (`schedules.listed`).

Such a change writes, in its own transaction, a row `changed:{instant}:{schedule id}:{mark}` and the
shard's row `changed`. A reader knows by the ETag of `changed`, one row to read, whether there is
anything new in the shard; only then does it query the feed. A row names the schedule and says no
more: who reads it reads the schedule.

A transaction may be late: its instant is taken before it is sent, and it may be sent again for
`failures.WHOLE` seconds. `LATE` is the most that a reader must expect.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from shared.schedules.listed import changes_list
from shared.schedules.model import Schedule
from shared.storage.failures import translated
from shared.storage.tables.batch import MAX_OPERATIONS, Delete, Operation, Upsert, literal
from shared.storage.tables.table import Table
from shared.threads import Pool

PREFIX = "changed:"
HEAD = "changed"
INDEX = "index"
"""A fact (`facts`) that changes when rows were written that the feed does not name, as by a restore
of a state backup: every index of schedules begins anew."""
LATE = timedelta(minutes=20)
"""The service refuses a request that was signed more than 15 minutes ago."""
_SERVICE = "table storage"
_READERS = 8


@dataclass(frozen=True, slots=True)
class Changed:
    """A row of the feed."""

    key: str
    schedule_id: str


def of_change(
    before: Schedule | None, after: Schedule, now: datetime, mark: str
) -> Iterator[Operation]:
    """The row of a change, if it changes what lists show."""
    if changes_list(before, after):
        yield row(after.id, now, mark)


def row(schedule_id: str, now: datetime, mark: str) -> Operation:
    """The row that says that a schedule changed; `mark` distinguishes it from all others."""
    return Upsert(f"{PREFIX}{stamp(now)}:{schedule_id}:{mark}", {})


def with_head(steps: Sequence[Operation]) -> list[Operation]:
    """The operations of a transaction, with the shard's row `changed` if a row of the feed is among
    them."""
    if any(step.key.startswith(PREFIX) for step in steps):
        return [*steps, Upsert(HEAD, {})]
    return list(steps)


def stamp(at: datetime) -> str:
    """An instant as keys have it."""
    return f"{at.astimezone(UTC):%Y%m%dT%H%M%S.%fZ}"


def at_of(key: str) -> str:
    """The instant in a row's key: text that sorts by time."""
    return key.split(":", 2)[1]


class ScheduleFeed:
    """The feed, read. Every method raises `Unavailable` or `Refused` if storage fails."""

    def __init__(self, table: Table, shards: Sequence[str]) -> None:
        self._table = table
        self.shards = shards
        self._readers = Pool(_READERS, "feed")

    def heads(self) -> dict[str, str]:
        """By shard, what changes with every change of the shard: one row each. Empty: nothing was
        ever written."""
        return dict(zip(self.shards, self._readers.map(self._head, self.shards), strict=True))

    def since(self, shard: str, at: datetime) -> list[Changed]:
        """The rows of the shard from that instant on, oldest first."""
        return self._between(shard, f"{PREFIX}{stamp(at)}", f"{PREFIX[:-1]};")

    def before(self, shard: str, at: datetime) -> list[Changed]:
        """The rows of the shard from before that instant, oldest first."""
        return self._between(shard, PREFIX, f"{PREFIX}{stamp(at)}")

    def remove(self, shard: str, rows: Iterable[Changed]) -> None:
        """Remove rows; harmless if others remove them at the same time."""
        gone = [Delete(one.key) for one in rows]
        for start in range(0, len(gone), MAX_OPERATIONS):
            some = gone[start : start + MAX_OPERATIONS]
            with translated(_SERVICE):
                if not self._table.transact(shard, some).committed:
                    for one in some:
                        self._table.transact(shard, [one])

    def _head(self, shard: str) -> str:
        with translated(_SERVICE):
            found = self._table.get(shard, HEAD)
        return "" if found is None else str(found["etag"])

    def _between(self, shard: str, lower: str, upper: str) -> list[Changed]:
        span = f"RowKey ge {literal(lower)} and RowKey lt {literal(upper)}"
        where = f"PartitionKey eq {literal(shard)} and {span}"
        with translated(_SERVICE):
            rows = self._table.query(where, select=["RowKey"])
            return [found for row in rows if (found := _changed(row["RowKey"])) is not None]


def _changed(key: str) -> Changed | None:
    """The row of that key; None if it is not one that this module wrote."""
    parts = key.split(":")
    return Changed(key, parts[2]) if len(parts) == 4 else None
