"""What of a shard is old enough to go, and what of it must stay: found by one query that returns
old rows only, one of the schedules' rows, and one of the notes for the alerts.

The first makes the service look at all jobs of the shard, but it answers with the old ones, and of
those with a few properties. So a schedule without old jobs costs nothing more.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from shared.archive.going import Candidate, Kept, Newest, candidate, newest, stays
from shared.archive.parts import DAY, day_of
from shared.errors import NotFound
from shared.schedules.job import parse_id
from shared.storage.failures import translated
from shared.storage.tables import trouble
from shared.storage.tables.batch import literal
from shared.storage.tables.entities import instant, job_key
from shared.storage.tables.handed import HandedOut
from shared.storage.tables.table import Table

_SERVICE = "table storage"
_OF_A_JOB = ("RowKey", "due_at", "finished_at", "last_due_at")
_OF_A_SCHEDULE = ("RowKey", "last_due_at", "live")
_GARBLED = (ValueError, KeyError, TypeError, AttributeError, NotFound)


@dataclass(slots=True)
class Old:
    """The old jobs of a shard."""

    days: Counter[date] = field(default_factory=Counter)
    """How many go, by the day on which they were due."""
    held: set[str] = field(default_factory=set)
    """The keys of those that stay."""


class Leaving:
    """Finds what is old. Methods raise `Unavailable` or `Refused` if storage fails."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._handed = HandedOut(table)

    def old(self, shard: str, border: datetime, check: Callable[[], None]) -> Old:
        """What ended before the border; `check` is called now and then."""
        kept, found, before = self._kept(shard), Old(), ""
        for number, row in enumerate(self._jobs(shard, border, select=_OF_A_JOB)):
            if number % 1000 == 0:
                check()
            one = candidate(row, border)
            if one is None:
                continue
            first, before = one.schedule_id != before, one.schedule_id
            if stays(one, kept) or (first and self._is_newest(shard, one, kept, border)):
                found.held.add(one.key)
            else:
                found.days[day_of(one.due_at)] += 1
        return found

    def live(self, shard: str) -> set[str]:
        """The keys of the jobs that are in their schedules' rows now."""
        return {job_key(one) for one in self._schedules(shard).live}

    def of_days(
        self, shard: str, first: date, last: date, border: datetime
    ) -> Iterator[dict[str, Any]]:
        """The raw rows of the old jobs that were due on these days, in the order of their keys."""
        for row in self._jobs(shard, border, (first, last), raw=True):
            one = candidate(row, border)
            if one is not None and first <= day_of(one.due_at) <= last:
                yield row

    def _jobs(
        self, shard: str, border: datetime, days: tuple[date, date] | None = None, **options: Any
    ) -> Iterator[dict[str, Any]]:
        """Jobs due before the border, on those days (from, to), and ended before it. Instants are
        text, which is in the order of time up to their seconds; `candidate` looks closer."""
        where = _range(shard, "job:", "job;")
        upper = border.isoformat()
        where += f" and finished_at gt '' and finished_at lt {literal(upper)}"
        if days is not None:
            where += f" and due_at ge {literal(days[0].isoformat())}"
            upper = (days[1] + DAY).isoformat()
        where += f" and due_at lt {literal(upper)}"
        with translated(_SERVICE):
            yield from self._table.query(where, **options)

    def _schedules(self, shard: str) -> Kept:
        kept = Kept()
        with translated(_SERVICE):
            where = _range(shard, "schedule:", "schedule;")
            for row in self._table.query(where, select=_OF_A_SCHEDULE):
                _of_schedule(row, kept)
        return kept

    def _kept(self, shard: str) -> Kept:
        kept = self._schedules(shard)
        kept.noted.update(one for note in self._handed.all() for one in note.ids or ())
        with translated(_SERVICE):
            first, end = trouble.PREFIX, trouble.PREFIX[:-1] + ";"
            for row in self._table.query(_range(shard, first, end), select=["RowKey"]):
                kept.noted.add(str(row["RowKey"]).rpartition(":")[2])
        return kept

    def _is_newest(self, shard: str, one: Candidate, kept: Kept, border: datetime) -> bool:
        told = newest(one, kept, border)
        return told is Newest.YES or (told is Newest.ASK and self._first_key(shard, one) == one.key)

    def _first_key(self, shard: str, one: Candidate) -> str:
        where = _range(shard, f"job:{one.schedule_id}:", f"job:{one.schedule_id};")
        with translated(_SERVICE):
            rows = self._table.query(where, top=1, select=["RowKey"])
            return next((str(row["RowKey"]) for row in rows), "")


def _range(shard: str, lower: str, upper: str) -> str:
    span = f"RowKey ge {literal(lower)} and RowKey lt {literal(upper)}"
    return f"PartitionKey eq {literal(shard)} and {span}"


def _of_schedule(row: dict[str, Any], kept: Kept) -> None:
    schedule_id = str(row["RowKey"]).removeprefix("schedule:")
    try:
        live = [str(job["id"]) for job in json.loads(row["live"])]
        for job_id in live:
            parse_id(job_id)
        kept.live.update(live)
        if (last := instant(row.get("last_due_at") or "")) is not None:
            kept.last_due[schedule_id] = last
    except _GARBLED:
        kept.unreadable.add(schedule_id)
