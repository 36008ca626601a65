"""Reads and writes the rows and the files of batches. Every method raises `Unavailable` or
`Refused` if storage fails, and `Damaged` if what is there cannot be read.

Files are in one container, below the project's name:

| blob | what |
|---|---|
| `{project}/{batch}/items/{epoch}/{number}` | items, one JSON object a line; never changed |
| `{project}/{batch}/open/{number}-{epoch}` | outcomes that came so far, in any order, some twice |
| `{project}/{batch}/outcomes/{number}-{epoch}` | the outcomes of a file of items, in order |
| `{project}/files/{id}` | a CSV file that was sent |

The epoch is that of the attempt that wrote the file. So one that was thought dead, and goes on
writing, writes into files of its own.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from shared.batch import rows
from shared.batch.model import Head, Item, Outcome, Saved
from shared.batch.rows import SentFile, head_key, partition, progress_key
from shared.errors import Damaged, LeaseLost
from shared.projects import name_of
from shared.schedules.job import parse_id
from shared.storage.blobs import journal
from shared.storage.blobs.container import Container
from shared.storage.failures import translated
from shared.storage.tables import row_keys
from shared.storage.tables.batch import Delete, Insert, Operation, Replace, Upsert, literal
from shared.storage.tables.marked import marked, write
from shared.storage.tables.partitions import partitions
from shared.storage.tables.table import Table

_SERVICE = "table storage"
_OPEN = re.compile(r"(?P<number>\d{6})-(?P<epoch>\d+)")


class Store:
    """The rows and files of all batches. `container`: made when something is first written."""

    def __init__(self, table: Table, container: Container) -> None:
        self._table = table
        self.container = container

    def head(self, project_id: int | None, batch_id: str) -> Head | None:
        """What is fixed of a batch; None until its items are written down."""
        row = self._row(project_id, head_key(batch_id))
        return None if row is None else rows.to_head(row)

    def heads(self, project_id: int | None, after: str = rows.HEAD) -> Iterator[Head]:
        """The batches of a project, newest first; those after a row key."""
        of = f"PartitionKey eq {literal(partition(project_id))}"
        return self._heads(of, after)

    def all_heads(self, after: str = rows.HEAD) -> Iterator[Head]:
        """The batches of every project, in no order. Reads the row of each."""
        first = rows.PARTITIONS
        end = literal(row_keys.after_all(first))
        return self._heads(f"PartitionKey ge {literal(first)} and PartitionKey lt {end}", after)

    def _heads(self, of: str, after: str) -> Iterator[Head]:
        span = f"RowKey gt {literal(after)} and RowKey lt {literal(row_keys.after_all(rows.HEAD))}"
        with translated(_SERVICE):
            for row in self._table.query(f"{of} and {span}", top=100):
                yield rows.to_head(row)

    def projects(self) -> list[int | None]:
        """Those that have batches; None: the company."""
        with translated(_SERVICE):
            return [rows.project_of(one) for one in partitions(self._table, rows.PARTITIONS)]

    def heads_due_before(self, project_id: int | None, at: datetime) -> Iterator[Head]:
        """The batches of a project that were due before then."""
        return self.heads(project_id, rows.heads_before(at))

    def unlisted(self, project_id: int | None, at: datetime) -> list[str]:
        """The batches whose items were never written down, and that were due before then."""
        where = row_keys.of(partition(project_id), row_keys.beginning(rows.PROGRESS))
        with translated(_SERVICE):
            found = [
                str(row["RowKey"]).removeprefix(rows.PROGRESS)
                for row in self._table.query(where, select=("RowKey",))
            ]
        old = (one for one in found if parse_id(one)[1] < at)
        return [one for one in old if self.head(project_id, one) is None]

    def saved(self, project_id: int | None, batch_id: str) -> Saved | None:
        """How far a batch is; None if it never began."""
        row = self._row(project_id, progress_key(batch_id))
        return None if row is None else rows.to_saved(row)

    def save(
        self, project_id: int | None, batch_id: str, saved: Saved, head: Head | None = None
    ) -> Saved:
        """Write how far a batch is, in the place of what `saved.etag` names; with `head`, what is
        fixed of it too, in the same transaction. Raises `LeaseLost` if another attempt was
        faster."""
        said = marked(rows.of_saved(saved))
        key = progress_key(batch_id)
        step: Operation = Replace(key, saved.etag, said) if saved.etag else Insert(key, said)
        steps = [step]
        if head is not None:
            steps.append(Upsert(head_key(batch_id), rows.of_head(head)))
        etag = write(self._table, partition(project_id), steps)
        if etag is None:
            raise LeaseLost(f"another attempt works on the batch {batch_id}")
        return replace(saved, etag=etag)

    def remove(self, project_id: int | None, batch_id: str) -> None:
        """Remove a batch: its files first, so that its row leads to what is left of them."""
        for name in self.container.names(f"{name_of(project_id)}/{batch_id}/"):
            self.container.delete(name)
        with translated(_SERVICE):
            for key in (progress_key(batch_id), head_key(batch_id)):
                self._table.transact(partition(project_id), [Delete(key, "*")])

    def write_items(self, at: Place, epoch: int, number: int, items: Sequence[Item]) -> str:
        """Write a file of items; its SHA-256."""
        data = "\n".join(json.dumps(dict(one), separators=(",", ":")) for one in items).encode()
        journal.put(self.container, at.items(epoch, number), data)
        return hashlib.sha256(data).hexdigest()

    def items(self, at: Place, head: Head, number: int) -> list[Item]:
        """A file of items, which is as it was written. Raises `Damaged` if it is not."""
        name = at.items(head.epoch, number)
        data = journal.get(self.container, name)
        if data is None or hashlib.sha256(data).hexdigest() != head.digests[number]:
            raise Damaged(f"{name} is not what was written: the batch cannot go on")
        return [json.loads(line) for line in data.splitlines()]

    def log(
        self, at: Place, epoch: int, number: int, outcomes: Sequence[Outcome], *, first: bool
    ) -> None:
        """Add outcomes of an open file; `first`: by this epoch, so that there is none yet."""
        data = b"".join(one.line().encode() + b"\n" for one in outcomes)
        journal.append(self.container, at.open(number, epoch), data, first=first)

    def logged(self, at: Place, since: int) -> list[Outcome]:
        """The outcomes of files that are open, `since` that one on, by every epoch."""
        found: list[Outcome] = []
        for name in self.container.names(at.open_names):
            match = _OPEN.fullmatch(name.rpartition("/")[2])
            if match is not None and int(match["number"]) >= since:
                found += _outcomes(name, journal.get(self.container, name) or b"")
        return found

    def close(self, at: Place, epoch: int, number: int, outcomes: Sequence[Outcome]) -> None:
        """Write the whole file of outcomes."""
        data = b"".join(one.line().encode() + b"\n" for one in outcomes)
        journal.put(self.container, at.outcomes(number, epoch), data)

    def tidy(self, at: Place, before: int) -> None:
        """Remove what was open of files that are closed."""
        for name in self.container.names(at.open_names):
            match = _OPEN.fullmatch(name.rpartition("/")[2])
            if match is not None and int(match["number"]) < before:
                self.container.delete(name)

    def closed(self, at: Place, saved: Saved, number: int) -> list[Outcome]:
        """The outcomes of a closed file, in order."""
        name = at.outcomes(number, saved.epoch_of(number))
        data = journal.get(self.container, name)
        if data is None:
            raise Damaged(f"{name} is gone; something removed it")
        return _outcomes(name, data)

    def file(self, file_id: str) -> SentFile | None:
        with translated(_SERVICE):
            row = self._table.get(rows.FILES, file_id)
        return None if row is None else rows.to_file(row)

    def files(self, project_id: int | None) -> list[SentFile]:
        """The files of a project."""
        return self._files(f" and project eq {literal(name_of(project_id))}")

    def all_files(self) -> list[SentFile]:
        """The files of every project."""
        return self._files("")

    def _files(self, more: str) -> list[SentFile]:
        with translated(_SERVICE):
            found = self._table.query(f"PartitionKey eq {literal(rows.FILES)}{more}")
            return [rows.to_file(row) for row in found]

    def put_file(self, file: SentFile) -> None:
        """Write the row of a file."""
        with translated(_SERVICE):
            self._table.transact(rows.FILES, [Upsert(file.id, rows.of_file(file))])

    def remove_file(self, file: SentFile) -> None:
        """Remove a file and then its row; harmless if they are gone."""
        self.container.delete(file_name(file))
        with translated(_SERVICE):
            self._table.transact(rows.FILES, [Delete(file.id, "*")])

    def _row(self, project_id: int | None, key: str) -> dict[str, Any] | None:
        with translated(_SERVICE):
            return self._table.get(partition(project_id), key)


class Place:
    """The names of a batch's blobs."""

    def __init__(self, project_id: int | None, batch_id: str) -> None:
        self._at = f"{name_of(project_id)}/{batch_id}"
        self.open_names = f"{self._at}/open/"

    def items(self, epoch: int, number: int) -> str:
        return f"{self._at}/items/{epoch}/{number:06}"

    def open(self, number: int, epoch: int) -> str:
        return f"{self.open_names}{number:06}-{epoch}"

    def outcomes(self, number: int, epoch: int) -> str:
        return f"{self._at}/outcomes/{number:06}-{epoch}"


def file_name(file: SentFile) -> str:
    """The blob of a file that was sent."""
    return f"{name_of(file.project_id)}/files/{file.id}"


def _outcomes(name: str, data: bytes) -> list[Outcome]:
    try:
        return [Outcome.of_line(line) for line in data.splitlines()]
    except (ValueError, KeyError, TypeError) as error:
        raise Damaged(f"{name} cannot be read: {error!r:.200}") from error
