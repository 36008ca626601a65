"""What ran in a span of time: its metrics as a series (P8), and what it cost (P11).

A request reads what is in its span, and no more than `MOST` jobs: beyond, it says how to ask for
less. Only sums are held in memory, and a duration for each job.
"""

from __future__ import annotations

import threading
from collections.abc import Collection
from datetime import datetime
from itertools import islice

from shared.errors import Invalid
from shared.schedules.costs import By, Costs, Used
from shared.schedules.series import Bucket, Ran, Series
from shared.schedules.spent import Spent
from shared.storage.tables import history
from shared.storage.tables.history import Past
from shared.tasks import Registry, Task

MOST = 100_000
"""The most jobs, and the most messages, that one request reads."""
MOST_SCHEDULES = 10_000
"""The most schedules that it asks for their jobs: each takes a request to storage."""
MOST_ITEMS = 1_000
"""The most items of a series."""


class History:
    """What ran, read from storage."""

    def __init__(self, jobs: history.History, registry: Registry) -> None:
        self._jobs = jobs
        self._registry = registry

    def series(
        self,
        task: Task,
        since: datetime,
        until: datetime,
        bucket: Bucket,
        projects: frozenset[int] | None = None,
    ) -> Series:
        """The task's jobs that were due from `since` on and before `until`, of all its schedules;
        with `projects`, of theirs alone. Raises `Invalid` naming `to` or `bucket`, if there are too
        many."""
        made, lock = Series(bucket), threading.Lock()

        def see(ran: Ran) -> None:
            with lock:
                made.add(ran)
                room.take()
                if len(made) > MOST_ITEMS:
                    raise Invalid("bucket", _too_fine(bucket))

        room = Room()
        past = self._schedules(since, {task.name, *task.aliases}, projects)
        self._jobs.runs(past, since, until, see)
        return made

    def costs(self, since: datetime, until: datetime, by: By) -> Costs:
        """What the jobs used that were due in that span. Raises `Invalid` naming `to`, if there are
        too many."""
        made, lock = Costs(by), threading.Lock()

        def see(past: Past, due_at: datetime, spent: Spent) -> None:
            with lock:
                made.count_job(Used(task=self._task(past), due_at=due_at, spent=spent))
                room.take()

        room = Room()
        self._jobs.spent(self._schedules(since, None), since, until, see)
        return made

    def _schedules(
        self,
        since: datetime,
        task_types: Collection[str] | None,
        projects: frozenset[int] | None = None,
    ) -> list[Past]:
        past = self._jobs.schedules(since, task_types)
        theirs = (one for one in past if projects is None or one.project_id in projects)
        found = list(islice(theirs, MOST_SCHEDULES + 1))
        if len(found) > MOST_SCHEDULES:
            text = f"more than {MOST_SCHEDULES:,} schedules ran since then; that is too many to ask"
            raise Invalid("from", text)
        return found

    def _task(self, past: Past) -> str:
        """The present name of the schedule's task."""
        found = self._registry.find(past.task_type)
        return past.task_type if found is None else found.name


class Room:
    """Room for `MOST` of what one request reads."""

    def __init__(self, what: str = "jobs") -> None:
        self._what = what
        self._left = MOST

    def take(self) -> None:
        """Take the room for one. Raises `Invalid` naming `to`, if there is none."""
        self._left -= 1
        if self._left < 0:
            text = f"more than {MOST:,} {self._what} are in that span; ask for a shorter one"
            raise Invalid("to", text)


def _too_fine(bucket: Bucket) -> str:
    coarser = {Bucket.RUN: "hour or day", Bucket.HOUR: "day"}.get(bucket)
    what = f"more than {MOST_ITEMS:,} items would be in the answer"
    return f"{what}; use {coarser}" if coarser else f"{what}; ask for a shorter span"
