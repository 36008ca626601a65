"""Rolls: rows of one partition, the latest first, that are counted as they are written. So a page,
and how many there are in all, cost requests by what the page shows.

The counts change in the transaction that adds or removes the row, so a crash leaves them right.
Only a copy of a table that was read while rows were written, such as a backup's, may have counts
that are off by those rows, until all rows of their bucket are gone.
"""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from heapq import merge
from itertools import islice
from typing import Any

from shared.errors import Unavailable
from shared.storage.failures import translated
from shared.storage.tables import row_keys
from shared.storage.tables.batch import Delete, Insert, Operation, Replace
from shared.storage.tables.compare_and_set import TRIES
from shared.storage.tables.marked import is_mine
from shared.storage.tables.roll_counts import (
    Change,
    Kinds,
    Parts,
    Wanted,
    changed,
    counts_in,
    key_of,
    properties,
    span_of,
    text_in,
    wanted_parts,
    written,
)
from shared.storage.tables.table import MAX_ROWS, Table

_SERVICE = "table storage"
_REMEMBERED = 4_000_000
"""Characters of rows of counts that a process remembers, to spare reading them before it writes."""


@dataclass(frozen=True, slots=True)
class Roll:
    """A roll. `rows`: what the keys of its rows begin with; a place follows."""

    name: str
    rows: str


@dataclass(frozen=True, slots=True)
class Page:
    """A page."""

    places: Sequence[tuple[Roll, str]]
    total: int


@dataclass(frozen=True, slots=True)
class _Known:
    etag: str
    """Empty: there is no such row."""
    text: str

    @property
    def size(self) -> int:
        return len(self.text) + 300


