"""Ended jobs of many schedules, by when they were due; of each row, only what is asked for.

The key of a job's row begins with its schedule, and only then has its time (`entities`). So no
range of keys is a span of time over all schedules; it takes one query for each schedule. Schedules
whose rows show that nothing has happened since the span began are passed over.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import filterfalse, islice
from typing import Any, Protocol

from shared.schedules.job import Status, backfill_of, parse_id
from shared.schedules.series import Ran, flattened
from shared.schedules.spent import Spent
from shared.storage.failures import translated
from shared.storage.tables import entities
from shared.storage.tables.batch import literal
from shared.storage.tables.schedules import ScheduleTable
from shared.storage.tables.table import Table
from shared.threads import Pool

_SERVICE = "table storage"
_READERS = 8
PAGES = 5
"""So many pages are read at most, to find a page of jobs that belong to no backfill."""
_GARBLED = (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError)
_OF_A_RUN = ("RowKey", "status", "started_at", "finished_at", "worker", "count", "result")
_OF_A_COST = ("RowKey", "gb_seconds", "table_requests", "blob_requests", "transfer_bytes")
_OF_A_SCHEDULE = ("RowKey", "Timestamp", "task_type", "project_id", "last_due_at", "live")


@dataclass(frozen=True, slots=True)
class Past:
    """A schedule that may have ended jobs in a span."""

    id: str
    task_type: str
    project_id: int | None = None


class Older(Protocol):
    """The jobs that are no longer in the table (`archive.jobs`)."""

    def line(self) -> datetime:
        """What is due from then on is in the table."""

    def spanning(
        self, schedule_ids: Iterable[str], since: datetime, until: datetime
    ) -> Iterator[Mapping[str, Any]]:
        """The rows of jobs of these schedules that were due on the days of a span; also of some
        that are in the table too."""

    def everything(self) -> Iterator[Mapping[str, Any]]:
        """The rows of all jobs; also of some that are in the table too."""


def of_backfill(row: Mapping[str, Any]) -> bool:
    """Whether that is the row of a backfill's job."""
    return backfill_of(row["RowKey"].rpartition(":")[2]) is not None


