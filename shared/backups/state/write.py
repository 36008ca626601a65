"""Writes Belfry's state from a file into its tables: into empty ones, or merged with what is there.

Jobs and versions are written first, and a schedule last, together with its entry in the due index:
from then on the engine may run it, and must find what is done already. Everything can be written
twice, so a restore that was killed is simply run again.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any

from shared.backups.state.file import (
    META,
    RECONCILED,
    SCHEDULES,
    SHARDS,
    Row,
    StateFile,
    due_key,
    row_of,
)
from shared.backups.state.merge import merged, replaces
from shared.errors import Damaged, Unavailable
from shared.schedules.job import Job
from shared.schedules.model import Schedule, Version
from shared.storage.tables import entities, readable
from shared.storage.tables.batch import (
    Delete,
    Insert,
    Operation,
    Replace,
    TooLarge,
    Upsert,
    literal,
)
from shared.storage.tables.changes import Change, operations
from shared.storage.tables.compare_and_set import compare_and_set
from shared.storage.tables.table import Table
from shared.tasks.context import JobContext

_ROWS = 100
_BYTES = 3_000_000
"""Size of a transaction's entities; together with headers and keys the limit is 4 MiB."""
_FEW = 90
"""How many versions at most are written or deleted in one transaction with their schedule."""


class Writer:
    """Writes the table of schedules from the file."""

    def __init__(self, table: Table, file: StateFile, job: JobContext) -> None:
        self._table = table
        self._file = file
        self._job = job

    def all(self, keep: str = "") -> None:
        """Write everything. The schedule `keep` is left unchanged, except that its missing jobs are
        added."""
        there = {
            (row["PartitionKey"], row["RowKey"])
            for row in self._query("RowKey ge 'schedule:' and RowKey lt 'schedule;'", ["RowKey"])
        }
        for row in self._file.rows(SCHEDULES, META):
            if row.key == SHARDS or self._is_earlier(row):
                write(self._table, [row], self._job)
        write(self._table, self._file.rows(SCHEDULES, "job", "other"), self._job)
        fresh = (
            row
            for row in self._file.rows(SCHEDULES, "version")
            if (row.partition, f"schedule:{row.schedule_id}") not in there
        )
        write(self._table, fresh, self._job)
        batch: list[Row] = []
        for row in self._file.rows(SCHEDULES, "schedule"):
            if (row.partition, row.key) in there:
                if row.schedule_id != keep:
                    self._one(row)
                continue
            size = sum(len(one.body) for one in batch) + len(row.body)
            if batch and (
                batch[0].partition != row.partition or len(batch) >= _ROWS // 2 or size > _BYTES
            ):
                self._new(batch)
                batch = []
            batch.append(row)
        self._new(batch)

    def _new(self, batch: list[Row]) -> None:
        """Write schedules that were not there."""
        self._job.check()
        steps = [step for row in batch for step in _made(row)]
        if steps and not transact(self._table, batch[0].partition, steps):
            for row in batch:  # an app made one meanwhile, or the answer to our write was lost
                self._one(row)

    def _one(self, row: Row) -> None:
        """Write a schedule that may be there already."""
        busy = partial(Unavailable, "table storage")
        compare_and_set(row.key, lambda: self._tried(row) or None, error=busy)

    def _tried(self, row: Row) -> bool:
        self._job.check()
        found = self._table.get(row.partition, row.key, raw=True)
        if found is None:
            return transact(self._table, row.partition, _made(row))
        try:
            backup = readable.to_schedule({**row.values, "etag": ""})
        except Damaged:
            backup = None
        there = row_of(SCHEDULES, found)
        etag = found["odata.etag"]
        try:
            schedule = readable.to_schedule({**there.values, "etag": etag})
        except Damaged:
            return self._replaced(row, there, etag)
        if there.body == row.body:
            return True
        if backup is None:
            self._job.log("a schedule of the backup cannot be read; it stays as it is", is_=row.key)
            return True
        if replaces(backup, schedule):
            return self._replaced(row, there, etag)
        return self._merged(backup, schedule, row)

    def _replaced(self, row: Row, there: Row, etag: str) -> bool:
        """Replace the target's row and versions by the backup's; False if somebody was faster."""
        versions = self._file.versions(row)
        write(self._table, versions, self._job)
        kept = {one.key for one in versions}
        old = due_key(there)
        gone = [key for key in self._versions_there(row) if key not in kept][:_FEW]
        if (
            old is not None
            and old != due_key(row)
            and self._table.get(row.partition, old) is not None
        ):
            gone.append(old)
        steps = [Replace(row.key, etag, row.properties), *_due(row), *map(Delete, gone)]
        return transact(self._table, row.partition, steps)

    def _merged(self, backup: Schedule, there: Schedule, row: Row) -> bool:
        now = self._job.clock.now()
        known = [entities.to_version(one) for one in self._versions_there(row).values()]
        made = merged(backup, there, known, now)
        if made.owed is not None:
            self._commit(Change(there, made.owed, tuple(made.jobs)), row.partition)
            return False  # the caller looks again
        write(self._table, self._file.versions(row), self._job)
        recorded = (
            Row(SCHEDULES, row.partition, entities.job_key(one.id), "job", _json(one))
            for one in made.jobs
        )
        write(self._table, recorded, self._job)
        if made.after is None:
            return True
        return self._commit(Change(there, made.after, versions=_last(made.versions)), row.partition)

    def _commit(self, change: Change, partition: str) -> bool:
        now = self._job.clock.now()
        return transact(self._table, partition, [*operations(change, secrets.token_hex(6), now)])

    def _versions_there(self, row: Row) -> dict[str, Any]:
        lower = entities.version_key(row.schedule_id)
        upper = lower[:-1] + ";"
        where = f"PartitionKey eq {literal(row.partition)} and RowKey ge {literal(lower)}"
        found = self._query(f"{where} and RowKey lt {literal(upper)}")
        return {one["RowKey"]: one for one in found}

    def _is_earlier(self, row: Row) -> bool:
        """Whether it is the row that says how far the ledger was reconciled, and is earlier than
        the target's: the earlier of the two is kept."""
        found = self._table.get(META, RECONCILED) if row.key == RECONCILED else None
        return row.key == RECONCILED and (
            found is None or str(row.values["value"]) < str(found["value"])
        )

    def _query(self, where: str, select: list[str] | None = None) -> Iterator[Any]:
        keys = None if select is None else ["PartitionKey", *select]
        yield from self._table.query(where, select=keys)


