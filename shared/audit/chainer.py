"""Moves pending entries into the chain, each once, in the order of their instants.

The head of the chain names the pending rows of the records that were appended last. Whoever appends
reads the head, then removes those rows, then reads what is pending, and then appends under the
head's ETag. So a process may be killed at any instant, and any number may work at once: a row that
is in the chain is removed before the head forgets it, and whoever read it before that is refused.
The lock only saves needless work.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from heapq import merge
from itertools import groupby, islice

from shared.audit.chain import Head, linked
from shared.audit.table import MOST, ChainTable, Moved, Stored
from shared.clock import Clock
from shared.errors import Damaged, Unavailable
from shared.log import Event, event
from shared.storage.tables import pending
from shared.storage.tables.batch import TooLarge
from shared.storage.tables.pending import Pending
from shared.storage.tables.table import Table
from shared.threads import Pool

_logger = logging.getLogger("belfry.audit")

PATIENCE = timedelta(minutes=10)
"""How long the outcome of a change may be awaited; longer than any request lasts."""
_TRIES = 50
_READERS = 8
_OPEN = 50
"""So many changes may be going on at once before entries wait behind them."""


@dataclass(frozen=True, slots=True)
class Source:
    """A partition that has pending entries."""

    table: Table
    partition: str


class Chainer:
    """The chainer. `resume` gives the head that the last anchor knows, if the table has none."""

    def __init__(
        self,
        table: ChainTable,
        sources: Sequence[Source],
        clock: Clock,
        resume: Callable[[], Head],
    ) -> None:
        self._table = table
        self._sources = sources
        self._clock = clock
        self._resume = resume
        self._readers = Pool(_READERS, "audit")

    def chain(
        self, partitions: Collection[str] | None = None, check: Callable[[], None] = lambda: None
    ) -> int:
        """Chain what is pending in these partitions (None: in all); how many entries.

        Raises `Unavailable` or `Refused` if storage fails, and `Damaged` if the chain is broken in
        a way that leaves no end to go on from.
        """
        chosen = [
            (number, one)
            for number, one in enumerate(self._sources)
            if partitions is None or one.partition in partitions
        ]
        done, most, lost = 0, MOST, 0
        while lost < _TRIES:
            check()
            stored = self._head()
            self._remove(stored.moved)
            batch = list(islice(self._pending(chosen, most), most))
            if not batch:
                return done
            try:
                made = self._append(stored, batch)
            except TooLarge:
                if most == 1:
                    raise
                most = max(1, most // 2)
                continue
            done, lost = done + made, 0 if made else lost + 1
        raise Unavailable("table storage", "others are writing the audit's chain at the same time")

    def _append(self, stored: Stored, batch: Sequence[tuple[int, Pending]]) -> int:
        """How many were appended: all, or none since somebody was faster."""
        entries = [one.entry for _, one in batch]
        moved = [Moved(source, one.partition, one.key) for source, one in batch]
        made = linked(entries, stored.head)
        if not self._table.append(stored, entries, made, moved):
            if not stored.etag and self._lost_its_head():
                raise Damaged("the audit's chain has records, but its head is gone")
            return 0
        self._remove(moved)
        return len(made)

    def _lost_its_head(self) -> bool:
        first = next(self._table.records(), None)
        return first is not None and self._table.stored() is None

    def _head(self) -> Stored:
        found = self._table.stored()
        if found is not None:
            return found
        head = self._resume()
        if head.number:
            event(_logger, Event.AUDIT_RESUMED, level=logging.WARNING, number=head.number)
        return Stored(head, "", archived=head.number)

    def _remove(self, moved: Sequence[Moved]) -> None:
        def where(one: Moved) -> tuple[int, str]:
            return one.source, one.partition

        for (source, partition), rows in groupby(sorted(moved, key=where), key=where):
            if source < len(self._sources):
                keys = [one.key for one in rows]
                pending.remove(self._sources[source].table, partition, keys)

    def _pending(
        self, chosen: Sequence[tuple[int, Source]], most: int
    ) -> Iterator[tuple[int, Pending]]:
        """What can be chained, oldest first; `most` of them at least, if there are as many."""
        now = self._clock.now()

        def settled(one: tuple[int, Source]) -> list[tuple[int, Pending]]:
            number, source = one
            return [(number, row) for row in self._settled(source, most, now)]

        yield from merge(*self._readers.map(settled, chosen), key=lambda one: one[1].key)

    def _settled(self, source: Source, most: int, now: datetime) -> Iterator[Pending]:
        for one in pending.read(source.table, source.partition, most + _OPEN, now):
            if not one.is_open:
                yield one
            elif one.entry.at <= now - PATIENCE and pending.give_up(source.table, one):
                yield one  # if its change still goes on, that tells its outcome in another row
