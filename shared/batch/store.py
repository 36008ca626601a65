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
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import islice
from typing import Any

from shared.batch import rows
from shared.batch.model import Head, Item, Outcome, Saved
from shared.batch.rows import SentFile, head_key, partition, progress_key
from shared.errors import Damaged, LeaseLost
from shared.projects import name_of, project_of
from shared.schedules.job import parse_id
from shared.storage.blobs import journal
from shared.storage.blobs.container import Container
from shared.storage.failures import translated
from shared.storage.tables import row_keys
from shared.storage.tables.batch import Delete, Insert, Operation, Replace, Upsert, literal
from shared.storage.tables.marked import marked, write
from shared.storage.tables.partitions import partitions
from shared.storage.tables.table import MAX_ROWS, Table
from shared.threads import Pool

_SERVICE = "table storage"
_AT_ONCE = 8
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
        return self._heads(partition(project_id), after)

    def all_heads(self, after: str, most: int) -> list[Head]:
        """The first `most` batches of every project, newest first; those after a row key."""
        found: list[Head] = []
        with translated(_SERVICE), Pool(_AT_ONCE, "batches") as pool:
            keys = self._table.query(_heads_of(rows.ALL, after), top=min(most, MAX_ROWS))
            while some := list(islice(keys, most - len(found))):
                found += [one for one in pool.map(self._listed, some) if one is not None]
        return found

    def _listed(self, row: Mapping[str, Any]) -> Head | None:
        """None: it is being written, or was removed."""
        found = self._row(project_of(row["project"]), row["RowKey"])
        return None if found is None else rows.to_head(found)

    def _heads(self, of: str, after: str) -> Iterator[Head]:
        with translated(_SERVICE):
            for row in self._table.query(_heads_of(of, after), top=100):
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
            there = {"project": name_of(project_id)}
            with translated(_SERVICE):  # first, so that no list leaves it out
                self._table.transact(rows.ALL, [Upsert(head_key(batch_id), there)])
            steps.append(Upsert(head_key(batch_id), rows.of_head(head)))
        etag = write(self._table, partition(project_id), steps)
        if etag is None:
            raise LeaseLost(f"another attempt works on the batch {batch_id}")
        return replace(saved, etag=etag)

    def remove(self, project_id: int | None, batch_id: str) -> None:
        """Remove a batch: its files first, so that its row leads to what is left of them."""
        for name in self.container.names(f"{name_of(project_id)}/{batch_id}/"):
            self.container.delete(name)
        at = partition(project_id)
        gone = (rows.ALL, head_key), (at, progress_key), (at, head_key)
        with translated(_SERVICE):
            for where, key in gone:
                self._table.transact(where, [Delete(key(batch_id))])

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


def _heads_of(partition: str, after: str) -> str:
    """A filter for the heads after a row key."""
    span = f"RowKey gt {literal(after)} and RowKey lt {literal(rows.HEAD[:-1] + ';')}"
    return f"PartitionKey eq {literal(partition)} and {span}"


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
