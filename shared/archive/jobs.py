"""Ended jobs, in the table or in the archive, as if they were in one place.

The table is always read first. A file is in the catalog before the rows of its jobs are removed, so
a job that is no longer in the table is found in the archive. A job in both is one job, and its row
is right. What was due in the last days is never in the archive (`LEAST_DAYS`), and costs nothing
more.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from shared.archive.going import LEAST_DAYS
from shared.archive.parts import day_of
from shared.archive.reading import Archive
from shared.clock import Clock
from shared.schedules.job import Job, Status, is_schedule_id, parse_id
from shared.storage.tables import entities, readable
from shared.storage.tables.schedules import ScheduleTable

_YOUNG = timedelta(days=LEAST_DAYS - 1)
"""A day less, since clocks differ."""


class EndedJobs:
    """The jobs. Methods raise `Unavailable` or `Refused` if storage fails, and `Damaged` if a file
    of the archive is gone or cannot be read."""

    def __init__(self, table: ScheduleTable, archive: Archive, clock: Clock) -> None:
        self._table = table
        self._archive = archive
        self._clock = clock

    def job(self, job_id: str) -> Job | None:
        """The job, if it has ended. Raises `NotFound` for what cannot be an id."""
        return self._table.job(job_id) or self.archived([job_id]).get(job_id)

    def whole(self, job_ids: Collection[str]) -> dict[str, Job]:
        """Of these jobs, those that have ended, by id, whole. Raises `NotFound` as `job` does."""
        found = self._table.whole(job_ids)
        return found | self.archived([one for one in job_ids if one not in found])

    def archived(self, job_ids: Iterable[str]) -> dict[str, Job]:
        """Of these jobs, those that are in the archive, by id."""
        line = self.line()
        shards: dict[str, list[str]] = {}
        for one in dict.fromkeys(job_ids):
            schedule_id, due_at = parse_id(one)
            if due_at < line:
                shards.setdefault(self._table.shard(schedule_id), []).append(one)
        rows = self._archive.find({**shards}) if shards else {}
        return {one: readable.to_job(row) for one, row in rows.items()}

    def ended(self, job_ids: Iterable[str]) -> dict[str, Job]:
        """Of these jobs, those that have ended, by id, without the parts that may be long."""
        wanted = set(job_ids)
        found = self._table.ended(wanted)
        return found | self.archived(wanted - found.keys())

    def jobs(
        self, schedule_id: str, since: datetime | None = None, until: datetime | None = None
    ) -> list[Job]:
        """A schedule's ended jobs due from `since` to `until`, both to the second, newest first."""
        if not is_schedule_id(schedule_id):
            return []
        found = {
            entities.job_key(one.id): one for one in self._table.jobs(schedule_id, since, until)
        }
        line = self.line()
        if since is not None and since >= line:
            return list(found.values())
        span = entities.job_range(schedule_id, since, until)
        first, last = since and day_of(since), day_of(min(until or line, line))
        shard = self._table.shard(schedule_id)
        for row in self._archive.of_schedule(shard, span, first, last):
            if row["RowKey"] not in found:
                found[row["RowKey"]] = readable.to_job(row)
        return [found[key] for key in sorted(found)]

    def stretch(self, schedule_id: str, at: datetime) -> Job | None:
        """The stretch of a schedule's occurrences that contains an instant."""
        found = self._table.stretch(schedule_id, at)
        if found is not None or at >= self.line():
            return found
        row = self._archive.stretch(self._table.shard(schedule_id), schedule_id, at)
        made = None if row is None else readable.to_job(row)
        return made if made is not None and made.due_until >= at else None

    def failures(self, schedule_id: str) -> Iterator[Job]:
        """A schedule's ended jobs, newest first, at least those of days on which one failed. The
        young ones are read as they are asked for."""
        line = self.line()
        yield from self._table.jobs(schedule_id, since=line)
        before = line - timedelta(seconds=1)
        rows = self._table.jobs(schedule_id, None, before)
        found = {entities.job_key(one.id): one for one in rows}
        failed = {day_of(one.due_at) for one in found.values() if one.status is Status.FAILED}
        shard = self._table.shard(schedule_id)
        for row in self._archive.failed(shard, schedule_id, day_of(before), failed):
            if row["RowKey"] not in found:
                found[row["RowKey"]] = readable.to_job(row)
        yield from (found[key] for key in sorted(found))

    def spanning(
        self, schedule_ids: Iterable[str], since: datetime, until: datetime
    ) -> Iterator[Mapping[str, Any]]:
        """The rows of the archived jobs of these schedules that were due on the days of a span.
        Some may be in the table too; it must have been read before."""
        shards: dict[str, list[str]] = {}
        if since < self.line():
            for one in schedule_ids:
                shards.setdefault(self._table.shard(one), []).append(one)
        if shards:
            yield from self._archive.spanning({**shards}, since, until)

    def everything(self) -> Iterator[Mapping[str, Any]]:
        """The rows of all archived jobs. Some may be in the table too; it must have been read
        before."""
        return self._archive.everything()

    def line(self) -> datetime:
        """What is due from then on is not in the archive."""
        return self._clock.now().replace(microsecond=0) - _YOUNG
