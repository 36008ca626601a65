"""A page of the jobs that fit a filter, latest due first: from a directory, few chunks, the tail.

The *tail* is what is not packed into chunks: jobs that wait, run, or ended lately. A chunk is read
only where its counts do not say how many of its jobs are wanted, where the page lies, or where jobs
of the tail belong, which may be in the chunk too.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice

from shared.jobs.chunk import EMPTY, Chunk, ordered
from shared.jobs.directory import Directory, Section
from shared.jobs.entry import Entry, Filter, Key
from shared.jobs.packing import placed

Read = Callable[[str], Chunk]
"""Reads the chunk of that name."""
_NOWHERE: Key = (1 << 62, "")
"""Behind every job."""


@dataclass(frozen=True, slots=True)
class Found:
    """A page."""

    entries: Sequence[Entry]
    total: int
    """How many jobs fit the filter, on all pages."""
    more: bool
    """Whether any fit that come after these."""


@dataclass(frozen=True, slots=True)
class Jobs:
    """All jobs there are, at one instant."""

    directory: Directory
    tail: Mapping[str, Entry]
    """By id. If a job is in a chunk as well, its entry there is the same."""
    read: Read

    def page(self, wanted: Filter, skip: int, size: int) -> Found:
        """`size` jobs, after the first `skip` that fit."""
        return self._found(wanted, skip, size, None)

    def after(self, wanted: Filter, key: Key | None, size: int) -> Found:
        """`size` jobs that come after the place `key` (None: from the beginning)."""
        return self._found(wanted, 0, size, key)

    def count(self, wanted: Filter) -> int:
        """How many jobs fit."""
        return sum(part.count for part in self._parts(wanted))

    def _found(self, wanted: Filter, skip: int, size: int, below: Key | None) -> Found:
        taken: list[Entry] = []
        total = 0
        for part in self._parts(wanted):
            total += part.count
            behind = below is not None and part.lowest >= below
            if len(taken) > size or not part.count or behind:
                continue
            if skip >= part.count:
                skip -= part.count
                continue
            taken += islice(part.entries(skip, below), size + 1 - len(taken))
            skip = 0
        return Found(taken[:size], total, len(taken) > size)

    def _parts(self, wanted: Filter) -> Iterator[_Part]:
        """The parts of the order, latest first: each a section, and the tail within its span."""
        tail = placed(self.directory, self.tail.values())
        sections = self.directory.sections
        if not sections:
            yield _part(_NOWHERE, 0, _empty, self.tail.values(), wanted)
        for number in reversed(range(len(sections))):
            section = sections[number]
            read = partial(self.read, section.name)
            if number in tail:
                chunk = read()
                fresh = [entry for entry in tail[number] if not chunk.holds(entry)]
                yield _part(section.first, _count(section, wanted, read), read, fresh, wanted)
            else:
                yield _part(section.first, _count(section, wanted, read), read, (), wanted)


@dataclass(frozen=True, slots=True)
class _Part:
    """The jobs of one section, and of the tail within its span, that fit the filter."""

    count: int
    lowest: Key
    """No job of it comes later in the list than this place."""
    entries: Callable[[int, Key | None], Iterator[Entry]]
    """(how many to pass over, a place) -> those that come after that place, latest first."""


def _count(section: Section, wanted: Filter, read: Callable[[], Chunk]) -> int:
    """How many jobs of a section are wanted."""
    if section.apart(wanted):
        return 0
    if section.covered(wanted):
        return sum(n for kind, n in section.counts.items() if wanted.fits_group(*kind))
    return len(read().fitting(wanted))


def _part(
    first: Key, count: int, read: Callable[[], Chunk], tail: Iterable[Entry], wanted: Filter
) -> _Part:
    among = [entry for entry in tail if wanted.fits(entry)]

    def entries(skip: int, below: Key | None) -> Iterator[Entry]:
        chunk = read()
        packed = chunk.fitting(wanted) if count else ()
        return _merged(chunk, packed, ordered(among)[::-1], skip, below)

    lowest = min([first, *(entry.key for entry in among)])
    return _Part(count + len(among), lowest, entries)


def _merged(
    chunk: Chunk, packed: Sequence[int], tail: Sequence[Entry], skip: int, below: Key | None
) -> Iterator[Entry]:
    """Entries of a chunk, by their positions in order, and of the tail, latest first: all latest
    first. What is passed over is not even made."""
    end = len(packed)
    if below is not None:
        end = bisect_left(packed, below, key=chunk.key)
        tail = [entry for entry in tail if entry.key < below]
    for later in (*tail, None):
        start = 0 if later is None else bisect_left(packed, later.key, 0, end, key=chunk.key)
        passed = min(skip, end - start)
        skip -= passed
        yield from map(chunk.entry, reversed(packed[start : end - passed]))
        end = start
        if later is not None and skip:
            skip -= 1
        elif later is not None:
            yield later


def _empty() -> Chunk:
    return EMPTY
