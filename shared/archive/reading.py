"""The archived jobs, by id, by schedule, and by span of due times.

If a job is in several parts of a day, the part with the highest number is right: it was in the
table once more, and otherwise, after the earlier parts were written (as a restore may have left
it).
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import date, datetime
from itertools import groupby
from typing import Any

from shared.archive.catalog import Catalog
from shared.archive.files import EVERYTHING, Files, Spans
from shared.archive.lines import row_of
from shared.archive.parts import Part, day_of
from shared.errors import Damaged
from shared.schedules.job import parse_id
from shared.storage.tables import entities
from shared.threads import Pool

Row = dict[str, Any]
_READERS = 8
_FEW = 20
"""Of so few schedules, the days are read at once; of more, one after another, as their jobs may be
many."""


class Archive:
    """The archive, read. Methods raise `Unavailable` or `Refused` if storage fails, and `Damaged`,
    naming the file, if one is gone or cannot be read."""

    def __init__(self, catalog: Catalog, files: Files) -> None:
        self._catalog = catalog
        self._files = files
        self._readers = Pool(_READERS, "archive")

    def find(self, shards: dict[str, Collection[str]]) -> dict[str, Row]:
        """The rows of jobs, by their ids. `shards`: of each shard, the ids that are wanted."""
        days = [day_of(parse_id(one)[1]) for ids in shards.values() for one in ids]
        if not days:
            return {}
        wanted: dict[tuple[str, date], list[str]] = {}
        for shard, ids in shards.items():
            for one in ids:
                there = wanted.setdefault((shard, day_of(parse_id(one)[1])), [])
                there.append(entities.job_key(one))
        reads: list[tuple[list[Part], Spans]] = []
        for shard, parts in _by_shard(self._catalog.parts(min(days), max(days), shards)):
            for day, some in _by_day(parts):
                keys = sorted(wanted.get((shard, day), ()))
                reads.append((some, [(key, f"{key}\0") for key in keys]))
        rows = self._together(read for read in reads if read[1])
        return {str(row["RowKey"]).rpartition(":")[2]: row for row in rows}

    def of_schedule(
        self, shard: str, span: tuple[str, str], first: date | None, last: date | None
    ) -> list[Row]:
        """The rows of a schedule's jobs due from the day `first` to the day `last`, whose keys are
        in that range."""
        days = _by_day(self._catalog.parts(first, last, [shard]))
        return self._together((parts, [span]) for _, parts in days)

    def failed(self, shard: str, schedule_id: str, last: date, also: Collection[date]) -> list[Row]:
        """The rows of a schedule's jobs due up to the day `last`: of days on which a job of the
        shard failed, and of the days `also`."""
        span = entities.job_range(schedule_id)
        days = _by_day(self._catalog.parts(None, last, [shard]))
        some = (parts for day, parts in days if day in also or any(one.failed for one in parts))
        return self._together((parts, [span]) for parts in some)

    def stretch(self, shard: str, schedule_id: str, at: datetime) -> Row | None:
        """The row of the stretch of a schedule's occurrences that contains an instant."""
        span = entities.job_range(schedule_id, until=at)
        wanted = entities.stamp(at)
        for _, parts in _by_day(self._catalog.reaching(shard, at)):
            for row in self._rows(parts, [span]):
                if (row.get("last_due_at") or "") >= wanted:
                    return row
        return None

    def spanning(
        self, shards: dict[str, Sequence[str]], since: datetime, until: datetime
    ) -> Iterator[Row]:
        """The rows of jobs due on the days of a span. `shards`: of each shard, the ids of the
        schedules that are wanted."""
        parts = self._catalog.parts(day_of(since), day_of(until), shards)
        for shard, some in _by_shard(parts):
            spans = sorted(entities.job_range(one) for one in shards[shard])
            days = [parts for _, parts in _by_day(some)]
            if len(spans) <= _FEW:
                yield from self._together((parts, spans) for parts in days)
                continue
            for parts in days:
                yield from self._rows(parts, spans)

    def everything(self) -> Iterator[Row]:
        """The rows of all jobs."""
        for _, some in _by_shard(self._catalog.parts()):
            for _, parts in _by_day(some):
                yield from self._rows(parts, EVERYTHING)

    def effective(
        self, parts: Sequence[Part], spans: Spans = EVERYTHING
    ) -> Iterator[tuple[str, bytes]]:
        """(row key, line) of each job in one of the parts of a day and shard, in the order of keys;
        of a job in several of them, the latest part's."""
        newest = sorted(parts, key=lambda part: part.place, reverse=True)
        streams = [self._files.lines(part, spans) for part in newest]
        last = None
        for key, line in heapq.merge(*streams, key=lambda one: one[0]):
            if key != last:  # the merge is stable: the latest part's comes first
                yield key, line
            last = key

    def _together(self, reads: Iterable[tuple[list[Part], Spans]]) -> list[Row]:
        """The rows of some jobs, each day's in the order of their keys; several days at once."""
        found = self._readers.map(lambda read: list(self._rows(*read)), reads)
        return [row for rows in found for row in rows]

    def _rows(self, parts: Sequence[Part], spans: Spans) -> Iterator[Row]:
        for key, line in self.effective(parts, spans):
            try:
                yield row_of(line)
            except (ValueError, TypeError) as error:
                raise Damaged(f"{parts[0].place.blob}: {key} cannot be read: {error}") from error


def _by_day(parts: Iterable[Part]) -> Iterator[tuple[date, list[Part]]]:
    for day, some in groupby(parts, key=lambda part: part.place.day):
        yield day, list(some)


def _by_shard(parts: Iterable[Part]) -> Iterator[tuple[str, list[Part]]]:
    ordered = sorted(parts, key=lambda part: (part.place.shard, part.place))
    for shard, some in groupby(ordered, key=lambda part: part.place.shard):
        yield shard, list(some)
