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

Row = dict[str, Any]


class Archive:
    """The archive, read. Methods raise `Unavailable` or `Refused` if storage fails, and `Damaged`,
    naming the file, if one is gone or cannot be read."""

    def __init__(self, catalog: Catalog, files: Files) -> None:
        self._catalog = catalog
        self._files = files

    def find(self, shards: dict[str, Collection[str]]) -> dict[str, Row]:
        """The rows of jobs, by their ids. `shards`: of each shard, the ids that are wanted."""
        days = [day_of(parse_id(one)[1]) for ids in shards.values() for one in ids]
        if not days:
            return {}
        found: dict[str, Row] = {}
        for shard, parts in _by_shard(self._catalog.parts(min(days), max(days), shards)):
            for day, some in groupby(parts, key=lambda part: part.place.day):
                ids = [one for one in shards[shard] if day_of(parse_id(one)[1]) == day]
                keys = sorted(entities.job_key(one) for one in ids)
                spans = [(key, f"{key}\0") for key in keys]
                for row in self._rows(list(some), spans) if spans else ():
                    found[str(row["RowKey"]).rpartition(":")[2]] = row
        return found

    def of_schedule(
        self, shard: str, span: tuple[str, str], first: date | None, last: date | None
    ) -> Iterator[Row]:
        """The rows of a schedule's jobs due from the day `first` to the day `last`, whose keys are
        in that range."""
        for _, parts in _by_day(self._catalog.parts(first, last, [shard])):
            yield from self._rows(parts, [span])

    def failed(self, shard: str, schedule_id: str, last: date, also: Collection[date]) -> list[Row]:
        """The rows of a schedule's jobs due up to the day `last`: of days on which a job of the
        shard failed, and of the days `also`."""
        span = entities.job_range(schedule_id)
        found: list[Row] = []
        for day, parts in _by_day(self._catalog.parts(None, last, [shard])):
            if day in also or any(part.failed for part in parts):
                found += self._rows(parts, [span])
        return found

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
            for _, together in _by_day(some):
                yield from self._rows(together, spans)

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
