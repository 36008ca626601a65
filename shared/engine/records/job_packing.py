"""Keeps the index of jobs: packs the feed into chunks, and builds it anew from the jobs' rows.

1. New chunks and totals are written, beside those that they replace.
2. A new directory is written, which names them, and the rows of the feed that are in them.
3. The row `jobs.index` is made to name it, unless somebody else was faster: only now it counts.
4. The rows of the feed, and the blobs that were replaced, are removed.

Killed before 3, it leaves blobs that nothing names, which a later run removes. Killed after 3, it
leaves rows that the directory says are packed: readers pass over them, and the next run removes
them. Two at once: one of them changes nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice

from shared.clock import Clock
from shared.engine.records.job_totals import JobTotals
from shared.engine.records.sorting import sorting
from shared.errors import Damaged
from shared.jobs.chunk import encode
from shared.jobs.directory import Directory, Section
from shared.jobs.entry import Entry
from shared.jobs.packing import MOST, merged, new, placed
from shared.jobs.totals import Totals
from shared.log import Event, event
from shared.schedules.job import RAN
from shared.storage.blobs.job_chunks import JobChunks
from shared.storage.tables.job_feed import JobFeed, Pointer
from shared.storage.tables.job_rows import JobRows

_ALONE = timedelta(hours=1)
"""What is younger may belong to another run that is at work."""

_logger = logging.getLogger("belfry.ledger")


@dataclass(frozen=True, kw_only=True, slots=True)
class Packed:
    """What a run did."""

    jobs: int
    """Jobs that were packed."""
    chunks: int
    """Chunks that were written."""
    rebuilt: bool = False
    won: bool = True
    """Whether it counts: no other run was faster."""

    def result(self) -> Mapping[str, object]:
        """The counts, as a task's result."""
        return {"jobs": self.jobs, "chunks": self.chunks, "rebuilt": self.rebuilt, "won": self.won}


