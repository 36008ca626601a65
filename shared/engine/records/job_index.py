"""All jobs, as lists and statistics show them: from the index, and from what is not in it yet.

A job is always found in one of three places, between which it moves in this order: a note names it
(`handed`), the feed has it (`job_feed`), a chunk has it. It is written to the next before it leaves
the one before. So whoever reads notes, feed and directory in this order misses no job. One that is
found twice counts once.

If there is no index (it is not built yet, or it was dropped), the rows of all jobs are read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from typing import TypeVar

from shared.archive.jobs import EndedJobs
from shared.engine.records.job_totals import JobTotals
from shared.errors import Damaged, Unavailable
from shared.jobs import counting
from shared.jobs.counting import Counts
from shared.jobs.directory import Directory
from shared.jobs.entry import Entry, Filter, Key, at_second, epoch
from shared.jobs.paging import Found, Jobs
from shared.jobs.totals import Totals
from shared.schedules.job import ENDED, RAN, Job, Status, parse_id
from shared.schedules.record import of_live
from shared.storage.blobs.job_chunks import JobChunks
from shared.storage.tables.handed import HandedOut
from shared.storage.tables.job_feed import JobFeed
from shared.storage.tables.job_rows import JobRows
from shared.storage.tables.schedules import ScheduleTable

T = TypeVar("T")
_TRIES = 5
_CHECKED = 10_000


NAMED = 50
"""The most jobs that a check names."""


@dataclass(frozen=True, slots=True)
class JobsChecked:
    """How the index compares with the rows of the jobs that have ended."""

    jobs: int
    """Rows that were compared."""
    wrong: Sequence[str]
    """Jobs that are not in the index, or are there with another end."""

    @property
    def good(self) -> bool:
        return not self.wrong

    def result(self) -> Mapping[str, object]:
        """For whoever asked."""
        named = list(self.wrong[:NAMED])
        return {"jobs": self.jobs, "repaired": len(self.wrong), "named": named}


@dataclass(frozen=True, slots=True)
class JobPage:
    """Some of the jobs that fit a filter."""

    jobs: Sequence[Job]
    total: int
    """How many jobs fit the filter, on all pages."""
    following: Key | None
    """The place of the last of these jobs in the order, if any come after it."""


class JobIndex:
    """The index, bound to its stores. Every method raises `Unavailable` or `Refused` if storage
    fails."""

    def __init__(
        self,
        table: ScheduleTable,
        ended: EndedJobs,
        handed: HandedOut,
        feed: JobFeed,
        rows: JobRows,
        chunks: JobChunks,
    ) -> None:
        self._table = table
        self._ended = ended
        self._handed = handed
        self._feed = feed
        self._rows = rows
        self._chunks = chunks
        self._totals = JobTotals(feed, chunks)

    def page(self, wanted: Filter, skip: int, size: int) -> JobPage:
        """`size` jobs that fit, latest due first, after the first `skip` of them."""
        return self._shown(lambda jobs: jobs.page(wanted, skip, size))

    def after(self, wanted: Filter, key: Key | None, size: int) -> JobPage:
        """`size` jobs that fit, latest due first, after the place `key`."""
        return self._shown(lambda jobs: jobs.after(wanted, key, size))

    def counts(self, wanted: Filter) -> Counts:
        """All ended jobs of the wanted projects, tasks and status, added up."""
        return self._read(lambda jobs, _: counting.counted(jobs, wanted))

    def days(self, wanted: Filter, first: date, last: date) -> Mapping[date, Counts]:
        """The same for each day."""
        return self._read(lambda jobs, _: counting.by_day(jobs, wanted, first, last))

    def totals(self, shown: int) -> tuple[Totals, int]:
        """(the counts that only grow, how many jobs the feed holds).

        A job counts once it is in the feed: a tick after its end. Without an index the last totals
        that were kept count, and the feed, so that no count falls; if there are none, the rows of
        all jobs.
        """
        made, feed = self._totals.standing()
        if made is None:
            made = Totals().plus(self._rows.entries()).anew(None, shown)
        return made, feed

    def ended_since(self, instants: Sequence[datetime]) -> list[Mapping[Status, int]]:
        """For each instant: how many jobs that were due since then have succeeded and failed. A job
        counts as in `totals`; without an index, those of the one before count.

        Raises `Unavailable` also if the index's blobs are lost, until it is built anew.
        """
        for _ in range(_TRIES):
            with suppress(Damaged):
                feed = self._feed.read()
                directory = self._chunks.directory(feed.last) if feed.last else Directory()
                tail = {entry.id: entry for entry in feed.entries(directory.packed)}
                jobs = Jobs(directory, tail, self._chunks.chunk)
                return [
                    {one: jobs.count(Filter(status=one, since=epoch(at))) for one in RAN}
                    for at in instants
                ]
        raise Unavailable("the index of jobs", "its blobs cannot be read; it is built anew")

    def check(self, check: Callable[[], None]) -> JobsChecked:
        """Compare the index with all rows of jobs; `check` is called now and then. Jobs that end
        meanwhile do no harm: what has a row is in the index by then."""
        rows: dict[str, Status] = {}
        for number, entry in enumerate(self._rows.entries()):
            if number % _CHECKED == 0:
                check()
            rows[entry.id] = entry.status
        found = self._statuses(check)
        wrong = sorted(job_id for job_id, status in rows.items() if found.get(job_id) != status)
        return JobsChecked(len(rows), wrong)

    def _statuses(self, check: Callable[[], None]) -> Mapping[str, Status]:
        """How each job of the index ended, by id; none, if its blobs are lost."""
        for _ in range(_TRIES):
            with suppress(Damaged):
                jobs, _live = self._indexed()
                found = {entry.id: entry.status for entry in jobs.tail.values()}
                for section in jobs.directory.sections:
                    check()
                    found |= {entry.id: entry.status for entry in jobs.read(section.name)}
                return found
        return {}

    def _shown(self, find: Callable[[Jobs], Found]) -> JobPage:
        found, live = self._read(lambda jobs, live: (find(jobs), live))
        ended = [entry.id for entry in found.entries if entry.status in ENDED]
        rows = dict(self._table.listed(ended))
        rows |= self._ended.archived(one for one in ended if one not in rows)
        shown = [
            (rows.get(entry.id) or _bare(entry)) if entry.status in ENDED else live[entry.id]
            for entry in found.entries
        ]
        last = found.entries[-1].key if found.more else None
        return JobPage(shown, found.total, last)

    def _read(self, use: Callable[[Jobs, Mapping[str, Job]], T]) -> T:
        """What `use` returns, of all jobs and those of them that have not ended.

        A chunk may be gone because it was packed anew meanwhile; then all is read again. If blobs
        are lost, the rows are read, until the index is built anew.
        """
        for _ in range(_TRIES):
            with suppress(Damaged):
                return use(*self._indexed())
        return use(*self._from_rows())

    def _indexed(self) -> tuple[Jobs, Mapping[str, Job]]:
        live, ended = self._unfiled()
        feed = self._feed.read()
        if feed.directory is None:
            return self._from_rows()
        directory = self._chunks.directory(feed.directory)
        tail = {job.id: Entry.of(job) for job in (*live.values(), *ended.values())}
        tail |= {
            entry.id: entry
            for row in feed.rows
            if row.key not in directory.packed
            for entry in row.entries
        }
        return Jobs(directory, tail, self._chunks.chunk), live

    def _from_rows(self) -> tuple[Jobs, Mapping[str, Job]]:
        live, _ = self._unfiled()
        jobs = {job.id: Entry.of(job) for job in live.values()}
        jobs |= {entry.id: entry for entry in self._rows.entries()}
        return Jobs(Directory(), jobs, self._chunks.chunk), live

    def _unfiled(self) -> tuple[Mapping[str, Job], Mapping[str, Job]]:
        """The jobs that notes name: (those that have not ended, those that have), by id.

        A job's row is read after that of its schedule, so that it is found if it ends in between.
        If a note cannot be read, all schedules are.
        """
        notes = self._handed.all()
        named = {job_id for note in notes for job_id in note.ids or ()}
        if any(note.ids is None for note in notes):
            schedules = {one.id: one for one in self._table.schedules() if one.progress.live}
        else:
            schedules = self._table.many({parse_id(job_id)[0] for job_id in named})
        jobs = [(one, job) for one in schedules.values() for job in one.progress.live]
        waiting = {job.id for _, job in jobs if not job.begun}
        begun = {job.id for _, job in jobs if job.begun}
        ended = self._table.ended((named | begun) - waiting)
        live = {job.id: of_live(one, job) for one, job in jobs if job.id not in ended}
        return live, ended


def _bare(entry: Entry) -> Job:
    """What is known of a job whose row is gone."""
    due_at = parse_id(entry.id)[1]
    return Job(
        id=entry.id,
        schedule_id=entry.schedule_id,
        schedule_name="",
        project_id=entry.project_id,
        task_type=entry.task_type,
        status=entry.status,
        due_at=due_at,
        count=entry.count,
        last_due_at=at_second(entry.until) if entry.count > 1 else None,
    )
