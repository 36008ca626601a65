"""The counts of jobs as they stand: those of the chunks, and of the feed, which is not packed yet.

So they are the same before and after jobs are packed, the index is built anew, or it is dropped.
"""

from __future__ import annotations

from contextlib import suppress

from shared.errors import Damaged
from shared.jobs.chunk import ordered
from shared.jobs.directory import Directory
from shared.jobs.entry import Entry
from shared.jobs.packing import placed
from shared.jobs.totals import Totals
from shared.storage.blobs.job_chunks import JobChunks
from shared.storage.tables.job_feed import Feed, JobFeed

_TRIES = 5


class JobTotals:
    """The counts, bound to their stores. What was added up is kept until something changes."""

    def __init__(self, feed: JobFeed, chunks: JobChunks) -> None:
        self._feed = feed
        self._chunks = chunks
        self._known: tuple[object, Totals] | None = None

    def standing(self) -> tuple[Totals | None, int]:
        """(the counts, None if nothing was ever counted; how many jobs the feed holds). Raises
        `Unavailable` or `Refused`.

        If blobs of the index are lost, nobody knows which jobs of the feed are in the chunks too.
        Then the newest counts that are left go on, and such a job counts twice: no count falls.
        """
        for _ in range(_TRIES):  # a chunk may be gone because it was packed anew meanwhile
            feed = self._feed.read()
            with suppress(Damaged):
                return self._added_up(feed), len(feed.entries())
        return self._newest(feed), len(feed.entries())

    def _added_up(self, feed: Feed) -> Totals | None:
        state = (feed.last, *(row.key for row in feed.rows))
        known = self._known
        if known is not None and known[0] == state:
            return known[1]
        directory = self._chunks.directory(feed.last) if feed.last is not None else Directory()
        if not directory.totals:
            return self._newest(feed)
        counted = self._chunks.totals(directory.totals)
        made = counted.plus(self._unpacked(feed, directory))
        self._known = state, made
        return made

    def _newest(self, feed: Feed) -> Totals | None:
        newest = self._chunks.newest_totals()
        return None if newest is None else newest.plus(ordered(feed.entries()))

    def _unpacked(self, feed: Feed, directory: Directory) -> list[Entry]:
        """The jobs of the feed that are in no chunk, each once."""
        found: list[Entry] = []
        for number, some in placed(directory, feed.entries(directory.packed)).items():
            sections = directory.sections[number : number + 1]
            chunks = [self._chunks.chunk(one.name) for one in sections]
            found += chunks[0].lacks(ordered(some)) if chunks else ordered(some)
        return found
