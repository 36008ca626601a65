"""How batches stand, and what became of their items: for people."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from heapq import nsmallest
from itertools import chain, islice

from shared.batch.model import CHUNK, Head, ItemStatus, Outcome, Saved
from shared.batch.rows import HEAD
from shared.batch.store import Place, Store
from shared.clock import Clock
from shared.errors import NotFound
from shared.schedules.job import parse_id
from shared.storage.blobs.links import links

_FILES = 10
"""Files of outcomes that a page of a list reads at most."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """How a batch stands."""

    id: str
    project_id: int | None
    head: Head | None
    """None while its items are being written down."""
    saved: Saved

    @property
    def schedule_id(self) -> str:
        return parse_id(self.id)[0]

    @property
    def per_minute(self) -> float | None:
        """Items that ended in a minute, since the present attempt began; None if it just did."""
        begin, end = self.saved.began_at, self.saved.updated_at
        seconds = (end - begin).total_seconds() if begin and end else 0.0
        done = self.saved.counts.done - self.saved.began_done
        return round(done / seconds * 60, 1) if seconds > 0 and done else None

    @property
    def total(self) -> int | None:
        return None if self.head is None else self.head.total


class Progress:
    """What is stored of batches. Every method raises `Unavailable` or `Refused` if storage fails.
    `chunk`: items of a file."""

    def __init__(self, store: Store, clock: Clock, chunk: int = CHUNK) -> None:
        self._store = store
        self._clock = clock
        self._chunk = chunk

    def standing(self, project_id: int | None, batch: str) -> Standing:
        """How a batch stands. Raises `NotFound`."""
        saved = self._store.saved(project_id, batch)
        if saved is None:
            raise NotFound(f"there is no batch {batch!r}, or it has not begun")
        head = self._store.head(project_id, batch)
        return Standing(id=batch, project_id=project_id, head=head, saved=saved)

    def standing_of(self, head: Head) -> Standing:
        """How a batch of a list stands; one that ended says so itself."""
        if head.ended is None:
            return self.standing(head.project_id, head.id)
        saved = Saved(state=head.ended, counts=head.counts)
        return Standing(id=head.id, project_id=head.project_id, head=head, saved=saved)

    def heads(self, projects: Collection[int] | None, after: str, most: int) -> list[Head]:
        """The first `most` batches of these projects, the one that was due last first; those after
        a place. None: of all projects, and of none."""
        start = after or HEAD
        if projects is None:
            return self._store.all_heads(start, most)
        each = (islice(self._store.heads(one, start), most) for one in sorted(projects))
        return nsmallest(most, chain.from_iterable(each), key=lambda one: one.place)

    def outcomes(
        self, standing: Standing, since: int, status: ItemStatus | None
    ) -> Iterator[Outcome]:
        """The outcomes so far, of items from index `since` on, in the order of the list. A file is
        read at a time."""
        yield from self._closed(standing, since, status, standing.saved.chunk)
        yield from self._open(standing, since, status)

    def page(
        self, standing: Standing, since: int, status: ItemStatus | None, size: int
    ) -> tuple[list[Outcome], int | None]:
        """(at most `size` of them, the index from which the next page goes on; None: there is none
        yet). It reads `_FILES` files at most: where few items fit, a page may have fewer, even
        none, and the next one goes on."""
        there = standing.saved.chunk
        end = min(since // self._chunk + _FILES, there)
        some = self._closed(standing, since, status, end)
        if end == there:
            some = chain(some, self._open(standing, since, status))
        found = list(islice(some, size + 1))
        if len(found) > size:
            return found[:size], found[size - 1].index + 1
        return found, None if end == there else end * self._chunk

    def _closed(
        self, standing: Standing, since: int, status: ItemStatus | None, end: int
    ) -> Iterator[Outcome]:
        """Those in closed files, before the file `end`."""
        head, saved = standing.head, standing.saved
        if head is not None:
            at = Place(head.project_id, head.id)
            for number in range(since // self._chunk, end):
                yield from _those(self._store.closed(at, saved, number), since, status)

    def _open(self, standing: Standing, since: int, status: ItemStatus | None) -> Iterator[Outcome]:
        """Those that are in no closed file yet."""
        head, saved = standing.head, standing.saved
        if head is None:
            return
        at, first = Place(head.project_id, head.id), saved.chunk * self._chunk
        rest = {
            one.index: one
            for one in (*self._store.logged(at, saved.chunk), *saved.tail)
            if one.index >= first
        }
        yield from _those([rest[index] for index in sorted(rest)], since, status)

    def links(
        self, standing: Standing, account: str, lasts: timedelta
    ) -> tuple[list[tuple[int, str]], datetime | None]:
        """((index of its first item, a link that reads it) of each closed file of outcomes, when
        the links expire). `account`: the name of the storage account."""
        head, saved = standing.head, standing.saved
        if head is None or not saved.chunk:
            return [], None
        at, numbers = Place(head.project_id, head.id), range(saved.chunk)
        names = [at.outcomes(one, saved.epoch_of(one)) for one in numbers]
        blobs = [self._store.container.blob(name) for name in names]
        urls, until = links(blobs, account, self._clock.now(), lasts)
        return [(one * self._chunk, url) for one, url in zip(numbers, urls, strict=True)], until


def _those(outcomes: Sequence[Outcome], since: int, status: ItemStatus | None) -> Iterator[Outcome]:
    for one in outcomes:
        if one.index >= since and status in (None, one.status):
            yield one
