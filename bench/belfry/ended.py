"""Jobs that ended, in the table as the engine leaves them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from itertools import groupby

from shared.app import App
from shared.jobs.entry import Entry, at_second
from shared.jobs.packing import cut
from shared.schedules.job import Job
from shared.storage.tables.changes import row_of

_TOGETHER = 90
"""Rows of a transaction."""


def rows(belfry: App, some: Iterable[Entry]) -> None:
    """Store the rows of these; each is stored once."""
    shard = belfry.table.shard
    ordered = sorted(set(some), key=lambda one: shard(one.schedule_id))
    for name, group in groupby(ordered, key=lambda one: shard(one.schedule_id)):
        for part in cut(list(group), _TOGETHER):
            belfry.table._table.transact(name, [row_of(job(one)) for one in part])


def job(entry: Entry) -> Job:
    """A job of the index, whole, with a result and a log of some lines."""
    at = at_second(entry.until)
    return Job(
        id=entry.id,
        schedule_id=entry.schedule_id,
        schedule_name="bench",
        project_id=entry.project_id,
        task_type=entry.task_type,
        status=entry.status,
        due_at=at,
        attempt=1,
        started_at=at,
        first_started_at=at,
        finished_at=at + timedelta(seconds=entry.seconds or 0),
        worker="bench",
        result={"rows": 1},
        log="worked\n" * 20,
    )
