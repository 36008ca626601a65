"""The audit's table: the chain, the rows by which lists find its records, and changes being made.

Partition `chain` has the row `head`, which each change of the chain replaces under its ETag, in the
transaction of that change: so the chain has one end, whoever writes. `record:{number}` is a record,
in ascending order; `schedule:{id}:{inverse}` and `project:{id}:{inverse}` name the records of a
schedule and of a project, the newest first. Partition `pending` has the changes that are being made
(`storage.tables.pending`).
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from shared.audit.chain import Head, Record
from shared.audit.entry import Entry
from shared.errors import Damaged
from shared.log import instant
from shared.storage.failures import translated
from shared.storage.tables.batch import Delete, Insert, Operation, Replace, literal
from shared.storage.tables.pending import joined, parted
from shared.storage.tables.table import Table

CHAIN = "chain"
PENDING = "pending"
HEAD = "head"
MOST = 30
"""The most records that are appended at once: each has up to three rows, and there is the head."""
_SERVICE = "table storage"
_FAR = 9_999_999_999
_DELETED = 100


@dataclass(frozen=True, slots=True)
class Moved:
    """A pending row that was moved into the chain, or is about to be."""

    source: int
    """Which of the tables that have pending rows."""
    partition: str
    key: str


@dataclass(frozen=True, slots=True)
class Stored:
    """The chain's head as it was read."""

    head: Head
    etag: str
    """Empty: there is none yet."""
    archived: int = 0
    """Records up to this number are in blobs only."""
    moved: tuple[Moved, ...] = ()
    """The pending rows of the records that were appended last. They may still be there."""


def record_key(number: int) -> str:
    return f"record:{number:010d}"


def listed_key(of: str, number: int) -> str:
    """The key of a row by which lists find a record; `of` such as `project:7`."""
    return f"{of}:{_FAR - number:010d}"


