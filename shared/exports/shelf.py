"""The list of export files: rows beside the blobs, so that a page of it costs what it shows.

A row is written after its blob, and removed before it. So each row leads to a file. A process that
is killed between the two leaves a file that no list shows: the job's next attempt finds it and
lists it, and if there is none, it is removed when its time is over, as all are.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.exports.kinds import Data, Format
from shared.exports.model import ExportFile, to_file
from shared.exports.safe import instant
from shared.projects import name_of
from shared.schedules.job import parse_id
from shared.storage.blobs.container import Item
from shared.storage.tables.batch import Delete, Insert
from shared.storage.tables.marked import marked
from shared.storage.tables.roll import Roll, Rolls, added, removed, rolls_for, rolls_of
from shared.storage.tables.roll_counts import Wanted, left
from shared.storage.tables.table import Table

_PARTITION = "exports"


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """Which files; None: any. Their runs were due from `since` on, and before `until`."""

    schedule_id: str | None = None
    data: Data | None = None
    format: Format | None = None
    since: datetime | None = None
    until: datetime | None = None


class Shelf:
    """The rows, in a partition of the app's table. Every method raises `Unavailable` or `Refused`
    if storage fails."""

    def __init__(self, table: Table) -> None:
        self._rolls = Rolls(table, _PARTITION)

    def add(self, file: ExportFile) -> None:
        """List a file; harmless if it is listed."""
        rolls, place, row = _rolls(file), _place(file), marked(_row(file))
        steps = [Insert(roll.rows + place, row) for roll in rolls]
        self._rolls.write(steps, added(rolls, place, _kind(file.data, file.format)))

    def remove(self, file: ExportFile) -> None:
        """List it no more; harmless if it is not listed."""
        rolls, place = _rolls(file), _place(file)
        steps = [Delete(roll.rows + place) for roll in rolls]
        self._rolls.write(steps, removed(rolls, place, _kind(file.data, file.format)))

    def page(
        self, projects: Collection[int] | None, asked: Asked, skip: int, size: int
    ) -> tuple[list[ExportFile], int]:
        """(those of these projects after the first `skip`, due last first; how many there are).
        `projects`: None for all, and for files that belong to none."""
        owners = None if projects is None else map(name_of, projects)
        wanted = Wanted(since=asked.since, until=asked.until, **_of_kinds(asked))
        found = self._rolls.page(rolls_for(owners, asked.schedule_id), wanted, skip, size)
        return [_file(row) for row in self._rolls.read(found, wanted.where)], found.total


def _rolls(file: ExportFile) -> list[Roll]:
    return rolls_of(name_of(file.project_id), file.schedule_id)


def _place(file: ExportFile) -> str:
    return f"{left(parse_id(file.job_id)[1])}-{file.id}"


def _kind(data: Data, format: Format) -> str:
    return f"{data.value}.{format.value}"


def _of_kinds(asked: Asked) -> dict[str, Any]:
    if asked.data is None and asked.format is None:
        return {}
    data, formats = asked.data, asked.format
    each = ([data] if data else [*Data]), ([formats] if formats else [*Format])
    conditions = {"data": data, "format": formats}
    return {
        "kinds": frozenset(_kind(one, other) for one in each[0] for other in each[1]),
        "where": " and ".join(f"{name} eq '{one}'" for name, one in conditions.items() if one),
    }


def _row(file: ExportFile) -> dict[str, Any]:
    return {
        "blob": file.blob,
        "bytes": str(file.bytes),
        "metadata": json.dumps(file.metadata()),
        "data": file.data.value,
        "format": file.format.value,
        "expires_at": instant(file.expires_at),
    }


def _file(row: Mapping[str, Any]) -> ExportFile:
    return to_file(Item(row["blob"], int(row["bytes"]), json.loads(row["metadata"])))
