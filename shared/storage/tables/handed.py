"""Notes of jobs: which there are that have not been filed yet, and by when a worker takes them up.

Every job is named in a note before its row, or its place in its schedule's row, is committed. So
whoever reads the notes finds all jobs that have not ended, without reading all schedules. When the
jobs of a note have ended, it is settled: they become a row of the feed of the index of jobs
(`job_feed`), and the note goes. A job may be named in several notes, which is harmless.

Notes are the rows `handed:{at}:{mark}` in the table's partition `meta`.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.errors import NotFound
from shared.schedules.job import parse_id
from shared.storage.failures import translated
from shared.storage.queues.jobs import instant
from shared.storage.tables.batch import MAX_OPERATIONS, Delete, Operation, Upsert, literal
from shared.storage.tables.entities import stamp
from shared.storage.tables.facts import META
from shared.storage.tables.parts import joined, packed
from shared.storage.tables.table import Table

_SERVICE = "table storage"
_PREFIX = "handed:"
_SECOND = "%Y%m%dT%H%M%SZ"
_PAGE = 1000
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
MOST_NAMED = 3_000
"""The most jobs that a note names: as many ids of full length fit into its row."""
COMMITTED = timedelta(seconds=90)
"""The jobs of a note are committed within this time, or never."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Note:
    """Jobs that the sweep must check from `at` on."""

    at: datetime
    ids: tuple[str, ...] | None
    """None if the note cannot be read, or an earlier version wrote that there are many."""
    until: datetime
    """Until then the jobs may not be in their schedules' rows yet."""
    key: str = ""


def notes_of(
    jobs: Collection[tuple[str, datetime]], now: datetime, until: datetime | None = None
) -> Iterator[Note]:
    """Notes of these jobs, of each (job id, when to look); one, unless they are thousands.
    `until`: as `Note.until`; by default, the jobs are about to be committed."""
    ordered = sorted(jobs, key=lambda job: (job[1], job[0]))
    for start in range(0, len(ordered), MOST_NAMED):
        some = ordered[start : start + MOST_NAMED]
        ids = tuple(job_id for job_id, _ in some)
        yield Note(at=some[0][1], ids=ids, until=until or now + COMMITTED)


class HandedOut:
    """The notes. Every method raises `Unavailable` or `Refused` if storage fails."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def note(self, jobs: Collection[tuple[str, datetime]], now: datetime) -> None:
        """Name jobs that are about to be committed, of each (job id, when a worker takes it up)."""
        self.write(notes_of(jobs, now))

    def write(self, notes: Iterable[Note]) -> None:
        """Write notes."""
        for note in notes:  # each alone: a few large rows can exceed a transaction
            self._transact([_row(note)])

    def due(self, by: datetime) -> list[Note]:
        """The notes whose jobs must be checked by then."""
        return self._rows(_PREFIX, f"{_PREFIX}{by:{_SECOND}};")

    def all(self) -> list[Note]:
        """All notes there are. If a note is replaced while this reads, the new one is found: its
        place is behind that of the old one, and it is written first."""
        return self._rows(_PREFIX, f"{_PREFIX[:-1]};")

    def remove(self, notes: Iterable[Note]) -> None:
        """Remove notes; harmless if some are gone already."""
        gone = [Delete(note.key) for note in notes]
        if not self._transact(gone):
            for one in gone:
                self._transact([one])

    def bring_forward(self, after: datetime, to: datetime) -> None:
        """Let the notes whose jobs need not be checked until later than `after` be checked at `to`:
        a clock that was ahead may have written them."""
        later = self._rows(f"{_PREFIX}{after:{_SECOND}};", f"{_PREFIX[:-1]};")
        self.write(
            Note(at=to, ids=note.ids, until=min(note.until, to + COMMITTED)) for note in later
        )
        self.remove(later)

    def _rows(self, lower: str, upper: str) -> list[Note]:
        span = f"RowKey ge {literal(lower)} and RowKey lt {literal(upper)}"
        with translated(_SERVICE):
            rows = self._table.query(f"PartitionKey eq '{META}' and {span}", top=_PAGE)
            return [_note(row) for row in rows]

    def _transact(self, steps: Sequence[Operation]) -> bool:
        """Make the operations, in as many transactions as needed; whether all were committed."""
        made = True
        for start in range(0, len(steps), MAX_OPERATIONS):
            with translated(_SERVICE):
                some = steps[start : start + MAX_OPERATIONS]
                made &= self._table.transact(META, some).committed
        return made


def _row(note: Note) -> Upsert:
    said = packed("ids", note.ids or (), " ") | {"until": stamp(note.until)}
    return Upsert(f"{_PREFIX}{note.at:{_SECOND}}:{secrets.token_hex(6)}", said)


def _note(row: Mapping[str, Any]) -> Note:
    """The note in a row. If it cannot be read, it counts once as a note of many jobs."""
    key = row["RowKey"]
    try:
        ids = joined("ids", row, " ")
        for job_id in ids:
            parse_id(job_id)
        at = datetime.fromisoformat(key.removeprefix(_PREFIX).rpartition(":")[0])
        return Note(at=at, ids=tuple(ids) or None, until=instant(row["until"]), key=key)
    except (ValueError, LookupError, TypeError, AttributeError, NotFound):
        return Note(at=_LONG_AGO, ids=None, until=_LONG_AGO, key=key)
