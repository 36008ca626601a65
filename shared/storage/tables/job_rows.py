"""What the index of jobs needs of the rows of ended jobs: few of their properties."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from shared.jobs.entry import Entry, epoch
from shared.schedules.job import Status, is_manual, parse_id
from shared.storage.failures import translated
from shared.storage.tables import entities
from shared.storage.tables.batch import literal
from shared.storage.tables.history import Older
from shared.storage.tables.schedules import ScheduleTable
from shared.storage.tables.table import Table

_COLUMNS = (
    "RowKey",
    "status",
    "task_type",
    "project_id",
    "last_due_at",
    "count",
    "jitter",
    "attempt",
    "started_at",
    "first_started_at",
    "finished_at",
    "worker",
    "taken_over",
)
GARBLED = (ValueError, KeyError, TypeError, AttributeError, OverflowError)


class JobRows:
    """The rows. Raises `Unavailable` or `Refused` if storage fails."""

    def __init__(self, table: Table, schedules: ScheduleTable, older: Older) -> None:
        self._table = table
        self._schedules = schedules
        self._older = older

    def entries(self) -> Iterator[Entry]:
        """The entry of every job that has ended, each once. It remembers the ids of the old ones
        that are in the table. Reads all rows of jobs, and then the archive."""
        line = epoch(self._older.line())
        return self._each(lambda entry: entry.since < line)

    def unsorted(self) -> Iterator[Entry]:
        """The same, but a job that is in the table and in the archive comes twice: first as the
        table has it, then with the same key. So only stretches must be remembered."""
        return self._each(lambda entry: entry.since != entry.until)

    def _each(self, remembered: Callable[[Entry], bool]) -> Iterator[Entry]:
        seen = set[str]()
        for shard in self._schedules.shards:
            where = f"PartitionKey eq {literal(shard)} and RowKey ge 'job:' and RowKey lt 'job;'"
            with translated("table storage"):
                for row in self._table.query(where, select=_COLUMNS):
                    entry = _entry(row)
                    if remembered(entry):
                        seen.add(entry.id)
                    yield entry
        archived = map(_entry, self._older.everything())
        yield from (entry for entry in archived if entry.id not in seen)


def _entry(row: Mapping[str, Any]) -> Entry:
    """The entry. A job whose row cannot be read counts as failed, as everywhere (`readable`)."""
    job_id = str(row["RowKey"]).rpartition(":")[2]
    due_at = parse_id(job_id)[1]
    try:
        last, project = entities.instant(row.get("last_due_at") or ""), row["project_id"]
        began = entities.instant(row.get("started_at") or "")
        return Entry(
            id=job_id,
            status=Status(row["status"]),
            task_type=row["task_type"],
            project_id=None if project == "" else int(project),
            until=epoch(last or due_at),
            count=int(row.get("count") or 1),
            seconds=seconds(row),
            began=None if began is None else epoch(began),
            late=_late(row, job_id, due_at),
            taken_over=int(row.get("taken_over") or 0),
        )
    except GARBLED:
        return Entry(job_id, Status.FAILED, "", None, epoch(due_at))


def seconds(row: Mapping[str, Any]) -> float | None:
    """As `Job.duration_seconds`."""
    began, ended = (entities.instant(row[name]) for name in ("started_at", "finished_at"))
    if not row["worker"] or began is None or ended is None:
        return None
    return (ended - began).total_seconds()


def _late(row: Mapping[str, Any], job_id: str, due_at: datetime) -> float | None:
    """As `Job.lateness_seconds`."""
    first = entities.first_start(row)
    if first is None or is_manual(job_id):
        return None
    return (first - due_at).total_seconds() - int(row.get("jitter") or 0)
