"""Reads and writes runs. All of a run is in the shard of its schedules, so the end of a step, the
run's row and the steps that follow are written in one transaction."""

from __future__ import annotations

import functools
import json
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from shared.clock import Clock
from shared.errors import Damaged, NotFound
from shared.schedules.job import Job
from shared.schedules.model import Schedule
from shared.storage.failures import translated
from shared.storage.tables import entities, row_keys
from shared.storage.tables.batch import (
    MAX_OPERATIONS,
    Delete,
    Insert,
    Operation,
    Replace,
    Upsert,
)
from shared.storage.tables.changes import Change, operations, row_of
from shared.storage.tables.marked import marked, write
from shared.storage.tables.pending import joined, parted
from shared.storage.tables.schedules import ScheduleTable
from shared.storage.tables.table import Table
from shared.workflows.model import Definition
from shared.workflows.reading import read_definition
from shared.workflows.rows import event_key, head_key, items_key, properties, run_of_row
from shared.workflows.state import Run

_SERVICE = "table storage"
_REMEMBERED = 500
"""How many runs a process remembers as it wrote them."""
DEFINITIONS = "workflow_definitions"
"""The partition of the definitions that runs began with, by digest."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """An event that came for a run."""

    key: str
    name: str
    data: Mapping[str, object]
    at: datetime
    taken_by: str
    """The job that it ended the wait of; empty: none yet."""
    etag: str


class RunStore:
    """The rows. Every method raises `Unavailable` or `Refused` if storage fails."""

    def __init__(self, table: Table, schedules: ScheduleTable, clock: Clock) -> None:
        self._table = table
        self._schedules = schedules
        self._clock = clock
        self._written: OrderedDict[str, Run] = OrderedDict()
        self._lock = threading.Lock()
        self.definition = functools.lru_cache(256)(self._definition)

    def get(self, run_id: str) -> Run | None:
        """The run. Raises `Damaged`."""
        row = self._row(run_id, head_key(run_id))
        return None if row is None else run_of_row(row)

    def known(self, run_id: str) -> Run | None:
        """The run as this process wrote it last, if it remembers: whoever decides by that must have
        its write refused if it is not the latest. Else as `get`."""
        with self._lock:
            found = self._written.pop(run_id, None)
        return found or self.get(run_id)

    def write(
        self,
        run: Run,
        *,
        jobs: Sequence[Job] = (),
        made: Sequence[Schedule] = (),
        items: Mapping[int, Sequence[object]] | None = None,
    ) -> Run | None:
        """Write the run as it is now, the jobs of it that end, the schedules of the steps that
        begin and the items of a `foreach`: all or nothing. None if somebody was faster. Raises
        `TooLarge` if that is more than one transaction takes."""
        said = marked(properties(run))
        key = head_key(run.id)
        head = Replace(key, run.etag, said) if run.etag else Insert(key, said)
        now = self._clock.now()
        steps: list[Operation] = [head, *map(row_of, jobs)]
        for schedule in made:
            steps += operations(Change(None, schedule), said["mark"], now)
        for number, some in (items or {}).items():
            steps.append(Upsert(items_key(run.id, number), parted(json.dumps(list(some)))))
        etag = write(self._table, self.shard(run.id), steps)
        if etag is None:
            return None
        written = replace(run, etag=etag)
        if run.is_open:
            self._remember(written)
        return written

    def _remember(self, run: Run) -> None:
        with self._lock:
            self._written[run.id] = run
            while len(self._written) > _REMEMBERED:
                self._written.popitem(last=False)

    def shard(self, run_id: str) -> str:
        """The partition of a run."""
        return self._schedules.shard(run_id)

    def items(self, run_id: str, number: int) -> list[object]:
        """The items of the `foreach` of step `number`. Raises `Damaged`."""
        row = self._row(run_id, items_key(run_id, number))
        try:
            return list(json.loads(joined(row or {})))
        except (LookupError, ValueError, TypeError) as error:
            raise Damaged(f"the items of step {number} of {run_id}: {error!r:.200}") from error

    def keep(self, definition: Definition, text: str) -> None:
        """Keep a definition for the runs that begin with it; `text`: its canonical JSON."""
        row = Upsert(definition.digest, parted(text))
        with translated(_SERVICE):
            self._table.transact(DEFINITIONS, [row])

    def _definition(self, digest: str) -> Definition:
        return read_definition(self.text(digest))

    def text(self, digest: str) -> str:
        """The canonical JSON of a definition. Raises `NotFound`, `Damaged`."""
        with translated(_SERVICE):
            row = self._table.get(DEFINITIONS, digest)
        if row is None:
            raise NotFound(f"there is no definition {digest}")
        try:
            return joined(row)
        except (LookupError, TypeError) as error:
            raise Damaged(f"the definition {digest}: {error!r:.200}") from error

    def schedules(self, run_id: str) -> list[str]:
        """The ids of the schedules of a run: of its steps, and of its deadline."""
        keys = self._keys(run_id, entities.schedule_key(f"{run_id}_"))
        return [key.partition(":")[2] for key in keys]

    def remove(self, run: Run) -> bool:
        """Remove the row of a run; False if it is another by now."""
        key = head_key(run.id)
        return write(self._table, self.shard(run.id), [Delete(key, run.etag)]) is not None

    def remove_rest(self, run_id: str) -> None:
        """Remove all other rows of a run, but not its jobs: they are archived like all others."""
        shard = self.shard(run_id)
        for prefix in (f"{head_key(run_id)}:", entities.schedule_key(f"{run_id}_")):
            while keys := self._keys(run_id, prefix):
                for start in range(0, len(keys), MAX_OPERATIONS):
                    some = keys[start : start + MAX_OPERATIONS]
                    with translated(_SERVICE):  # refused: somebody else removes them too
                        self._table.transact(shard, [Delete(key) for key in some])

    def _keys(self, run_id: str, prefix: str) -> list[str]:
        where = row_keys.of(self.shard(run_id), row_keys.beginning(prefix))
        with translated(_SERVICE):
            return [row["RowKey"] for row in self._table.query(where, select=("RowKey",))]

    def has_event(self, run_id: str, name: str, event_id: str) -> bool:
        """Whether that event came."""
        return self._row(run_id, event_key(run_id, name, event_id)) is not None

    def add_event(
        self,
        run_id: str,
        name: str,
        event_id: str,
        data: Mapping[str, object],
        woken: Sequence[Change] = (),
    ) -> bool:
        """Store an event for a run, and wake these jobs of it in their rows; False if the same one
        came before, or the rows changed."""
        now = self._clock.now()
        said = marked(_event(name, now, "", data))
        steps: list[Operation] = [Insert(event_key(run_id, name, event_id), said)]
        for change in woken:
            steps += operations(change, said["mark"], now)
        return write(self._table, self.shard(run_id), steps) is not None

    def events(self, run_id: str, name: str | None = None) -> Iterator[Arrived]:
        """The events that came for a run, of one name or of all. Raises `Damaged`."""
        keys = row_keys.beginning(event_key(run_id, name, "") if name else f"run:{run_id}:event:")
        with translated(_SERVICE):
            rows = list(self._table.query(row_keys.of(self.shard(run_id), keys)))
        yield from map(_arrived, rows)

    def take(self, run_id: str, event: Arrived, job_id: str) -> bool:
        """Let a job have an event; False if another took it."""
        said = _event(event.name, event.at, job_id, event.data)
        row = Replace(event.key, event.etag, marked(said))
        return write(self._table, self.shard(run_id), [row]) is not None

    def _row(self, run_id: str, key: str) -> dict[str, Any] | None:
        with translated(_SERVICE):
            return self._table.get(self.shard(run_id), key)


def _event(name: str, at: datetime, taken_by: str, data: Mapping[str, object]) -> dict[str, Any]:
    text = json.dumps(dict(data))
    return {"name": name, "at": at.isoformat(), "taken_by": taken_by, **parted(text)}


def _arrived(row: Mapping[str, Any]) -> Arrived:
    try:
        return Arrived(
            key=row["RowKey"],
            name=row["name"],
            data=json.loads(joined(row)),
            at=datetime.fromisoformat(row["at"]),
            taken_by=row["taken_by"],
            etag=row["etag"],
        )
    except (LookupError, ValueError, TypeError) as error:
        raise Damaged(f"the row {row.get('RowKey')} cannot be read: {error!r:.200}") from error
