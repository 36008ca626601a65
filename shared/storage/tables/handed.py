"""Notes of what was handed out: the jobs that a worker must take up, and by when.

The sweep reads the notes, so that it need not read every schedule to find lost jobs. A note is
written before the messages are sent and committed, and is removed when all its jobs have ended. It
names up to `FEW` jobs. If there are more, it only says so, and the sweep reads all schedules.

Notes are the rows `handed:{at}:{mark}` in the table's partition `meta`.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from shared.errors import NotFound
from shared.schedules.job import parse_id
from shared.storage.failures import translated
from shared.storage.queues.jobs import instant
from shared.storage.tables.batch import MAX_OPERATIONS, Delete, Operation, Upsert, literal
from shared.storage.tables.entities import stamp
from shared.storage.tables.table import Table

_SERVICE = "table storage"
_PARTITION = "meta"
_PREFIX = "handed:"
_SECOND = "%Y%m%dT%H%M%SZ"
_PAGE = 1000
FEW = 100
"""The most jobs that a note names. Beyond that, it is cheaper to read all schedules than to read
those of the jobs one by one."""
COMMITTED = timedelta(seconds=90)
"""The jobs of a note are committed within this time, or never."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Note:
    """Jobs that the sweep must check from `at` on."""

    at: datetime
    ids: tuple[str, ...] | None
    """The last job of each schedule; None if there are many."""
    until: datetime
    """Until then the jobs may not be in their schedules' rows yet."""
    key: str = ""

    @staticmethod
    def of(jobs: Collection[tuple[str, datetime]], now: datetime) -> Note:
        """A note of the jobs that are handed out now; `jobs` has (job id, start) of one or more."""
        at = [start for _, start in jobs]
        last = {parse_id(job_id)[0]: job_id for job_id, _ in sorted(jobs, key=lambda job: job[1])}
        if len(last) <= FEW:
            return Note(at=min(at), ids=tuple(last.values()), until=now + COMMITTED)
        return Note(at=min(at), ids=None, until=max(now + COMMITTED, *at))


class HandedOut:
    """The notes. Every method raises `Unavailable` or `Refused` if storage fails."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def note(self, note: Note) -> None:
        """Write a note."""
        self._transact([_row(note)])

    def due(self, by: datetime) -> list[Note]:
        """The notes whose jobs must be checked by then."""
        return self._rows(_PREFIX, f"{_PREFIX}{by:{_SECOND}};")

    def replace(self, before: Iterable[Note], after: Iterable[Note]) -> None:
        """Write the notes `after`, then remove the notes `before`; harmless if some of these are
        gone already."""
        self._transact([_row(note) for note in after])
        gone = [Delete(note.key) for note in before]
        if not self._transact(gone):
            for one in gone:
                self._transact([one])

    def forget(self, after: datetime) -> None:
        """Remove the notes whose jobs need not be checked until later than `after`."""
        self.replace(self._rows(f"{_PREFIX}{after:{_SECOND}};", f"{_PREFIX[:-1]};"), [])

    def _rows(self, lower: str, upper: str) -> list[Note]:
        span = f"RowKey ge {literal(lower)} and RowKey lt {literal(upper)}"
        with translated(_SERVICE):
            rows = self._table.query(f"PartitionKey eq '{_PARTITION}' and {span}", top=_PAGE)
            return [_note(row) for row in rows]

    def _transact(self, steps: Sequence[Operation]) -> bool:
        """Make the operations, in as many transactions as needed; whether all were committed."""
        made = True
        for start in range(0, len(steps), MAX_OPERATIONS):
            with translated(_SERVICE):
                some = steps[start : start + MAX_OPERATIONS]
                made &= self._table.transact(_PARTITION, some).committed
        return made


def _row(note: Note) -> Upsert:
    said = {
        "ids": "" if note.ids is None else " ".join(note.ids),
        "until": stamp(note.until),
    }
    return Upsert(f"{_PREFIX}{note.at:{_SECOND}}:{secrets.token_hex(6)}", said)


def _note(row: dict[str, Any]) -> Note:
    """The note in a row. If it cannot be read, it counts once as a note of many jobs."""
    key = row["RowKey"]
    at = datetime.fromisoformat(key.removeprefix(_PREFIX).rpartition(":")[0])
    try:
        ids = row["ids"].split()
        for job_id in ids:
            parse_id(job_id)
        return Note(at=at, ids=tuple(ids) or None, until=instant(row["until"]), key=key)
    except (ValueError, LookupError, TypeError, AttributeError, NotFound):
        return Note(at=at, ids=None, until=at, key=key)
