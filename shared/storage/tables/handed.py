"""Notes of what was handed out: the jobs that somebody must take up, and by when.

The sweep goes by them, so that it need not read every schedule to find what was lost. A note is
written before the messages and their commit, and is removed when all its jobs have ended. It names
its jobs if they are few; if they are many it only says so, and the sweep reads all schedules.

Rows `handed:{at}:{mark}` of the table's partition `meta`.
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
"""The most jobs a note names; reading more schedules one by one costs more than reading all."""
COMMITTED = timedelta(seconds=90)
"""What was noted is committed within this time, or never."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Note:
    """Jobs that are to be looked at from `at` on."""

    at: datetime
    ids: tuple[str, ...] | None
    """The last job of each schedule; None if there are many."""
    until: datetime
    """Until then the jobs may not be in their schedules' rows yet."""
    key: str = ""

    @staticmethod
    def of(jobs: Collection[tuple[str, datetime]], now: datetime) -> Note:
        """A note of jobs that are handed out now: (job id, when it is to start) of one or more."""
        at = [start for _, start in jobs]
        last = {parse_id(job_id)[0]: job_id for job_id, _ in sorted(jobs, key=lambda job: job[1])}
        if len(last) <= FEW:
            return Note(at=min(at), ids=tuple(last.values()), until=now + COMMITTED)
        return Note(at=min(at), ids=None, until=max(now + COMMITTED, *at))


class HandedOut:
    """The notes. Raises `Unavailable` or `Refused` when the storage does."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def note(self, note: Note) -> None:
        """Write a note."""
        self._transact([_row(note)])

    def due(self, by: datetime) -> list[Note]:
        """The notes of what was to be looked at by then."""
        return self._rows(_PREFIX, f"{_PREFIX}{by:{_SECOND}};")

    def replace(self, before: Iterable[Note], after: Iterable[Note]) -> None:
        """Write the notes `after`, then remove those `before`; harmless if some are gone
        already."""
        self._transact([_row(note) for note in after])
        gone = [Delete(note.key) for note in before]
        if not self._transact(gone):
            for one in gone:
                self._transact([one])

    def forget(self, after: datetime) -> None:
        """Remove the notes of what is to be looked at later than `after`."""
        self.replace(self._rows(f"{_PREFIX}{after:{_SECOND}};", f"{_PREFIX[:-1]};"), [])

    def _rows(self, lower: str, upper: str) -> list[Note]:
        span = f"RowKey ge {literal(lower)} and RowKey lt {literal(upper)}"
        with translated(_SERVICE):
            rows = self._table.query(f"PartitionKey eq '{_PARTITION}' and {span}", top=_PAGE)
            return [_note(row) for row in rows]

    def _transact(self, steps: Sequence[Operation]) -> bool:
        """Whether all were made."""
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
    """The note of a row; one that cannot be read counts, this once, as a note of many jobs."""
    key = row["RowKey"]
    at = datetime.fromisoformat(key.removeprefix(_PREFIX).rpartition(":")[0])
    try:
        ids = row["ids"].split()
        for job_id in ids:
            parse_id(job_id)
        return Note(at=at, ids=tuple(ids) or None, until=instant(row["until"]), key=key)
    except (ValueError, LookupError, TypeError, AttributeError, NotFound):
        return Note(at=at, ids=None, until=at, key=key)
