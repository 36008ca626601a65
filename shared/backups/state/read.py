"""Reads Belfry's state into a file, each schedule's rows as they were at one instant.

Table Storage has no snapshots, and the engine goes on meanwhile. For each schedule its row is read
first, then its jobs and versions, then its row's ETag again. If that is unchanged, all rows are of
one instant, since whatever changes a schedule's course changes its row. If not, what has been added
since is read, and the check repeated. So no job's row says that something is done which is still to
come by the schedule's row: it would be done a second time.

The due index is left out, since it follows from the schedules, and so is what is valid only for
minutes: locks, clocks, the logs of running jobs, notes for the alerts, and what is on its way into
the audit's chain. The chain itself is not part of the state: a restore must not put an earlier one
in its place. Its files, in a container of their own, hold all of it but the last day
(docs/audit.md).
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from shared.backups.state.file import (
    META,
    RECONCILED,
    SCHEDULES,
    SHARDS,
    Row,
    StateFile,
    row_of,
)
from shared.errors import NotFound
from shared.schedules.job import parse_id
from shared.storage.tables import entities
from shared.storage.tables.batch import literal
from shared.storage.tables.table import Table
from shared.tasks.context import JobContext

_TRIES = 20
_SKEW = timedelta(seconds=10)
"""More than the clocks of two instances may differ by."""
_REST = (
    ("", "alert:"),
    ("alert;", "audit:"),
    ("audit;", "changed"),
    ("changed;", "due:"),
    ("due;", "log:"),
    ("log;", "schedule:"),
    ("schedule;", None),
)
"""Key ranges of all rows of a shard except schedules, the due index, logs, notes for the alerts,
the feed of changes, and what the audit was told, which is in its chain a moment later."""


@dataclass(frozen=True, slots=True)
class _Course:
    """Which jobs can have ended since a schedule's row was read."""

    since: datetime | None
    """Only jobs due from then on, and those of `live`. None: any job."""
    live: frozenset[str]


class Reader:
    """Reads the table of schedules into the file."""

    def __init__(self, table: Table, file: StateFile, job: JobContext) -> None:
        self._table = table
        self._file = file
        self._job = job

    def all(self, shards: int) -> None:
        """Read everything. `shards`: their number, if the table does not say."""
        self._meta(shards)
        names = [f"s{number:03d}" for number in range(self._file.shards())]
        for number, shard in enumerate(names):
            self._shard(shard)
            self._job.progress(number + 1, len(names))
        known = sorted([META, *names])
        for lower, upper in zip(["", *known], [*known, None], strict=True):
            where = f"PartitionKey gt {literal(lower)}"
            where += f" and PartitionKey lt {literal(upper)}" if upper is not None else ""
            # the other partitions (calendars, health, ...), and such as this version does not know
            for row in self._table.query(where, raw=True):
                self._file.put(row_of(SCHEDULES, row))

    def _meta(self, shards: int) -> None:
        for name in (SHARDS, RECONCILED):  # first, so that the ledger's check starts early enough
            if (row := self._table.get(META, name, raw=True)) is not None:
                self._file.put(row_of(SCHEDULES, row))
            elif name == SHARDS:
                row = {"PartitionKey": META, "RowKey": SHARDS, "value": str(shards)}
                self._file.put(row_of(SCHEDULES, row))

    def _shard(self, shard: str) -> None:
        began = self._job.clock.now()
        first: dict[str, str] = {}
        for row in self._range(shard, "schedule:", "schedule;"):
            self._file.put(row_of(SCHEDULES, row))
            first[row["RowKey"]] = _etag(row)
        for lower, upper in _REST:
            for row in self._range(shard, lower, upper):
                self._file.put(row_of(SCHEDULES, row))
        second = {
            row["RowKey"]: _etag(row)
            for row in self._range(shard, "schedule:", "schedule;", select=["RowKey"])
        }
        for key in first.keys() - second.keys():
            self._file.remove(SCHEDULES, shard, key)
        for key, etag in second.items():
            if first.get(key) != etag:
                self._again(shard, key, began)

    def _again(self, shard: str, key: str, began: datetime) -> None:
        """Read what was added to a schedule since the first reading, until its row stays the
        same."""
        known = self._file.get(SCHEDULES, shard, key)
        course = _course(known, began)
        for _ in range(_TRIES):
            self._job.check()
            row = self._table.get(shard, key, raw=True)
            if row is None:
                self._file.remove(SCHEDULES, shard, key)
                return
            new = row_of(SCHEDULES, row)
            self._file.put(new)
            self._since(new, course, _course(new, began).live)
            if self._etag_of(shard, key) == _etag(row):
                return
        self._job.log(
            "a schedule changed all the while that it was read",
            level=logging.WARNING,
            changing=key.removeprefix("schedule:"),
        )

    def _since(self, schedule: Row, course: _Course, live: frozenset[str]) -> None:
        shard, schedule_id = schedule.partition, schedule.schedule_id
        prefix = entities.version_key(schedule_id)
        ranges = [(prefix, prefix[:-1] + ";"), (f"job:{schedule_id}:", f"job:{schedule_id};")]
        if course.since is not None:  # the newest jobs come first
            upper = entities.job_prefix(schedule_id, course.since) + ";"
            ranges[1] = (ranges[1][0], upper)
        for lower, upper in ranges:
            for row in self._range(shard, lower, upper):
                self._file.put(row_of(SCHEDULES, row))
        if course.since is None:
            return
        for job_id in course.live | live:
            if parse_id(job_id)[1] < course.since:
                ended = self._table.get(shard, entities.job_key(job_id), raw=True)
                if ended is not None:
                    self._file.put(row_of(SCHEDULES, ended))

    def _range(
        self, shard: str, lower: str, upper: str | None, select: list[str] | None = None
    ) -> Iterator[dict[str, Any]]:
        where = f"PartitionKey eq {literal(shard)} and RowKey ge {literal(lower)}"
        where += f" and RowKey lt {literal(upper)}" if upper is not None else ""
        yield from self._table.query(where, select=select, raw=True)

    def _etag_of(self, partition: str, key: str) -> str:
        row = self._table.get(partition, key, raw=True)
        return "" if row is None else _etag(row)


def read_table(table: Table, of: str, file: StateFile) -> None:
    """Read another of Belfry's tables into the file, unchanged."""
    for row in table.query("", raw=True):
        file.put(row_of(of, row))


def _course(row: Row | None, began: datetime) -> _Course:
    """The course by a schedule's row as it was read. `began`: when reading its shard began."""
    everything = _Course(None, frozenset())
    if row is None:
        return everything
    try:
        upcoming = entities.instant(row.values["next_run_at"])
        live = frozenset(str(item["id"]) for item in json.loads(row.values["live"]))
        for job_id in live:
            parse_id(job_id)
        began -= _SKEW
        return _Course(began if upcoming is None else min(began, upcoming), live)
    except (ValueError, KeyError, TypeError, AttributeError, NotFound):
        return everything


def _etag(row: Any) -> str:
    return str(row["odata.etag"])
