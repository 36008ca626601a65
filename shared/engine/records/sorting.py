"""Puts the entries of all jobs into the order of the index, in bounded memory: a merge sort.

Some thousand entries at a time are sorted and written to a temporary file, as a *run* of blocks.
Then all runs are read at once, a block of each, and merged. The file has no name, so nothing is
left of it if the process is killed.
"""

from __future__ import annotations

import heapq
import json
import tempfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

from shared.jobs.chunk import ordered
from shared.jobs.entry import Entry

RUN = 20_000
"""The most entries that are sorted at once: about 10 MB."""
BLOCK = 200
"""The most entries of a run that are in memory while runs are merged: about 100 KB a run, so 5 MB
for each million jobs."""


@dataclass(frozen=True, slots=True)
class _Block:
    """Where a block is in the file."""

    start: int
    size: int


@contextmanager
def sorting(run: int = RUN, block: int = BLOCK) -> Iterator[Sorting]:
    """Room to sort entries in, until the end of the block."""
    with tempfile.TemporaryFile(prefix="belfry-jobs-") as file:
        yield Sorting(file, run, block)


class Sorting:
    """The entries. Add all of them, then read them in order. For one thread."""

    def __init__(self, file: IO[bytes], run: int, block: int) -> None:
        self._file = file
        self._run = run
        self._block = block
        self._runs: list[list[_Block]] = []
        self._entries: list[Entry] = []

    def add(self, entry: Entry) -> None:
        """Add an entry. Of two with the same key, the first that was added counts."""
        self._entries.append(entry)
        if len(self._entries) >= self._run:
            self._spill()

    def in_order(self) -> Iterator[Entry]:
        """All entries, oldest first, each job once."""
        self._spill()
        last = None
        for entry in heapq.merge(*map(self._read, self._runs), key=lambda one: one.key):
            if entry.key != last:  # the merge is stable: that of the earlier run comes first
                yield entry
            last = entry.key

    def _spill(self) -> None:
        entries = ordered(self._entries[::-1])  # of two, it takes the one that comes later
        self._entries = []
        blocks = range(0, len(entries), self._block)
        self._runs.append([self._write(entries[at : at + self._block]) for at in blocks])

    def _write(self, entries: Sequence[Entry]) -> _Block:
        content = zlib.compress(json.dumps([entry.row() for entry in entries]).encode(), 1)
        start = self._file.tell()
        self._file.write(content)
        return _Block(start, len(content))

    def _read(self, blocks: Sequence[_Block]) -> Iterator[Entry]:
        for block in blocks:
            self._file.seek(block.start)
            rows = json.loads(zlib.decompress(self._file.read(block.size)))
            yield from map(Entry.from_row, rows)