class ChainTable:
    """The table. Every method raises `Unavailable` or `Refused` if storage fails."""

    def __init__(self, table: Table) -> None:
        self.table = table

    def stored(self) -> Stored | None:
        """The head; None if nothing was ever chained. Raises `Damaged` if it cannot be read."""
        row = self._get(HEAD)
        if row is None:
            return None
        try:
            moved = tuple(Moved(*one) for one in json.loads(row["moved"]))
            head = Head(row["number"], row["digest"])
            return Stored(head, row["etag"], row["archived"], moved)
        except (LookupError, ValueError, TypeError) as error:
            raise Damaged(f"the head of the audit's chain cannot be read: {error}") from error

    def append(
        self,
        before: Stored,
        entries: Sequence[Entry],
        made: Sequence[Record],
        moved: Sequence[Moved],
    ) -> bool:
        """Append records, which follow `before`; False if somebody was faster. Raises `TooLarge`
        if fewer may fit."""
        steps: list[Operation] = []
        for entry, record in zip(entries, made, strict=True):
            columns = _columns(entry, record)
            steps.append(Insert(record_key(record.number), columns | parted(record.text)))
            keys = (listed_key(of, record.number) for of in lists_of(columns))
            steps += [Insert(key, columns) for key in keys]
        return self._with_head(before, made[-1].head, before.archived, moved, steps)

    def archive(self, before: Stored, number: int) -> bool:
        """Note that records up to `number` are in blobs only; False if somebody was faster."""
        return self._with_head(before, before.head, number, before.moved, [])

    def records(self, after: int = 0, until: int = _FAR) -> Iterator[Record]:
        """The records beyond `after`, up to `until`, in ascending order. One that cannot be read
        has an empty text."""
        for row in self._range(record_key(after + 1), record_key(until) + "\0"):
            yield _record(row)

    def rows(self) -> Iterator[dict[str, Any]]:
        """Every row of the chain, without its texts, for the check of the lists."""
        yield from self._range("", None, select=["RowKey", "number", "digest"])

    def record(self, number: int) -> Record | None:
        """One record."""
        row = self._get(record_key(number))
        return None if row is None else _record(row)

    def numbers(self, prefix: str, where: str) -> Iterator[tuple[int, int | None]]:
        """(number, project) of the records whose rows begin with `prefix` and are as `where`
        (OData) says."""
        columns = ["number", "project_id"]
        for row in self._range(prefix, prefix[:-1] + ";", more=where, select=columns):
            project = row["project_id"]
            yield row["number"], int(project) if project else None

    def remove(self, until: int) -> None:
        """Remove the rows of the records up to `until`, which are in blobs."""
        gone: list[str] = []
        for row in self._range(record_key(0), record_key(until) + "\0"):
            gone += [row["RowKey"], *(listed_key(of, row["number"]) for of in lists_of(row))]
        for start in range(0, len(gone), _DELETED):
            self._delete(gone[start : start + _DELETED])

    def _delete(self, keys: Sequence[str]) -> None:
        with translated(_SERVICE):
            if not self.table.transact(CHAIN, [Delete(key) for key in keys]).committed:
                for key in keys:
                    self.table.transact(CHAIN, [Delete(key)])

    def _with_head(
        self,
        before: Stored,
        head: Head,
        archived: int,
        moved: Sequence[Moved],
        steps: Sequence[Operation],
    ) -> bool:
        mark = secrets.token_hex(6)
        said = json.dumps([[one.source, one.partition, one.key] for one in moved])
        row = {
            "number": head.number,
            "digest": head.digest,
            "archived": archived,
            "moved": said,
            "mark": mark,
        }
        first = Replace(HEAD, before.etag, row) if before.etag else Insert(HEAD, row)
        with translated(_SERVICE):
            outcome = self.table.transact(CHAIN, [first, *steps])
            if outcome.committed or not outcome.retried:
                return outcome.committed
            found = self.table.get(CHAIN, HEAD)  # the answer to our own write may have been lost
        return found is not None and found.get("mark") == mark

    def _get(self, key: str) -> dict[str, Any] | None:
        with translated(_SERVICE):
            return self.table.get(CHAIN, key)

    def _range(
        self, lower: str, upper: str | None, more: str = "", select: list[str] | None = None
    ) -> Iterator[dict[str, Any]]:
        where = f"PartitionKey eq {literal(CHAIN)} and RowKey ge {literal(lower)}"
        if upper is not None:
            where += f" and RowKey lt {literal(upper)}"
        with translated(_SERVICE):
            yield from self.table.query(where + more, select=select)


def _columns(entry: Entry, record: Record) -> dict[str, Any]:
    """What lists filter by; the record's text says the same."""
    project = entry.subject.project_id
    return {
        "number": record.number,
        "digest": record.digest,
        "at": instant(entry.at, "microseconds"),
        "actor": entry.by.name,
        "action": entry.action.value,
        "kind": entry.subject.kind,
        "subject_id": entry.subject.id,
        "schedule_id": entry.schedule_id or "",
        "project_id": "" if project is None else str(project),
        "outcome": entry.outcome.value,
    }


def columns_of(record: Record) -> dict[str, Any]:
    """The columns that the record's row should have. Raises as `Record.entry` does."""
    return _columns(record.entry(), record)


def lists_of(columns: dict[str, Any]) -> list[str]:
    """The lists that name a record with those columns."""
    schedule, project = columns.get("schedule_id"), columns.get("project_id")
    found = [f"schedule:{schedule}"] if schedule else []
    return [*found, f"project:{project}"] if project else found


def _record(row: dict[str, Any]) -> Record:
    """The record of a row; what somebody wrote into it counts as it is."""
    _, _, key = str(row["RowKey"]).rpartition(":")
    number = int(key) if key.isascii() and key.isdigit() else -1
    try:
        record = Record(number, str(row.get("digest")), joined(row))
    except (LookupError, TypeError):
        return Record(number, str(row.get("digest")), "")
    try:
        right = columns_of(record)
    except (LookupError, ValueError, TypeError):
        return record
    if any(row.get(name) != value for name, value in right.items() if name != "digest"):
        return Record(number, record.digest, record.text, "its row says otherwise than its text")
    return record
