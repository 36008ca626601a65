"""The format of a dump of Belfry's state: a SQLite database with one table.

`entities(of, partition, row, kind, body)`: `of` is the table's name without the prefix
(`schedules`), `body` the entity's properties in JSON as Table Storage itself writes them, with an
annotation for each type that JSON does not have (`"n@odata.type": "Edm.Int64", "n": "5"`).

https://learn.microsoft.com/rest/api/storageservices/payload-format-for-table-service-operations
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shared.backups.source import Contents
from shared.backups.sqlite.contents import check
from shared.errors import Damaged
from shared.storage.tables import entities, raw

SCHEDULES = "schedules"
META = "meta"
SHARDS = "shards"
RECONCILED = "reconciled"
FORMAT = 1
KINDS = ("schedule", "job", "version", META)
_MANY = 1000


@dataclass(frozen=True, slots=True)
class Row:
    """One entity."""

    of: str
    partition: str
    key: str
    kind: str
    body: str

    @property
    def schedule_id(self) -> str:
        """The schedule's id, if the row is a schedule, a version or a job."""
        return self.key.split(":")[1] if ":" in self.key else ""

    @property
    def values(self) -> Mapping[str, Any]:
        """The properties as they are in JSON, with the row's key."""
        return {**json.loads(self.body), "RowKey": self.key}

    @property
    def properties(self) -> dict[str, Any]:
        """The properties for a transaction, which writes them unchanged."""
        return raw.for_transaction(json.loads(self.body))


def row_of(of: str, entity: Mapping[str, Any]) -> Row:
    """The row for an entity as the service writes it (`Table.query` with `raw`)."""
    partition, key = str(entity["PartitionKey"]), str(entity["RowKey"])
    body = json.dumps(raw.written(entity), sort_keys=True)
    return Row(of, partition, key, kind_of(of, partition, key), body)


def kind_of(of: str, partition: str, key: str) -> str:
    """What kind of row it is, by its table; in the table of schedules, by its key."""
    if of != SCHEDULES:
        return of
    if partition == META:
        return META
    first = key.partition(":")[0]
    return first if first in KINDS else "other"


def due_key(row: Row) -> str | None:
    """The key of the schedule's entry in the due index; None if it has none."""
    try:
        at = entities.instant(row.values["next_run_at"])
        return None if at is None else entities.due_key(at, row.schedule_id)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None  # the row is garbled, so the engine never runs it


class StateFile:
    """A dump's file. Its methods raise `sqlite3.Error`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection

    def put(self, row: Row) -> None:
        """Add a row; it replaces one with the same key."""
        values = (row.of, row.partition, row.key, row.kind, row.body)
        self._db.execute("INSERT OR REPLACE INTO entities VALUES (?, ?, ?, ?, ?)", values)

    def remove(self, of: str, partition: str, key: str) -> None:
        self._db.execute(f"DELETE FROM entities WHERE {_THIS}", (of, partition, key))  # noqa: S608

    def get(self, of: str, partition: str, key: str) -> Row | None:
        """The row with that key, if there is one."""
        found = self._db.execute(f"{_SELECT} WHERE {_THIS}", (of, partition, key)).fetchone()
        return None if found is None else Row(*found)

    def rows(self, of: str, *kinds: str) -> Iterator[Row]:
        """A table's rows of these kinds (default: all), ordered by key; read in batches."""
        marks = ", ".join("?" * len(kinds))
        where = f" AND kind IN ({marks})" if kinds else ""
        yield from _each(self._db, f"{_SELECT} WHERE of = ?{where} ORDER BY 2, 3", (of, *kinds))

    def versions(self, schedule: Row) -> list[Row]:
        """The versions of a schedule."""
        lower = entities.version_key(schedule.schedule_id)
        where = "WHERE of = ? AND partition = ? AND row >= ? AND row < ?"
        values = (schedule.of, schedule.partition, lower, lower[:-1] + ";")
        return list(_each(self._db, f"{_SELECT} {where} ORDER BY 3", values))

    def tables(self) -> list[str]:
        """The names (`of`) of the tables that have rows here."""
        return [row[0] for row in self._db.execute("SELECT DISTINCT of FROM entities ORDER BY 1")]

    def shards(self) -> int:
        """How many shards the schedules are spread over. Raises `Damaged`."""
        row = self.get(SCHEDULES, META, SHARDS)
        try:
            return int(str(row and row.values["value"]))
        except (ValueError, KeyError):
            raise Damaged("the dump does not say how many shards there are") from None

    def contents(self) -> Contents:
        """The number of rows of each kind; the kinds that every state has are listed even with 0.
        Raises `Damaged`."""
        found = dict.fromkeys(KINDS, 0)
        found |= dict(self._db.execute("SELECT kind, count(*) FROM entities GROUP BY kind"))
        return Contents(tables=found, schema={SHARDS: str(self.shards())})


_SELECT = "SELECT of, partition, row, kind, body FROM entities"
_THIS = "of = ? AND partition = ? AND row = ?"


@contextmanager
def created(path: Path) -> Iterator[StateFile]:
    """A new file, committed if the block succeeds."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA synchronous = OFF")  # a lost file can be made again
        connection.execute(f"PRAGMA user_version = {FORMAT}")
        connection.execute(
            "CREATE TABLE entities (of TEXT NOT NULL, partition TEXT NOT NULL, row TEXT NOT NULL, "
            "kind TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (of, partition, row))"
        )
        yield StateFile(connection)
        connection.commit()


@contextmanager
def opened(path: Path) -> Iterator[StateFile]:
    """Open and check a dump's file. Raises `Damaged`."""
    try:
        with closing(sqlite3.connect(path)) as connection:
            check(connection)
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            if version != FORMAT:
                raise Damaged(f"the dump is of format {version}; this version reads {FORMAT}")
            yield StateFile(connection)
    except sqlite3.DatabaseError as error:
        raise Damaged(f"the dump cannot be read: {error}") from error


def _each(db: sqlite3.Connection, sql: str, values: tuple[str, ...]) -> Iterator[Row]:
    cursor = db.execute(sql, values)
    while some := cursor.fetchmany(_MANY):
        yield from (Row(*one) for one in some)
