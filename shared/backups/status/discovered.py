"""Which databases the newest complete run of a plan found, for plans that mean all of a server.

A database that it did not find is gone, so it counts as gone and not as late. What a run took is in
its job's result, which outlives every process; only a run that succeeded took all databases.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice

from shared.backups import record
from shared.backups.params import ALL, BackupPlan
from shared.backups.postgres.contents import Scope
from shared.backups.store.entries import Backup
from shared.errors import NotFound
from shared.schedules.job import ENDED, Job, Status

_KNOWN = 500
"""Ended jobs that are cached, so that each is read only once; nothing depends on it."""
_READ = 100
"""Jobs of a source that are looked at. If none of so many succeeded, nothing can be said."""


@dataclass(frozen=True, slots=True)
class Run:
    """A run that succeeded."""

    job_id: str
    at: datetime
    """When it began."""
    found: frozenset[tuple[str, str]]
    """(source, database)."""

    def lacks(self, source: str, database: str, row: Collection[Backup]) -> bool:
        """Whether it did not find the database, and all of these backups are older than the run."""
        return (
            bool(row)
            and (source, database) not in self.found
            and all(
                one.summary.started_at < self.at and one.summary.job_id != self.job_id
                for one in row
            )
        )


class Runs:
    """The runs of plans, as far as their jobs still exist."""

    def __init__(self, job: Callable[[str], Job]) -> None:
        """`job` gives a job by its id; it may raise `NotFound`."""
        self._job = job
        self._known: dict[str, Job | None] = {}

    def newest(
        self, plan: BackupPlan, source: str, rows: Collection[Collection[Backup]], now: datetime
    ) -> Run | None:
        """The newest run of a plan that succeeded and took anything of the source (one that took
        nothing says nothing about it). `rows`: the backups of each of the plan's databases. No job
        is read if the last backups of all the source's databases are of the same job."""
        if plan.databases != ALL:
            return None
        # A backup that a wrong clock dated in the future would be the newest for years.
        past = [
            [one for one in row if one.summary.source == source and one.summary.started_at <= now]
            for row in rows
        ]
        lasts = [max(row, key=_started) for row in past if row]
        if len({one.summary.job_id for one in lasts}) < 2:
            return None
        oldest = min(map(_started, lasts))
        newer = (one for row in past for one in row if _started(one) > oldest)
        jobs = {one.summary.job_id: None for one in sorted(newer, key=_started, reverse=True)}
        for job_id in islice(jobs, _READ):
            job = self._succeeded(job_id)
            run = _run(job, plan) if job is not None else None
            if run is not None:
                return run
        return None

    def _succeeded(self, job_id: str) -> Job | None:
        """The job, if it succeeded. An ended job does not change, so it is cached."""
        with suppress(KeyError):  # not cached, or dropped by another thread
            return self._known[job_id]
        try:
            job = self._job(job_id)
        except NotFound:  # its history was lost, so it says nothing
            self._known[job_id] = None
            return None
        if job.status not in ENDED:
            return None
        kept = replace(job, log="") if job.status is Status.SUCCEEDED else None
        self._known[job_id] = kept
        for one in list(self._known)[:-_KNOWN]:
            self._known.pop(one, None)
        return kept


def _started(one: Backup) -> datetime:
    return one.summary.started_at


def _run(job: Job, plan: BackupPlan) -> Run | None:
    """The run of a job; None if that does not show everything: the plan was different then, or the
    job's row is garbled, or there were too many databases to record."""
    try:
        then = type(plan).model_validate(dict(job.parameters))
        if then.databases != ALL or _scope(then) != _scope(plan):
            return None
        found = record.from_json(job.result or {})
    except (TypeError, ValueError):
        return None
    return Run(job.id, job.started_at or job.due_at, found)


def _scope(plan: BackupPlan) -> str:
    return str(Scope(plan.schemas, plan.exclude_schemas))
