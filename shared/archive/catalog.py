"""Which files the archive has: rows `{day}:{shard}:{number}` in the partition `archive` of the
table of schedules.

A row is written when its file has been proved, and before any job's row is removed. So whoever
reads the table of jobs first, and the catalog afterwards, finds each job in one of the two. State
backups copy this partition as it is, after the jobs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime
from typing import Any

from shared.archive.parts import DAY, Part, Place, day_of, part_of
from shared.errors import Damaged
from shared.storage.failures import translated
from shared.storage.tables.batch import Upsert, literal
from shared.storage.tables.entities import stamp
from shared.storage.tables.table import Table

PARTITION = "archive"
_SERVICE = "table storage"


class Catalog:
    """The catalog. Every method raises `Unavailable` or `Refused` if storage fails, and `Damaged`
    if a row cannot be read."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def add(self, part: Part) -> None:
        """Add a file; harmless if it is there."""
        with translated(_SERVICE):
            self._table.transact(PARTITION, [Upsert(part.place.key, part.row)])

    def parts(
        self, first: date | None = None, last: date | None = None, shards: Iterable[str] = ()
    ) -> list[Part]:
        """The files of the days from `first` to `last`, of these shards (default: of all), in the
        order of their places."""
        lower = "" if first is None else first.isoformat()
        upper = "~" if last is None else (last + DAY).isoformat()
        wanted = set(shards)
        found = self._rows(lower, upper)
        return [part for part in found if not wanted or part.place.shard in wanted]

    def reaching(self, shard: str, at: datetime) -> list[Part]:
        """The files of a shard that have a job which is due by `at`, or stands for occurrences due
        until then or later: the latest day first."""
        more = f" and reaches ge {literal(stamp(at))}"
        rows = self._rows("", (day_of(at) + DAY).isoformat(), more)
        return [part for part in rows if part.place.shard == shard][::-1]

    def _rows(self, lower: str, upper: str, more: str = "") -> Iterator[Part]:
        span = f"RowKey ge {literal(lower)} and RowKey lt {literal(upper)}"
        where = f"PartitionKey eq {literal(PARTITION)} and {span}{more}"
        with translated(_SERVICE):
            for row in self._table.query(where):
                yield _part(row)


def _part(row: dict[str, Any]) -> Part:
    try:
        place = Place.of_key(str(row["RowKey"]))
        if place is None:
            raise ValueError("its key is no place")
        return part_of(place, row, str(row["container"]))
    except (ValueError, KeyError, TypeError) as error:
        raise Damaged(
            f"the row {row['RowKey']} of the archive's catalog cannot be read ({error!r:.200}); "
            "remove it, and run job_archive: it adds the file again"
        ) from error
