"""What is kept of each sync. The table has one partition, with these rows:

- `state:{project}:{series}`: what the last whole run ended with, and how far the one under way
  came. The series is the schedule's id; of an item of a batch, `{schedule id}.{key}`.
- `in:{roll}:{place}`: a run, in each of its rolls (`shared.storage.tables.roll`), newest first.
- `of:{project}:{series}:{place}`: that there is that run, of an item of a batch.

All are written in one transaction, under the ETag of the first: of two attempts at once, one goes
on. The container has the reports, `{project}/{schedule id}/{job id}/{number}.ndjson`, and what a
watermark must remember, `{project}/{schedule id}/{job id}/seen-{number}`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from shared.errors import Conflict, Damaged, NotFound
from shared.projects import name_of, project_of
from shared.schedules.job import parse_id
from shared.storage.blobs import journal, room
from shared.storage.blobs.container import Container
from shared.storage.blobs.stream import text
from shared.storage.connect import Connection
from shared.storage.failures import translated
from shared.storage.names import Names
from shared.storage.tables import row_keys
from shared.storage.tables.batch import Delete, Insert, Replace, Upsert
from shared.storage.tables.entities import stamp
from shared.storage.tables.marked import marked, write
from shared.storage.tables.roll import Rolls, rolls_for, rolls_of
from shared.storage.tables.roll_counts import left
from shared.sync.model import Counts, Cursor, State, SyncRun, SyncStatus

KEPT = 100
"""The runs of a schedule that are kept, with their reports."""
LISTED = 1_000
"""How many runs a list has at most."""
MOST_PIECES = 2_000
"""The pieces that their reports have together at most; the newest is kept, however long it is."""
_HELD = 100
"""After so many pieces of a report, it is looked again whether there is room."""
_SERVICE = "table storage"
_PARTITION = "syncs"
_ROLLS = 4


class SyncStore:
    """The rows and blobs. The table and the container are made when they are first written to.
    Every method raises `Unavailable` or `Refused` if storage fails."""

    def __init__(self, connection: Connection, names: Names) -> None:
        self._connection = connection
        self._name = names.syncs
        self._table = connection.table(names.syncs)
        self._rolls = Rolls(self._table, _PARTITION)
        self._blobs: Container = connection.blobs(names.sync_reports)
        self._there = False

    def prepare(self) -> None:
        """Make the table and the container, if they do not exist."""
        if self._there:
            return
        with translated(_SERVICE):
            self._connection.create_table(self._name)
        if not self._connection.read_only:
            self._blobs.create()
        self._there = True

    def state(self, project_id: int | None, series: str) -> State:
        """The state of a series of syncs; an empty one if there was none."""
        row = self._row(_state_key(project_id, series))
        return State() if row is None else _state(row)

    def write(self, before: State, after: State, run: SyncRun) -> State:
        """Write all rows; the state as it is stored. Raises `Conflict` if another attempt or
        another run of the schedule wrote since `before` was read."""
        key, row = _state_key(run.project_id, run.series), marked(_state_row(after))
        step = Replace(key, before.etag, row) if before.etag else Insert(key, row)
        etag = write(self._table, _PARTITION, [step, *_told(run)])
        if etag is None:
            raise Conflict("another run of this schedule is under way, so this one ended")
        return replace(after, etag=etag)

    def tell(self, run: SyncRun) -> None:
        """Write how a run stands, whoever saves."""
        with translated(_SERVICE):
            self._table.transact(_PARTITION, _told(run))

    def page(
        self, projects: Collection[int] | None, schedule_id: str | None, skip: int, size: int
    ) -> tuple[list[SyncRun], int]:
        """(some of the newest `LISTED` runs of these projects, newest first; how many they are).
        `projects`: None for all, and the company's own."""
        self.prepare()
        rolls = rolls_for(None if projects is None else map(name_of, projects), schedule_id)
        found = self._rolls.newest(rolls, LISTED, skip, size)
        return [_run(row) for row in self._rolls.read(found)], found.total

    def run(self, projects: Collection[int] | None, job_id: str) -> SyncRun:
        """The run of that job. Raises `NotFound`."""
        (everything,) = rolls_for(None, None)
        row = self._row(everything.rows + _place(job_id))
        run = None if row is None else _run(row)
        if run is None or (projects is not None and run.project_id not in projects):
            raise NotFound(f"there is no sync of a job {job_id!r}")
        return run

    def told(self, project_id: int | None, job_id: str) -> SyncRun | None:
        """The run of that job, if it was a sync of that project."""
        (own,) = rolls_for([name_of(project_id)], None)
        row = self._row(own.rows + _place(job_id))
        return None if row is None else _run(row)

    def _row(self, key: str) -> dict[str, Any] | None:
        self.prepare()
        with translated(_SERVICE):
            return self._table.get(_PARTITION, key)

    def _rows(self, beginning: str, **options: Any) -> Iterator[dict[str, Any]]:
        """Those whose keys begin so."""
        self.prepare()
        where = row_keys.of(_PARTITION, row_keys.beginning(beginning))
        with translated(_SERVICE):
            yield from self._table.query(where, **options)

    def keep_report(
        self, run: SyncRun, number: int, lines: Iterable[Mapping[str, Any]], attempt: int = 1
    ) -> None:
        """Write a piece of a report; again, if an attempt before this one did. Raises `Conflict` if
        a later one did, and `Refused` if the project keeps as many bytes as it may."""
        if number % _HELD == 0:
            advice = "let fewer syncs run, or less often; reports of old runs go by themselves"
            room.hold("reports of syncs", advice, self._blobs, f"{name_of(run.project_id)}/")
        body = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
        journal.put_of(self._blobs, f"{_folder(run)}/{number:06d}.ndjson", body, attempt)

    def report(self, run: SyncRun, number: int) -> Sequence[Mapping[str, Any]]:
        """A piece of a report, from 0 on; empty if there is none."""
        if not 0 <= number < run.segments:
            return ()
        body = text(self._blobs.blob(f"{_folder(run)}/{number:06d}.ndjson"))
        return [json.loads(line) for line in body.splitlines()]

    def keep_seen(self, run: SyncRun, number: int, body: bytes, attempt: int) -> str:
        """Write what a watermark must remember; its name. Raises as `keep_report`."""
        name = f"{_folder(run)}/seen-{number:06d}"
        journal.put_of(self._blobs, name, body, attempt)
        return name

    def seen(self, name: str) -> bytes:
        """What a watermark remembers. Raises `Damaged` if it is gone."""
        return text(self._blobs.blob(name))

    def tidy(self, run: SyncRun, keep: str) -> None:
        """Remove the series' runs beyond the newest `KEPT` and `MOST_PIECES`, with their reports,
        but not this one, which may be of a backfill, nor the one of the blob `keep`; and of this
        one what its end made needless."""
        for name in self._blobs.names(f"{_folder(run)}/seen-"):
            if name != keep:
                self._blobs.delete(name)
        pieces = 0
        for number, (job_id, segments) in enumerate([*self._jobs(run.project_id, run.series)]):
            pieces += segments
            if number < KEPT and (number == 0 or pieces <= MOST_PIECES):
                continue
            if job_id != run.job_id and f"/{job_id}/" not in keep:
                self._remove(run.project_id, run.series, job_id)

    def quiet(self, since: datetime) -> Iterator[tuple[int | None, str]]:
        """(project, series) of those whose last run was due before then."""
        for row in self._rows("state:", select=("RowKey", "done", "cursor")):
            _, project, series = row["RowKey"].split(":", 2)
            if (last := _last(row)) is not None and parse_id(last)[1] < since:
                yield project_of(project), series

    def forget(self, project_id: int | None, series: str, check: Callable[[], None]) -> None:
        """Remove all of a series: its runs and their reports, and then its state, which leads to
        what is left of them."""
        for job_id, _ in list(self._jobs(project_id, series)):
            check()
            self._remove(project_id, series, job_id)
        with translated(_SERVICE):
            self._table.transact(_PARTITION, [Delete(_state_key(project_id, series))])

    def _jobs(self, project_id: int | None, series: str) -> Iterator[tuple[str, int]]:
        """(the job, the pieces of its report; of an item of a batch 0) of each run of a series,
        newest first."""
        *_, beginning = _beginnings(project_id, series)
        for row in self._rows(beginning, select=("RowKey", "segments")):
            job_id = row["RowKey"].removeprefix(beginning).partition("-")[2]
            yield job_id, row.get("segments") or 0

    def _remove(self, project_id: int | None, series: str, job_id: str) -> None:
        """Remove a run: its blobs first."""
        schedule_id = series.partition(".")[0]
        for name in self._blobs.names(f"{name_of(project_id)}/{schedule_id}/{job_id}/"):
            self._blobs.delete(name)
        keys = [Delete(key) for key in _keys_of(project_id, series, job_id)]
        with translated(_SERVICE):
            for steps in (keys[:_ROLLS], keys[_ROLLS:]):  # the last leads to the others
                if steps:
                    self._table.transact(_PARTITION, steps)