def write(table: Table, rows: Iterable[Row], job: JobContext) -> None:
    """Write rows over whatever is there. The rows of a partition must follow one another."""
    batch: list[Row] = []
    size = 0

    def flush() -> None:
        job.check()
        if batch:
            _put(table, batch)

    for row in rows:
        more = len(row.body)
        other = batch and batch[0].partition != row.partition
        if other or len(batch) >= _ROWS or (batch and size + more > _BYTES):
            flush()
            batch, size = [], 0
        batch.append(row)
        size += more
    flush()


def transact(table: Table, partition: str, operations: Sequence[Operation]) -> bool:
    """Do all operations or none; False if somebody else was faster."""
    return table.transact(partition, operations).committed


def _put(table: Table, rows: list[Row]) -> None:
    """Write rows of one partition, in several transactions if long keys make one too large."""
    steps = [Upsert(row.key, row.properties) for row in rows]
    try:
        if not transact(table, rows[0].partition, steps):
            raise Unavailable("table storage", "refused rows that may be written at any time")
    except TooLarge:
        if len(rows) == 1:
            raise
        half = len(rows) // 2
        _put(table, rows[:half])
        _put(table, rows[half:])


def _made(row: Row) -> list[Operation]:
    """Operations that add a schedule which is not there, and its entry in the due index."""
    return [Insert(row.key, row.properties), *_due(row)]


def _due(row: Row) -> list[Operation]:
    """Operations that put a schedule into the due index, if it belongs there."""
    key = due_key(row)
    return [] if key is None else [Upsert(key, {})]


def _last(versions: Iterable[Version]) -> tuple[Version, ...]:
    return tuple(versions)[-_FEW:]


def _json(job: Job) -> str:
    return json.dumps(entities.job_properties(job))
