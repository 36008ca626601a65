"""Moves the old jobs of a shard and a day into a file, and then out of the table.

1. Rows that no file of that day has, or has otherwise, become the next part. It is sent in blocks,
   and visible once it is whole, with what is known of it in its metadata.
2. It is read back: size, SHA-256, count, and order of the lines. Then its manifest is written, and
   its row in the catalog. From then on readers look into it.
3. Each row, as it was read, is compared with the file's line, read from the blob. The equal ones
   are removed, if nobody changed them since they were read (ETag), up to 100 in a transaction.

A process that is killed leaves either nothing (blocks of a blob that was never committed), or a
file that `adopt` proves and adds to the catalog, or rows of jobs that are in the file already,
which the next run removes. Nothing that is stored is changed, and no file is ever removed. So two
runs at once do no harm: the name of a part is taken once, and whoever comes second begins the day
again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from itertools import chain
from typing import Any

from shared.archive.catalog import Catalog
from shared.archive.files import Files
from shared.archive.frames import Packed
from shared.archive.leaving import Leaving
from shared.archive.lines import line_of, row_of
from shared.archive.parts import FOLDER, Part, Place, day_of, part_of
from shared.archive.reading import Archive
from shared.errors import Conflict, Damaged, Unavailable
from shared.log import Event, event
from shared.schedules.job import Status, parse_id
from shared.storage.blobs import stream
from shared.storage.blobs.container import Container, Item
from shared.storage.blobs.upload import stage
from shared.storage.failures import translated
from shared.storage.tables.batch import MAX_OPERATIONS, Delete
from shared.storage.tables.facts import RESTORING, Meta
from shared.storage.tables.table import Table

_logger = logging.getLogger("belfry.archive")
_SERVICE = "table storage"
_TRIES = 5

Rows = Callable[[], Iterator[dict[str, Any]]]
"""Reads raw rows, in the order of their keys; the same ones, or what became of them, each time."""


@dataclass(frozen=True, slots=True)
class Moved:
    """What was done with a day of a shard."""

    archived: int
    """Jobs that were written into a new file."""
    removed: int
    """Rows that were removed."""


class Writer:
    """Writes the archive. Methods raise `Damaged` if a file is not as it was written, `Unavailable`
    or `Refused` if storage fails, and what `check` raises."""

    def __init__(
        self, table: Table, container: Container, name: str, catalog: Catalog, files: Files
    ) -> None:
        """`name`: of the container."""
        self._table = table
        self._meta = Meta(table)
        self._container = container
        self._name = name
        self._catalog = catalog
        self._files = files
        self._archive = Archive(catalog, files)
        self._leaving = Leaving(table)
        self.damaged: list[str] = []
        """What is wrong with files that the last `prepare` and all since then came upon."""

    def prepare(self, check: Callable[[], None]) -> None:
        """Create the container, and add to the catalog the files that are not in it."""
        self.damaged = []
        self.hold_restore()
        self._container.create(check)
        self.adopt(FOLDER, check)

    def adopt(self, beginning: str, check: Callable[[], None]) -> int:
        """Prove the files whose names begin so and that the catalog does not have, and add them to
        it; how many. A file that is damaged is left out, which is logged."""
        known = {part.place for part in self._catalog.parts()}
        added = 0
        for item in self._container.items(check, beginning):
            check()
            place = Place.of_blob(item.name)
            if place is not None and place not in known:
                added += self._adopted(place, item, check)
        return added

    def move(
        self, shard: str, day: date, rows: Rows, held: set[str], check: Callable[[], None]
    ) -> Moved:
        """Move the old jobs of a shard that were due on a day, except those with the keys `held`,
        and those that are live now. `rows`: reads those that were due on the day, or what was read
        of them before."""
        self.hold_restore()
        held = held | self._leaving.live(shard)

        def going() -> Iterator[dict[str, Any]]:
            return (row for row in rows() if row["RowKey"] not in held)

        damaged = 0
        for _ in range(_TRIES):
            parts = self._catalog.parts(day, day, [shard])
            last = max((one.place.number for one in parts), default=0)
            place = Place(day, shard, last + 1 + damaged)
            try:
                new = self._written(place, parts, going, check)
            except Conflict:  # another run was faster, or was killed before its file was known
                damaged += not self.adopt(place.blob, check)
                continue
            parts += [] if new is None else [new]
            removed = self._removed(shard, going, parts, check)
            return Moved(0 if new is None else new.count, removed)
        raise Unavailable(_SERVICE, f"others write {shard} of {day} all the while")

    def hold_restore(self) -> None:
        """Raise `Conflict` while a state backup is being restored: it writes rows one after
        another, and those that say what must stay come last."""
        if self._meta.fact(RESTORING) is not None:
            text = (
                "a state backup is being restored, or its restore was interrupted; finish it first"
            )
            raise Conflict(text)

    def _written(
        self,
        place: Place,
        parts: list[Part],
        rows: Rows,
        check: Callable[[], None],
    ) -> Part | None:
        """Write the rows that are not in the parts as another; None if there are none. Raises
        `Conflict` if another file has that name."""
        fresh = self._fresh(parts, rows)
        first = next(fresh, None)
        if first is None:
            return None
        found = _Contents()
        packed = Packed(chain([first], fresh), found.see)
        blob = self._container.blob(place.blob, check)
        staged = stage(blob, iter(packed), check)
        stored = staged.stored
        part = found.part(place, self._name, stored.bytes, stored.sha256, packed.index_at)
        staged.commit(part.facts)
        self._register(part, check)
        return part

    def _fresh(self, parts: list[Part], rows: Rows) -> Iterator[bytes]:
        """The lines of rows that the parts do not have so."""
        known = self._archive.effective(parts)
        key, line = next(known, ("", b""))
        for row in rows():
            while key and key < row["RowKey"]:
                key, line = next(known, ("", b""))
            made = line_of(row)
            if key != row["RowKey"] or line != made:
                yield made

    def _register(self, part: Part, check: Callable[[], None]) -> None:
        """Prove a file, and add it to the catalog."""
        blob = self._container.blob(part.place.blob, check)
        stream.read_back(blob, part.size, part.sha256, check)
        self.hold_contents(part)
        manifest = self._container.blob(part.place.manifest, check)
        stream.write_once(manifest, part.text(), {}, check=check)
        self._catalog.add(part)
        event(
            _logger,
            Event.JOBS_ARCHIVED,
            blob=part.place.blob,
            jobs=part.count,
            size=part.size,
        )

    def hold_contents(self, part: Part) -> None:
        """Raise `Damaged` if a file's lines are not what is known of it."""
        found, last = _Contents(), ""
        for key, line in self._files.lines(part):
            found.see(line)
            place = part.place
            day = day_of(parse_id(key.rpartition(":")[2])[1])
            if (
                key <= last
                or day != place.day
                or f'"PartitionKey": "{place.shard}"'.encode() not in line
            ):
                raise Damaged(f"{place.blob}: {key} is not in its place")
            last = key
        made = found.part(part.place, part.container, part.size, part.sha256, part.index_at)
        if made != part:
            text = f"{found.count} jobs are in it, and {part.count} should be, or others"
            raise Damaged(f"{part.place.blob}: {text}")

    def _adopted(self, place: Place, item: Item, check: Callable[[], None]) -> bool:
        try:
            part = part_of(place, item.metadata, self._name)
            if item.size != part.size:
                raise Damaged(f"it has {item.size} bytes, and should have {part.size}")
            self._register(part, check)
        except (Damaged, Conflict, ValueError, KeyError, TypeError) as error:
            self.tell_damaged(f"{place.blob}: {error}")
            return False
        return True

    def tell_damaged(self, error: str) -> None:
        """Log that a file is damaged, and remember it."""
        self.damaged.append(error)
        event(_logger, Event.ARCHIVE_DAMAGED, level=logging.ERROR, error=error)

    def _removed(
        self,
        shard: str,
        rows: Rows,
        parts: list[Part],
        check: Callable[[], None],
    ) -> int:
        """Remove the rows that are in the files as they are in the table; how many."""
        known = self._archive.effective(parts)
        key, line = next(known, ("", b""))
        gone: list[Delete] = []
        removed = 0
        for row in rows():
            while key and key < row["RowKey"]:
                key, line = next(known, ("", b""))
            if key == row["RowKey"] and line == line_of(row):
                gone.append(Delete(key, row["odata.etag"]))
            if len(gone) == MAX_OPERATIONS:
                removed += self._remove(shard, gone, check)
                gone = []
        return removed + (self._remove(shard, gone, check) if gone else 0)

    def _remove(self, shard: str, gone: list[Delete], check: Callable[[], None]) -> int:
        """Remove rows; those that changed since they were read, or are gone, are left.

        No restore has begun when the rows were read: what one writes afterwards has other ETags.
        """
        check()
        self.hold_restore()
        with translated(_SERVICE):
            if self._table.transact(shard, gone).committed:
                return len(gone)
            return sum(self._table.transact(shard, [one]).committed for one in gone)


class _Contents:
    """What is in a file, by its lines."""

    def __init__(self) -> None:
        self.count = 0
        self._failed = 0
        self._due: list[datetime] = []
        self._reaches: datetime | None = None

    def see(self, line: bytes) -> None:
        row = row_of(line)
        due_at = parse_id(str(row["RowKey"]).rpartition(":")[2])[1]
        self.count += 1
        self._failed += row.get("status") == Status.FAILED
        self._due = [min([*self._due[:1], due_at]), max([*self._due[1:], due_at])]
        until = datetime.fromisoformat(row.get("last_due_at") or row["due_at"])
        self._reaches = max(until, self._reaches or until)

    def part(self, place: Place, container: str, size: int, sha256: str, index_at: int) -> Part:
        """The part with these contents. Raises `Damaged` if there are none."""
        if self._reaches is None:
            raise Damaged(f"{place.blob}: it has no job")
        return Part(
            place=place,
            container=container,
            count=self.count,
            failed=self._failed,
            first_due_at=self._due[0],
            last_due_at=self._due[1],
            reaches=self._reaches,
            size=size,
            sha256=sha256,
            index_at=index_at,
        )