class History:
    """The jobs, read. Every method raises `Unavailable` or `Refused` if storage fails."""

    def __init__(self, table: Table, schedules: ScheduleTable, older: Older) -> None:
        self._table = table
        self._schedules = schedules
        self._older = older

    def schedules(self, since: datetime, task_types: Collection[str] | None) -> Iterator[Past]:
        """The schedules that may have a job that was due at `since` or later: one query for each
        shard, which returns these. `task_types`: only schedules of these; None: of all."""
        lately = f"(Timestamp ge datetime'{since:%Y-%m-%dT%H:%M:%SZ}'"
        lately += f" or last_due_at ge {literal(entities.stamp(since))} or live ne '[]')"
        any_of = " or ".join(f"task_type eq {literal(name)}" for name in task_types or ())
        for shard in self._schedules.shards:
            where = f"PartitionKey eq {literal(shard)} and RowKey ge 'schedule:'"
            where += f" and RowKey lt 'schedule;' and {lately}"
            where += f" and ({any_of})" if any_of else ""
            with translated(_SERVICE):
                for row in self._table.query(where, select=_OF_A_SCHEDULE, raw=True):
                    if _may_have(row, since):
                        yield Past(
                            row["RowKey"].removeprefix("schedule:"),
                            row.get("task_type") or "",
                            _project(row),
                        )

    def runs(
        self, of: Sequence[Past], since: datetime, until: datetime, see: Callable[[Ran], None]
    ) -> None:
        """Call `see` with each ended job that was due from `since` on and before `until`. Several
        threads call it, in no order; if it raises, no more is read."""

        self._each(of, since, until, lambda _, row: see(_ran(row)), _OF_A_RUN)

    def last(self, schedule_id: str, most: int) -> list[Ran]:
        """The schedule's jobs that ended, but for those of backfills, those due last first, at most
        `most`. It does not look into the archive. One request for a page, and up to `PAGES`
        where backfills ran: what they have before and between others is passed over."""
        lower, upper = entities.job_range(schedule_id)
        where = f"PartitionKey eq {literal(self._schedules.shard(schedule_id))}"
        where += f" and RowKey ge {literal(lower)} and RowKey lt {literal(upper)}"
        with translated(_SERVICE):
            rows = islice(self._table.query(where, select=_OF_A_RUN, top=most), PAGES * most)
            return [_ran(row) for row in islice(filterfalse(of_backfill, rows), most)]

    def spent(
        self,
        of: Sequence[Past],
        since: datetime,
        until: datetime,
        see: Callable[[Past, datetime, Spent], None],
    ) -> None:
        """Call `see` with what each such job used, as `runs` does: its schedule, when it was due,
        and what it used."""

        def measured(past: Past, row: Mapping[str, Any]) -> None:
            if row.get("gb_seconds"):
                see(past, _due_at(row), _spent(row))

        self._each(of, since, until, measured, _OF_A_COST, " and gb_seconds ne ''")

    def _each(
        self,
        of: Sequence[Past],
        since: datetime,
        until: datetime,
        see: Callable[[Past, Mapping[str, Any]], None],
        columns: Sequence[str],
        more: str = "",
    ) -> None:
        """Call `see` with each row: of the table first, then of what is no longer in it."""
        line, seen = self._older.line(), set[str]()

        def each(past: Past) -> None:
            for row in self._rows(past, since, until, columns, more):
                if _due_at(row) < line:
                    seen.add(row["RowKey"])
                see(past, row)

        with Pool(_READERS, "history") as pool:
            pool.map(each, of)
        known = {past.id: past for past in of}
        for row in self._older.spanning(known, since, until):
            if row["RowKey"] not in seen and since <= _due_at(row) < until:
                see(known[row["RowKey"].split(":")[1]], row)

    def _rows(
        self,
        past: Past,
        since: datetime,
        until: datetime,
        columns: Sequence[str],
        more: str = "",
    ) -> Iterator[Mapping[str, Any]]:
        lower = entities.job_prefix(past.id, until)
        upper = entities.job_prefix(past.id, since) + ";"
        shard = self._schedules.shard(past.id)
        where = f"PartitionKey eq {literal(shard)} and RowKey ge {literal(lower)}"
        where += f" and RowKey lt {literal(upper)}{more}"
        with translated(_SERVICE):
            for row in self._table.query(where, select=columns):
                if since <= _due_at(row) < until:
                    yield row


def _may_have(row: Mapping[str, Any], since: datetime) -> bool:
    """Whether a job of a schedule may have been due at `since` or later, by the schedule's row.

    The row is written after each of its jobs became due, except after those that are still in it,
    and those that ended ahead of their time.
    """
    try:
        last = entities.instant(row["last_due_at"] or "")
        live = [job["due_at"] for job in json.loads(row["live"])]
        written = datetime.fromisoformat(row["Timestamp"])
        known = [written, *([last] if last else []), *map(datetime.fromisoformat, live)]
        return max(known) >= since
    except _GARBLED:
        return True


def _project(row: Mapping[str, Any]) -> int | None:
    """The project that a schedule's row names; none if it cannot be read, so that nobody sees what
    may be another's."""
    text = str(row.get("project_id") or "")
    return int(text) if text.isascii() and text.isdigit() else None


def _due_at(row: Mapping[str, Any]) -> datetime:
    return parse_id(row["RowKey"].rpartition(":")[2])[1]


def _spent(row: Mapping[str, Any]) -> Spent:
    """What a job used; nothing, if the row cannot be read."""
    try:
        return entities.to_spent(row) or Spent()
    except _GARBLED:
        return Spent()


def _ran(row: Mapping[str, Any]) -> Ran:
    """The job. If its row cannot be read it counts as failed, as everywhere (`readable.to_job`)."""
    job_id, due_at = row["RowKey"].rpartition(":")[2], _due_at(row)
    try:
        said = json.loads(row["result"] or "{}")
        return Ran(
            job_id=job_id,
            due_at=due_at,
            status=Status(row["status"]),
            count=row.get("count") or 1,
            duration_seconds=_duration(row),
            metrics=flattened(said),
        )
    except _GARBLED:
        return Ran(job_id=job_id, due_at=due_at, status=Status.FAILED)


def _duration(row: Mapping[str, Any]) -> float | None:
    """As `Job.duration_seconds`."""
    began, ended = (entities.instant(row[name]) for name in ("started_at", "finished_at"))
    if not row["worker"] or began is None or ended is None:
        return None
    return (ended - began).total_seconds()