def _folder(run: SyncRun) -> str:
    return f"{name_of(run.project_id)}/{run.schedule_id}/{run.job_id}"


def _state_key(project_id: int | None, series: str) -> str:
    return f"state:{name_of(project_id)}:{series}"


def _place(job_id: str) -> str:
    return f"{left(parse_id(job_id)[1])}-{job_id}"


def _beginnings(project_id: int | None, series: str) -> list[str]:
    """What the keys of the rows of a series' runs begin with. The last one is of this series
    alone."""
    project, (schedule_id, dot, _) = name_of(project_id), series.partition(".")
    own = [f"of:{project}:{series}:"] if dot else []
    return [*(roll.rows for roll in reversed(rolls_of(project, schedule_id))), *own]


def _keys_of(project_id: int | None, series: str, job_id: str) -> list[str]:
    """The keys of a run's rows."""
    return [beginning + _place(job_id) for beginning in _beginnings(project_id, series)]


def _told(run: SyncRun) -> list[Upsert]:
    """Writes the rows of a run."""
    said, keys = _run_row(run), _keys_of(run.project_id, run.series, run.job_id)
    return [Upsert(key, said if key.startswith("in:") else {}) for key in keys]


def _last(row: Mapping[str, Any]) -> str | None:
    """The job that was the last to work on a series, as its state says; None if that cannot be
    read."""
    try:
        under_way = json.loads(row["cursor"])
        return str(row["done"] or under_way["job_id"]) or None
    except (ValueError, LookupError, TypeError):
        return None