class JobPacking:
    """The packing, bound to its stores. Every method raises `Unavailable` or `Refused` if storage
    fails, and what `check` raises, which is called now and then."""

    def __init__(
        self,
        feed: JobFeed,
        rows: JobRows,
        chunks: JobChunks,
        clock: Clock,
        shown: int,
        *,
        ended: Callable[[Iterable[str]], object],
        follow: Callable[[Sequence[Entry], Callable[[], None]], object],
    ) -> None:
        """`shown`: how many schedules have metrics of their own (`jobs.totals`). `ended` is told of
        which schedules jobs ended, before the feed forgets it; twice, if a run is killed. So is
        `follow`, of the jobs themselves; it calls the check now and then."""
        self._shown = shown
        self._feed = feed
        self._totals = JobTotals(feed, chunks)
        self._rows = rows
        self._chunks = chunks
        self._clock = clock
        self._ended = ended
        self._follow = follow

    def pack(self, check: Callable[[], None]) -> Packed:
        """Pack the feed. If there is no index, or its blobs are lost, it is built."""
        pointer = self._feed.pointer()
        if pointer.directory is None:
            return self.rebuild(check)
        try:
            before = self._chunks.directory(pointer.directory)
            if before.outdated:
                return self.rebuild(check)
            made = self._packed(pointer, before, check)
        except Damaged as error:
            event(_logger, Event.JOB_INDEX_BROKEN, level=logging.ERROR, error=str(error))
            return self.rebuild(check)
        return made

    def rebuild(self, check: Callable[[], None]) -> Packed:
        """Build the index anew from the rows of all jobs; one that is there holds until then."""
        self._chunks.create()
        pointer = self._feed.pointer()
        feed = self._feed.read()  # before the rows, which have all its jobs
        self._tell(feed.entries(), check)
        floor = self._totals.standing()[0]
        sections, counted = self._built(check)
        totals = self._chunks.keep_totals(counted.anew(floor, self._shown))
        filed = [row.key for row in feed.rows]
        won = self._point(pointer, Directory.of(sections, filed, totals))
        if won:
            self._feed.remove(filed)
        self._clear(check)
        jobs = sum(sum(one.counts.values()) for one in sections)
        made = Packed(jobs=jobs, chunks=len(sections), rebuilt=True, won=won)
        event(_logger, Event.JOB_INDEX_REBUILT, jobs=made.jobs, chunks=made.chunks)
        return made

    def _built(self, check: Callable[[], None]) -> tuple[list[Section], Totals]:
        """Chunks of all jobs, and their counts; only some thousand are in memory at once."""
        sections, counted = list[Section](), Totals()
        with sorting() as entries:
            for number, entry in enumerate(self._rows.unsorted()):
                if number % MOST == 0:
                    check()
                entries.add(entry)
            for some in _parts(entries.in_order(), MOST):
                check()
                sections.append(self._section(some))
                counted = counted.plus(some)
        return sections, counted

    def _packed(self, pointer: Pointer, before: Directory, check: Callable[[], None]) -> Packed:
        filed = self._feed.read().rows
        # left by a run that was killed:
        self._feed.remove([row.key for row in filed if row.key in before.packed])
        rows = [row for row in filed if row.key not in before.packed]
        if not rows:
            self._clear(check)
            return Packed(jobs=0, chunks=0)
        entries = [entry for row in rows for entry in row.entries]
        self._tell(entries, check)
        changed: dict[int, list[Section]] = {}
        fresh: list[Entry] = []
        for number, more in placed(before, entries).items():
            check()
            there = self._there(before, number)
            fresh += new(there, more)
            newest = number >= len(before.sections) - 1
            changed[number] = [self._section(some) for some in merged(there, more, newest=newest)]
        counted = self._chunks.totals(before.totals).plus(fresh).choosing(self._shown)
        totals = self._chunks.keep_totals(counted)
        kept = (one for at, one in enumerate(before.sections) if at not in changed)
        made = [one for sections in changed.values() for one in sections]
        after = Directory.of([*kept, *made], (row.key for row in rows), totals)
        won = self._point(pointer, after)
        if won:
            self._feed.remove([row.key for row in rows])
            for number in changed:
                for section in before.sections[number : number + 1]:
                    self._chunks.remove(section.name)
            self._chunks.remove(pointer.directory or "")
            self._chunks.remove(before.totals)
            self._clear(check)
        return Packed(jobs=len(entries), chunks=len(made), won=won)

    def _tell(self, entries: Sequence[Entry], check: Callable[[], None]) -> None:
        own = (entry for entry in entries if not entry.backfilled)
        self._ended(entry.schedule_id for entry in own if entry.status in RAN)
        self._follow(entries, check)

    def _there(self, before: Directory, number: int) -> list[Entry]:
        """The entries of the section of that number; none if the directory is empty."""
        sections = before.sections[number : number + 1]
        return [entry for section in sections for entry in self._chunks.chunk(section.name)]

    def _section(self, entries: list[Entry]) -> Section:
        return Section.of(self._chunks.keep_chunk(encode(entries)), entries)

    def _point(self, before: Pointer, directory: Directory) -> bool:
        return self._feed.point(before, self._chunks.keep_directory(directory.encode()))

    def _clear(self, check: Callable[[], None]) -> None:
        """Remove what killed runs left: blobs that the directory does not name. Raises `Damaged` if
        one that it names is gone."""
        pointer = self._feed.pointer()
        if pointer.directory is None:
            return
        held = self._chunks.directory(pointer.directory)
        named = {pointer.directory, held.totals, *(section.name for section in held.sections)} - {
            ""
        }
        there = self._chunks.written(check)
        gone = named - there.keys()
        if gone and self._feed.pointer() == pointer:  # else another run packed meanwhile
            raise Damaged(f"{min(gone)} of the index of jobs is gone")
        before = self._clock.now() - _ALONE
        for name, at in there.items():
            if name not in named and at is not None and at < before:
                check()
                self._chunks.remove(name)


def _parts(entries: Iterator[Entry], most: int) -> Iterator[list[Entry]]:
    """The entries in lists of at most `most`."""
    while some := list(islice(entries, most)):
        yield some