class Rolls:
    """The rolls of a partition. `digits`: of a bucket; 5: a day, roughly; 6: a tenth of that. Every
    method raises `Unavailable` or `Refused` if storage fails."""

    def __init__(self, table: Table, partition: str, digits: int = 5) -> None:
        self._table = table
        self._partition = partition
        self._digits = digits
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._size = 0
        self._lock = threading.Lock()

    def write(self, steps: Sequence[Operation], changes: Sequence[Change]) -> str | None:
        """Do all steps and count them, or do nothing; the ETag of the first, or None if the steps
        were refused. The first step decides, as in `marked.write`."""
        keys = {self.key_of(one) for one in changes}
        retried = False
        for _ in range(TRIES):
            before = {key: self._remembered(key) for key in keys}
            counts = {key: counts_in(one.text, key) for key, one in before.items()}
            after = {
                key: written(some) if some else ""
                for key, some in changed(counts, changes, self._digits).items()
            }
            counting = [
                step for key, one in before.items() if (step := _step(key, one, after[key]))
            ]
            with translated(_SERVICE):
                outcome = self._table.transact(self._partition, [*steps, *counting])
            if outcome.committed:
                etags = dict(
                    zip((one.key for one in counting), outcome.etags[len(steps) :], strict=True)
                )
                self._remember({key: _Known(etags.get(key, ""), after[key]) for key in keys})
                return outcome.etags[0]
            retried = retried or outcome.retried
            fresh = {key: self._read(key) for key in keys}
            self._remember(fresh)
            if all(fresh[key].etag == before[key].etag for key in keys):
                return is_mine(self._table, self._partition, steps[0]) if retried else None
        raise Unavailable(_SERVICE, f"{', '.join(sorted(keys))[:200]}: others write all the time")

    def key_of(self, change: Change) -> str:
        """The row of counts that a change writes."""
        return key_of(change.roll, change.place, self._digits)

    def page(
        self,
        rolls: Sequence[Roll],
        wanted: Wanted,
        skip: int,
        size: int,
        beside: Iterable[str] | None = None,
    ) -> Page:
        """`size` rows of these rolls after the first `skip`. `beside`: the places of wanted rows
        that are not counted; then `wanted.where` is what tells the others from them."""
        counts: Counter[str] = Counter()
        for roll in rolls:
            counts.update(self._parts(roll, wanted).whole)
        for place in beside or ():
            counts[place[: self._digits + 2]] += 1
        total = sum(counts.values())
        part, skip = Parts(counts).located(skip)
        if part is None:
            return Page([], total)
        shown = wanted if beside is None else replace(wanted, where="")
        found = merge(
            *(self._places(roll, shown, part, skip + size) for roll in rolls),
            key=lambda one: one[1],
        )
        return Page([*islice(found, skip, skip + size)], total)

    def newest(self, rolls: Sequence[Roll], most: int, skip: int, size: int) -> Page:
        """The same among the latest `most`, of rolls that are not counted: their keys are read."""
        found = (self._places(roll, Wanted(), "", most) for roll in rolls)
        latest = [*islice(merge(*found, key=lambda one: one[1]), most)]
        return Page(latest[skip : skip + size], len(latest))

    def count(self, roll: Roll) -> int:
        """How many rows it has."""
        return sum(self._parts(roll, Wanted()).whole.values())

    def read(self, page: Page, where: str = "") -> Iterator[dict[str, Any]]:
        """The rows of a page, in its order: a request for each roll. One that was removed meanwhile
        is left out. `where`: as the page was asked for."""
        of: dict[Roll, list[str]] = {}
        for roll, place in page.places:
            of.setdefault(roll, []).append(place)
        rows = {
            row["RowKey"]: row
            for roll, places in of.items()
            for row in self._rows(roll.rows + places[0], roll.rows + places[-1] + "\0", where)
        }
        keys = (roll.rows + place for roll, place in page.places)
        yield from (rows[key] for key in keys if key in rows)

    def walk(self, roll: Roll, wanted: Wanted) -> Iterator[dict[str, Any]]:
        """Its rows, one after another."""
        return self._rows(roll.rows + wanted.first, roll.rows + wanted.beyond, wanted.where)

    def _parts(self, roll: Roll, wanted: Wanted) -> Parts:
        """How many rows of a roll are wanted, by parts: counted, and in those that are cut by the
        wanted span, read."""
        counts: Kinds = Counter()
        for row in self._rows(*span_of(roll.name, wanted, self._digits)):
            counts.update(counts_in(text_in(row), row["RowKey"]))
        parts = wanted_parts(counts, wanted)
        cut = {
            part: sum(1 for _ in self._places(roll, wanted, part, MAX_ROWS, part + ":"))
            for part in parts.cut
        }
        return Parts({**parts.whole, **cut})

    def _places(
        self, roll: Roll, wanted: Wanted, part: str, top: int, beyond: str = ":"
    ) -> Iterator[tuple[Roll, str]]:
        """Where its wanted rows are, from that part on."""
        first = roll.rows + max(wanted.first, part)
        last = roll.rows + min(wanted.beyond, beyond)
        found = self._rows(first, last, wanted.where, top=min(top, MAX_ROWS), select=("RowKey",))
        return ((roll, row["RowKey"].removeprefix(roll.rows)) for row in found)

    def _rows(
        self, first: str, beyond: str, where: str = "", **options: Any
    ) -> Iterator[dict[str, Any]]:
        span = row_keys.of(self._partition, row_keys.between(first, beyond))
        with translated(_SERVICE):
            yield from self._table.query(f"{span} and ({where})" if where else span, **options)

    def _read(self, key: str) -> _Known:
        with translated(_SERVICE):
            row = self._table.get(self._partition, key)
        return _Known("", "") if row is None else _Known(row["etag"], text_in(row))

    def _remembered(self, key: str) -> _Known:
        with self._lock:
            known = self._known.get(key)
        if known is None:
            known = self._read(key)
            self._remember({key: known})
        return known

    def _remember(self, rows: Mapping[str, _Known]) -> None:
        """Remember what is there. That there is nothing is no ETag, so a write would not notice
        that there is something by now."""
        with self._lock:
            for key, one in rows.items():
                old = self._known.pop(key, None)
                self._size -= old.size if old else 0
                if one.etag:
                    self._known[key] = one
                    self._size += one.size
            while self._size > _REMEMBERED:
                self._size -= self._known.popitem(last=False)[1].size


def _step(key: str, before: _Known, after: str) -> Operation | None:
    """What writes a row of counts, or at least makes sure that it is as it was read; None if there
    is nothing to count."""
    if not before.etag:
        return Insert(key, properties(after)) if after else None
    return Replace(key, before.etag, properties(after)) if after else Delete(key, before.etag)


def rolls_of(owner: str, subject: str) -> list[Roll]:
    """The four rolls of something that belongs to an owner, and that is of a subject: so there is
    one for each list that may be asked for (`rolls_for`). The first is of both. Without a subject
    there are two."""
    return [_roll(who, what) for who in (owner, "") for what in dict.fromkeys((subject, ""))]


def rolls_for(owners: Iterable[str] | None, subject: str | None) -> list[Roll]:
    """Which of these rolls have what belongs to one of the owners (None: to whomever), and is of
    the subject (None: of any)."""
    return [_roll(who, subject or "") for who in sorted(owners if owners is not None else [""])]


def _roll(owner: str, subject: str) -> Roll:
    name = f"{owner or 'all'}{'|' if subject else ''}{subject}"
    return Roll(name, f"in:{name}:")


def added(rolls: Iterable[Roll], place: str, kind: str) -> list[Change]:
    """The changes as a row is added to rolls."""
    return [Change(one.name, place, kind, 1) for one in rolls]


def removed(rolls: Iterable[Roll], place: str, kind: str) -> list[Change]:
    """The changes as it is removed."""
    return [Change(one.name, place, kind, -1) for one in rolls]