def _state_row(state: State) -> dict[str, Any]:
    one = state.cursor
    cursor = asdict(one) | {"began_at": stamp(one.began_at)} if one is not None else None
    return {
        "value": json.dumps(dict(state.value)),
        "of": state.of,
        "cursor": json.dumps(cursor),
        "done": state.done,
    }


def _state(row: Mapping[str, Any]) -> State:
    try:
        said = json.loads(row["cursor"])
        cursor = None
        if said is not None:
            cursor = Cursor(**said | {"began_at": datetime.fromisoformat(said["began_at"])})
        value = json.loads(row["value"])
        return State(value=value, of=row["of"], cursor=cursor, done=row["done"], etag=row["etag"])
    except (ValueError, LookupError, TypeError) as error:
        raise Damaged(f"the row {row['RowKey']} cannot be read ({error!r:.200})") from error


def _run_row(run: SyncRun) -> dict[str, Any]:
    return {
        "job_id": run.job_id,
        "schedule_id": run.schedule_id,
        "series": run.series,
        "project_id": "" if run.project_id is None else run.project_id,
        "kind": run.kind,
        "source": run.source,
        "destination": run.destination,
        "status": run.status.value,
        "error": run.error[:2000],
        "due_at": stamp(run.due_at),
        "began_at": stamp(run.began_at),
        "changed_at": stamp(run.changed_at),
        "counts": json.dumps(run.counts.said()),
        "segments": run.segments,
        "more": json.dumps(dict(run.more)),
    }


def _run(row: Mapping[str, Any]) -> SyncRun:
    project = row["project_id"]
    due, began, changed = (
        datetime.fromisoformat(row[name]) for name in ("due_at", "began_at", "changed_at")
    )
    return SyncRun(
        job_id=row["job_id"],
        schedule_id=row["schedule_id"],
        series=row["series"],
        project_id=None if project == "" else int(project),
        kind=row["kind"],
        source=row["source"],
        destination=row["destination"],
        status=SyncStatus(row["status"]),
        error=row["error"],
        due_at=due,
        began_at=began,
        changed_at=changed,
        counts=Counts.of(json.loads(row["counts"])),
        segments=row["segments"],
        more=json.loads(row["more"]),
    )
