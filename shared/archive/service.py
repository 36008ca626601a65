"""The archive's only entry point for the task `job_archive` and the command `archive`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from shared.archive.catalog import Catalog
from shared.archive.checking import Checker, Finding
from shared.archive.files import Files
from shared.archive.gathering import Gathered, together
from shared.archive.going import border_of
from shared.archive.leaving import Leaving
from shared.archive.parts import Part
from shared.archive.writing import Writer
from shared.errors import Damaged, Skipped
from shared.storage.blobs.container import Container
from shared.storage.tables.table import Table
from shared.tasks import JobContext

_LONGEST = 2700.0
"""Seconds after which a run begins no further day; the next one goes on."""


@dataclass(slots=True)
class _Done:
    until: float
    """By the clock for durations."""
    counts: Counter[str] = field(default_factory=Counter)
    complete: bool = True

    def may_go_on(self, job: JobContext) -> bool:
        """Whether there is time for a further day."""
        job.check()
        self.complete = self.complete and job.clock.monotonic() <= self.until
        return self.complete

    def result(self, border: datetime) -> Mapping[str, object]:
        names = ("archived", "removed", "held", "days")
        return {
            "border": border.isoformat(),
            **{name: self.counts[name] for name in names},
            "complete": self.complete,
        }


class JobArchive:
    """The archive, bound to its stores."""

    def __init__(
        self,
        *,
        table: Table,
        shards: Sequence[str],
        container: Callable[[str], Container],
        name: str,
        files: Files,
        retention: timedelta | None,
    ) -> None:
        """`container` opens a container by its name; `name` is that into which this app writes.
        `retention`: None keeps jobs in the table for good."""
        self._shards = shards
        self._retention = retention
        self._leaving = Leaving(table)
        catalog = Catalog(table)
        self._catalog = catalog
        self._writer = Writer(table, container(name), name, catalog, files)
        self._checker = Checker(catalog, container, name, self._writer)

    def archive(self, job: JobContext) -> Mapping[str, object]:
        """Move what is old into files (`port.ArchiveService`). Raises `Damaged` in the end, if a
        file is not as it was written; what needs that file is left as it is."""
        if self._retention is None:
            raise Skipped("JOB_RETENTION_DAYS is 0, so jobs stay in the table")
        border = border_of(job.due_at, self._retention)
        if not job.dry_run:
            self._writer.prepare(job.check)
        done = _Done(job.clock.monotonic() + _LONGEST)
        for number, shard in enumerate(self._shards):
            self._shard(shard, border, job, done)
            job.progress(number + 1, len(self._shards))
        job.log("archived jobs", border=border, **done.counts)
        if not job.dry_run and (wrong := self._writer.damaged):
            raise Damaged(f"{len(wrong)} files of the archive are damaged; the first: {wrong[0]}")
        return done.result(border)

    def findings(self, check: Callable[[], None]) -> Iterator[Finding]:
        """Check every file (`checking`)."""
        return self._checker.findings(check)

    def parts(self) -> list[Part]:
        """Every file that the catalog names."""
        return self._catalog.parts()

    def _shard(self, shard: str, border: datetime, job: JobContext, done: _Done) -> None:
        old = self._leaving.old(shard, border, job.check)
        done.counts["held"] += len(old.held)
        if job.dry_run:
            going = old.days.total()
            done.counts.update(days=len(old.days), archived=going, removed=going)
            return
        left = sorted(old.days)
        while left and done.may_go_on(job):
            some = together(left, old.days)
            with Gathered() as gathered:
                if len(some) > 1:
                    rows = self._leaving.of_days(shard, some[0], some[-1], border)
                    gathered.read(some, rows, job.check)
                for day in gathered.days or some[:1]:
                    if not done.may_go_on(job):
                        return
                    self._day(shard, day, border, old.held, gathered, job, done)
                    left.remove(day)

    def _day(
        self,
        shard: str,
        day: date,
        border: datetime,
        held: set[str],
        gathered: Gathered,
        job: JobContext,
        done: _Done,
    ) -> None:
        def rows() -> Iterator[dict[str, Any]]:
            if day in gathered.days:
                return gathered.of_day(day)
            return self._leaving.of_days(shard, day, day, border)

        done.counts["days"] += 1
        try:
            moved = self._writer.move(shard, day, rows, held, job.check)
        except Damaged as error:  # the other days are not held back
            self._writer.tell_damaged(str(error))
            return
        done.counts["archived"] += moved.archived
        done.counts["removed"] += moved.removed
