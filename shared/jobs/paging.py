"""A page of the jobs that fit a filter, latest due first: from a directory, few chunks, the tail.

The *tail* is what is not packed into chunks: jobs that wait, run, or ended lately. A chunk is read
only where its counts do not say how many of its jobs are wanted, where the page lies, or where jobs
of the tail belong, which may be in the chunk too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from shared.jobs.chunk import Chunk, ordered
from shared.jobs.directory import Directory, Section
from shared.jobs.entry import Entry, Filter, Key
from shared.jobs.packing import placed

Read = Callable[[str], Chunk]
"""Reads the chunk of that name."""


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
    """By id. If a job is in a chunk as well, the chunk's entry is the same, or older."""
    read: Read

    def page(self, wanted: Filter, skip: int, size: int) -> Found:
        """`size` jobs, after the first `skip` that fit."""
        return self._found(wanted, skip, size, None)

    def after(self, wanted: Filter, key: Key | None, size: int) -> Found:
        """`size` jobs that come after the place `key` (None: from the beginning)."""
        return self._found(wanted, 0, size, key)

    def _found(self, wanted: Filter, skip: int, size: int, below: Key | None) -> Found:
        taken: list[Entry] = []
        total = passed = 0
        for part in self._parts(wanted):
            count = part.count
            total += count
            if len(taken) > size or not count:
                continue
            if below is None and passed + count <= skip:
                passed += count
                continue
            entries = part.entries()
            if below is not None:
                entries = [entry for entry in entries if entry.key < below]
            else:
                entries = entries[max(0, skip - passed) :]
                passed += count
            taken += entries[: size + 1 - len(taken)]
        return Found(taken[:size], total, len(taken) > size)

    def _parts(self, wanted: Filter) -> Iterator[_Part]:
        """The parts of the order, latest first."""
        tail = placed(self.directory, self.tail.values())
        for number in reversed(range(max(1, len(self.directory.sections)))):
            sections = self.directory.sections[number : number + 1]
            yield _part(sections, tail.get(number, ()), wanted, self.read)


@dataclass(frozen=True, slots=True)
class _Part:
    """The jobs of one section, and of the tail within its span, that fit the filter."""

    count: int
    entries: Callable[[], list[Entry]]
    """These, latest first."""


def _part(sections: Sequence[Section], tail: Sequence[Entry], wanted: Filter, read: Read) -> _Part:
    if not sections:
        return _listed([entry for entry in tail if wanted.fits(entry)])
    section = sections[0]
    if tail:
        return _listed(_together(section, tail, wanted, read))
    if section.apart(wanted):
        return _listed([])
    if section.covered(wanted):
        count = sum(n for kind, n in section.counts.items() if wanted.fits_group(*kind))
        return _Part(count, lambda: _of(read(section.name), wanted)[::-1])
    chunk = read(section.name)
    return _Part(len(chunk.fitting(wanted)), lambda: _of(chunk, wanted)[::-1])


def _listed(entries: Sequence[Entry]) -> _Part:
    latest_first = ordered(entries)[::-1]
    return _Part(len(latest_first), lambda: latest_first)


def _together(
    section: Section, tail: Sequence[Entry], wanted: Filter, read: Read
) -> Sequence[Entry]:
    chunk = None if section.apart(wanted) else read(section.name)
    packed = [] if chunk is None else _of(chunk, wanted)
    known = {entry.id for entry in tail}
    return [
        *(entry for entry in packed if entry.id not in known),
        *(entry for entry in tail if wanted.fits(entry)),
    ]


def _of(chunk: Chunk, wanted: Filter) -> list[Entry]:
    return [chunk.entry(at) for at in chunk.fitting(wanted)]
