"""Schedules, the due index and jobs, in one table.

All state of a schedule is in one partition, so a change of it is one entity group transaction:
it happens whole or not at all, and only if nobody changed the schedule in between (its ETag).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from shared.schedules.job import Job, parse_id
from shared.schedules.model import Schedule
from shared.storage import entities
from shared.storage.failures import translated

if TYPE_CHECKING:
    from azure.data.tables import TableClient

_SERVICE = "table storage"
_LIMIT = 100
"""Entities of one transaction."""


@dataclass(frozen=True, slots=True)
class Change:
    """One schedule's step from `before` (None: it is new) to `after`, and jobs that ended in it."""

    before: Schedule | None
    after: Schedule
    jobs: tuple[Job, ...] = ()


@dataclass(frozen=True, slots=True)
class Due:
    """An entry of the due index."""

    shard: str
    key: str
    schedule_id: str


class ScheduleTable:
    """The table. Raises `Unavailable` or `Refused` when the storage does."""

    def __init__(self, table: TableClient, shards: int) -> None:
        self._table = table
        self.shards = [f"s{number:03d}" for number in range(shards)]

    def shard(self, schedule_id: str) -> str:
        """The partition of a schedule: a hash of its id."""
        digest = hashlib.sha256(schedule_id.encode()).digest()
        return self.shards[int.from_bytes(digest[:4]) % len(self.shards)]

    def get(self, schedule_id: str) -> Schedule | None:
        """The schedule, deleted or not; None if it never was."""
        found = self._read(self.shard(schedule_id), entities.schedule_key(schedule_id))
        return found and entities.to_schedule(found, found.metadata["etag"])

    def job(self, job_id: str) -> Job | None:
        """The job, if it ended."""
        found = self._read(self.shard(parse_id(job_id)[0]), entities.job_key(job_id))
        return found and entities.to_job(found)

    def ended(self, job_ids: Iterable[str]) -> dict[str, Job]:
        """Those of the jobs that ended, by id."""
        found = ((job_id, self.job(job_id)) for job_id in job_ids)
        return {job_id: job for job_id, job in found if job is not None}

    def due(self, shard: str, until: datetime, limit: int) -> list[Due]:
        """The due index's entries up to `until`, oldest first: one query."""
        upper = entities.due_key(until + timedelta(seconds=1))
        rows = self._query(shard, "due:", upper, limit, select=["RowKey"])
        keys = [row["RowKey"] for _, row in zip(range(limit), rows, strict=False)]
        return [Due(shard, key, key.rpartition(":")[2]) for key in keys]

    def schedules(self) -> Iterator[Schedule]:
        """Every schedule, deleted ones too: a query for each shard."""
        for shard in self.shards:
            for row in self._query(shard, "schedule:", "schedule;", 1000):
                yield entities.to_schedule(row, row.metadata["etag"])

    def busy(self) -> Iterator[Schedule]:
        """Every schedule with live jobs. Reads whole shards: for the sweep, not for the tick."""
        for shard in self.shards:
            for row in self._query(shard, "schedule:", "schedule;", 1000, " and live ne '[]'"):
                yield entities.to_schedule(row, row.metadata["etag"])

    def jobs(self, schedule_id: str | None = None) -> Iterator[Job]:
        """Ended jobs, newest first within a schedule; without its log, which `job` gives."""
        prefix = "job:" if schedule_id is None else f"job:{schedule_id}:"
        shards = self.shards if schedule_id is None else [self.shard(schedule_id)]
        for shard in shards:
            for row in self._query(shard, prefix, prefix[:-1] + ";", 1000):
                yield entities.to_job(row)

    def forget_due(self, entry: Due) -> None:
        """Remove an entry that no schedule stands behind."""
        with translated(_SERVICE):
            self._table.delete_entity(entry.shard, entry.key)

    def end(self, job: Job) -> bool:
        """Write an ended job's row; False if it ended before (by another worker)."""
        from azure.core.exceptions import ResourceExistsError

        with translated(_SERVICE):
            try:
                self._table.create_entity(self._job_entity(job))
            except ResourceExistsError:
                earlier = self.job(job.id)
                return earlier is not None and earlier.worker == job.worker
        return True

    def commit(self, changes: Sequence[Change]) -> list[bool]:
        """Make each change whole or not at all; which were made.

        One that lost (someone changed its schedule in between) leaves everything as it was.
        """
        won: list[bool] = []
        for batch in self._batches(changes):
            operations = [op for change in batch for op in self._operations(change)]
            if self._transact(operations):
                won += [True] * len(batch)
            elif len(batch) == 1:
                won.append(False)
            else:
                won += [self._transact(self._operations(change)) for change in batch]
        return won

    def _batches(self, changes: Sequence[Change]) -> Iterator[list[Change]]:
        """In order, each batch of one shard and within a transaction's limit."""
        batch: list[Change] = []
        size = 0
        for change in changes:
            more = 3 + len(change.jobs)
            same = batch and self.shard(batch[0].after.id) == self.shard(change.after.id)
            if batch and (not same or size + more > _LIMIT):
                yield batch
                batch, size = [], 0
            batch.append(change)
            size += more
        if batch:
            yield batch

    def _operations(self, change: Change) -> list[Any]:
        before, after = change.before, change.after
        shard = self.shard(after.id)
        operations: list[Any] = [("create", self._job_entity(job)) for job in change.jobs]
        entity = {"PartitionKey": shard, "RowKey": entities.schedule_key(after.id)}
        entity |= entities.engine_properties(after.progress)
        if (
            before is None
            or before.revision != after.revision
            or before.configured != (after.configured)
        ):
            entity |= entities.user_properties(after)
        if before is None:
            operations.append(("create", entity))
        else:
            operations.append(("update", entity, _if_unchanged(before.etag)))
        return operations + self._move_due(shard, before, after)

    def _move_due(self, shard: str, before: Schedule | None, after: Schedule) -> list[Any]:
        old = before.progress.next_run_at if before is not None else None
        new = after.progress.next_run_at
        if old == new:
            return []
        keys = [("delete", old), ("create", new)]
        return [
            (what, {"PartitionKey": shard, "RowKey": entities.due_key(at, after.id)})
            for what, at in keys
            if at is not None
        ]

    def _transact(self, operations: list[Any]) -> bool:
        from azure.data.tables import TableTransactionError

        with translated(_SERVICE):
            try:
                self._table.submit_transaction(operations)
            except TableTransactionError as error:
                if error.status_code in _LOST:
                    return False
                raise
        return True

    def _job_entity(self, job: Job) -> dict[str, Any]:
        keys = {"PartitionKey": self.shard(job.schedule_id), "RowKey": entities.job_key(job.id)}
        return keys | entities.job_properties(job)

    def _read(self, shard: str, key: str) -> Any:
        from azure.core.exceptions import ResourceNotFoundError

        with translated(_SERVICE):
            try:
                return self._table.get_entity(shard, key)
            except ResourceNotFoundError:
                return None

    def _query(
        self,
        shard: str,
        lower: str,
        upper: str,
        page: int,
        more: str = "",
        select: list[str] | None = None,
    ) -> Iterator[Any]:
        where = f"PartitionKey eq @shard and RowKey ge @lower and RowKey lt @upper{more}"
        with translated(_SERVICE):
            yield from self._table.query_entities(
                where,
                parameters={"shard": shard, "lower": lower, "upper": upper},
                results_per_page=page,
                select=select,
            )


_LOST = (404, 409, 412)
"""Gone, already there, changed in between: somebody else was faster."""


def _if_unchanged(etag: str) -> dict[str, Any]:
    from azure.core import MatchConditions

    return {"mode": "merge", "etag": etag, "match_condition": MatchConditions.IfNotModified}


def without_log(job: Job) -> Job:
    """The job as lists show it."""
    return replace(job, log="")
