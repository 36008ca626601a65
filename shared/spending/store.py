"""Reads and writes the rows of budgets. Every method raises `Unavailable` or `Refused` if storage
fails."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from shared.errors import Damaged
from shared.log import Event, event
from shared.schedules.job import parse_id
from shared.spending import rows
from shared.spending.counting import Counter, Ended, Reserved
from shared.spending.model import Budget, Scope
from shared.storage.connect import Connection
from shared.storage.failures import translated
from shared.storage.tables.batch import (
    MAX_OPERATIONS,
    Delete,
    Insert,
    Operation,
    Replace,
    Upsert,
    literal,
)
from shared.storage.tables.table import Table

_logger = logging.getLogger("belfry.spending")
_SERVICE = "table storage"
AT_ONCE = (MAX_OPERATIONS - 1) // 2
"""How many jobs one transaction counts: each has a row to add, and one to remove."""


@dataclass(frozen=True, slots=True)
class Account:
    """What was spent, and what is reserved, as they were at one instant."""

    counter: Counter
    running: Mapping[str, Reserved]
    """By job."""
    etag: str | None
    """Of the counter's row; None: there is none."""


class Store:
    """The rows."""

    def __init__(self, connection: Connection, name: str) -> None:
        self._table: Table = connection.table(name)

    def budgets(self) -> list[Budget]:
        """All that can be read."""
        with translated(_SERVICE):
            found = [*self._table.query(f"PartitionKey eq '{rows.BUDGETS}'")]
        made: list[Budget] = []
        for row in found:
            try:
                made.append(rows.to_budget(row))
            except Damaged as error:  # one must not hide the others
                event(_logger, Event.BUDGET_UNREADABLE, level=logging.ERROR, error=str(error))
        return made

    def budget(self, scope: Scope) -> Budget | None:
        """One budget. Raises `Damaged`."""
        with translated(_SERVICE):
            row = self._table.get(rows.BUDGETS, scope.key)
        return None if row is None else rows.to_budget(row)

    def put(self, budget: Budget) -> None:
        """Set a budget, whatever it was."""
        self._transact(rows.BUDGETS, [Upsert(budget.scope.key, rows.of_budget(budget))])

    def remove(self, scope: Scope) -> None:
        """Remove a budget; harmless if there is none. Its counter stays: a budget that is set again
        in the same period goes on from it."""
        self._transact(rows.BUDGETS, [Delete(scope.key)])

    def account(self, scope: Scope) -> Account:
        """What was spent of a budget. A counter that cannot be read counts from nothing again: it
        must not keep jobs from being decided."""
        where = f"PartitionKey eq {literal(rows.partition(scope))}"
        with translated(_SERVICE):
            found = [*self._table.query(f"{where} and RowKey ge '{rows.CURRENT}'")]
        counter, etag = Counter(), None
        running: dict[str, Reserved] = {}
        for row in found:
            if row["RowKey"] == rows.CURRENT:
                counter, etag = _readable(row), row["etag"]
            elif (reserved := rows.to_reserved(row)) is not None:
                running[row["RowKey"].removeprefix(rows.RUNNING)] = reserved
        return Account(counter, running, etag)

    def reserve(
        self, scope: Scope, before: Account, after: Counter, job_id: str, reserved: Reserved
    ) -> bool:
        """Reserve something for a job; False if somebody else wrote meanwhile."""
        row = Upsert(f"{rows.RUNNING}{job_id}", rows.of_reserved(reserved))
        return self._transact(rows.partition(scope), [_counter(before, after), row])

    def release(self, scope: Scope, before: Account, job_id: str) -> bool:
        """Take a reservation back; False if somebody else wrote meanwhile."""
        steps = [_counter(before, before.counter), Delete(f"{rows.RUNNING}{job_id}")]
        return self._transact(rows.partition(scope), steps)

    def count(
        self, scope: Scope, before: Account, after: Counter, jobs: Sequence[Ended], now: datetime
    ) -> bool:
        """Write a counter with jobs counted in it, at most `AT_ONCE`, all at once. False if
        somebody else wrote meanwhile, or one of the jobs is counted already."""
        steps: list[Operation] = [_counter(before, after)]
        for job in jobs:
            steps.append(Insert(rows.counted_key(job.job_id), rows.of_counted(job, now)))
            if job.job_id in before.running:
                steps.append(Delete(f"{rows.RUNNING}{job.job_id}"))
        return self._transact(rows.partition(scope), steps)

    def mark(self, scope: Scope, before: Account, after: Counter) -> bool:
        """Write a counter; False if somebody else wrote meanwhile."""
        return self._transact(rows.partition(scope), [_counter(before, after)])

    def counted(self, scope: Scope, job_ids: Collection[str]) -> set[str]:
        """Those of the jobs that were counted. Jobs that were due on one day are one request (for
        each thousand rows)."""
        made: set[str] = set()
        for _, some in groupby(sorted(job_ids, key=_due), key=lambda one: _due(one)[:8]):
            wanted = [*some]
            keys = sorted(map(rows.counted_key, wanted))
            where = f"PartitionKey eq {literal(rows.partition(scope))}"
            where += f" and RowKey ge {literal(keys[0])} and RowKey le {literal(keys[-1])}"
            with translated(_SERVICE):
                found = {row["RowKey"] for row in self._table.query(where, select=["RowKey"])}
            made |= {one for one in wanted if rows.counted_key(one) in found}
        return made

    def prune(self, now: datetime, check: Callable[[], None]) -> int:
        """Remove rows that nobody needs any more; how many. Storage looks at every row."""
        where = f"keep_until gt '' and keep_until lt {literal(rows.stamp(now))}"
        with translated(_SERVICE):
            found = [*self._table.query(where, select=["PartitionKey", "RowKey"])]
        for partition, some in groupby(found, key=lambda row: str(row["PartitionKey"])):
            check()
            self._remove(partition, [row["RowKey"] for row in some])
        return len(found)

    def _remove(self, partition: str, keys: Sequence[str]) -> None:
        for start in range(0, len(keys), MAX_OPERATIONS):
            some = [Delete(key) for key in keys[start : start + MAX_OPERATIONS]]
            if not self._transact(partition, some):  # another removed some of them
                for one in some:
                    self._transact(partition, [one])

    def _transact(self, partition: str, steps: Iterable[Operation]) -> bool:
        with translated(_SERVICE):
            return self._table.transact(partition, [*steps]).committed


def _readable(row: Mapping[str, Any]) -> Counter:
    try:
        return rows.to_counter(row)
    except Damaged as error:
        event(_logger, Event.BUDGET_UNREADABLE, level=logging.ERROR, error=str(error))
        return Counter()


def _due(job_id: str) -> str:
    return f"{parse_id(job_id)[1]:%Y%m%dT%H%M%SZ}"


def _counter(before: Account, after: Counter) -> Operation:
    """Each change of an account writes its counter, so of two at once one changes nothing."""
    properties = rows.of_counter(after)
    if before.etag is None:
        return Insert(rows.CURRENT, properties)
    return Replace(rows.CURRENT, before.etag, properties)
