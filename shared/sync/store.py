"""What is kept of each sync. The table has a partition for each project (its number, or `none`),
with these rows:

- `state:{series}`: what the last whole run ended with, and how far the one under way came. The
  series is the schedule's id; of an item of a batch, `{schedule id}.{key}`.
- `run:{schedule id}:{inverted due time}:{job id}`: a run, newest first.
- `of:{series}:{inverted due time}:{job id}`: that there is that run, of an item of a batch.

Both are written in one transaction, under the ETag of the first: of two attempts at once, one goes
on. The container has the reports, `{partition}/{schedule id}/{job id}/{number}.ndjson`, and what a
watermark must remember, `{partition}/{schedule id}/{job id}/seen-{number}`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from heapq import nlargest
from typing import Any

from shared.errors import Conflict, Damaged, NotFound
from shared.projects import name_of
from shared.schedules.job import parse_id
from shared.storage.blobs import journal, room
from shared.storage.blobs.container import Container
from shared.storage.blobs.stream import text
from shared.storage.connect import Connection
from shared.storage.failures import translated
from shared.storage.names import Names
from shared.storage.tables.batch import Delete, Insert, Replace, Upsert, literal
from shared.storage.tables.entities import stamp
from shared.storage.tables.marked import marked, write
from shared.storage.tables.partitions import partitions
from shared.sync.model import Counts, Cursor, State, SyncRun, SyncStatus

KEPT = 100
"""The runs of a schedule that are kept, with their reports."""
MOST_PIECES = 2_000
"""The pieces that their reports have together at most; the newest is kept, however long it is."""
_HELD = 100
"""After so many pieces of a report, it is looked again whether there is room."""
_SERVICE = "table storage"
_FAR = 9_999_999_999


class SyncStore:
    """The rows and blobs. The table and the container are made when they are first written to.
    Every method raises `Unavailable` or `Refused` if storage fails."""

    def __init__(self, connection: Connection, names: Names) -> None:
        self._connection = connection
        self._name = names.syncs
        self._table = connection.table(names.syncs)
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
        self.prepare()
        with translated(_SERVICE):
            row = self._table.get(name_of(project_id), f"state:{series}")
        return State() if row is None else _state(row)

    def write(self, before: State, after: State, run: SyncRun) -> State:
        """Write both rows; the state as it is stored. Raises `Conflict` if another attempt or
        another run of the schedule wrote since `before` was read."""
        key = f"state:{run.series}"
        row = marked(_state_row(after))
        step = Replace(key, before.etag, row) if before.etag else Insert(key, row)
        told = [Upsert(one, said) for one, said in _told(run)]
        etag = write(self._table, name_of(run.project_id), [step, *told])
        if etag is None:
            raise Conflict("another run of this schedule is under way, so this one ended")
        return replace(after, etag=etag)

    def tell(self, run: SyncRun) -> None:
        """Write how a run stands, whoever saves."""
        steps = [Upsert(key, row) for key, row in _told(run)]
        with translated(_SERVICE):
            self._table.transact(name_of(run.project_id), steps)

    def runs(
        self, projects: Collection[int] | None, schedule_id: str | None, most: int
    ) -> list[SyncRun]:
        """The newest runs of these projects (None: all, and the company's own), newest first."""
        lower = f"run:{schedule_id}:" if schedule_id else "run:"
        where = f"RowKey ge {literal(lower)} and RowKey lt {literal(lower[:-1] + ';')}"
        if projects is None:
            filters = [where]
        else:
            parts = [f"PartitionKey eq {literal(name_of(one))}" for one in sorted(projects)]
            filters = [f"{part} and {where}" for part in parts]
        rows = (row for one in filters for row in self._rows(one))
        newest = nlargest(most, rows, key=lambda row: (row["due_at"], row["job_id"]))
        return [_run(row) for row in newest]

    def run(self, projects: Collection[int] | None, job_id: str) -> SyncRun:
        """The run of that job. Raises `NotFound`."""
        if projects is None:
            row = next(self._rows(f"RowKey eq {literal(_run_key(job_id))}"), None)
        else:
            known = (self._row(one, _run_key(job_id)) for one in sorted(projects))
            row = next((one for one in known if one is not None), None)
        if row is not None:
            return _run(row)
        raise NotFound(f"there is no sync of a job {job_id!r}")

    def told(self, project_id: int | None, job_id: str) -> SyncRun | None:
        """The run of that job, if it was a sync of that project."""
        row = self._row(project_id, _run_key(job_id))
        return None if row is None else _run(row)

    def _row(self, project_id: int | None, key: str) -> dict[str, Any] | None:
        self.prepare()
        with translated(_SERVICE):
            return self._table.get(name_of(project_id), key)

    def _rows(self, where: str) -> Iterator[dict[str, Any]]:
        self.prepare()
        with translated(_SERVICE):
            yield from self._table.query(where)

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
        partition = name_of(run.project_id)
        lower = f"of:{run.series}:" if "." in run.series else f"run:{run.series}:"
        where = (
            f"PartitionKey eq {literal(partition)} and RowKey ge {literal(lower)} "
            f"and RowKey lt {literal(lower[:-1] + ';')}"
        )
        pieces = 0
        for number, row in enumerate(list(self._rows(where))):
            pieces += row.get("segments", 0)
            job_id = row["RowKey"].rpartition(":")[2]
            if number < KEPT and (number == 0 or pieces <= MOST_PIECES):
                continue
            if job_id != run.job_id and f"/{job_id}/" not in keep:
                self._remove(partition, run.series, job_id)

    def partitions(self) -> list[str]:
        self.prepare()
        with translated(_SERVICE):
            return list(partitions(self._table))

    def quiet(self, partition: str, since: datetime) -> list[str]:
        """The series whose last run was due before then."""
        where = (
            f"PartitionKey eq {literal(partition)} and RowKey ge 'state:' and RowKey lt 'state;'"
        )
        return [
            str(row["RowKey"]).removeprefix("state:")
            for row in self._rows(where)
            if (last := _last(row)) is not None and parse_id(last)[1] < since
        ]

    def forget(self, partition: str, series: str, check: Callable[[], None]) -> None:
        """Remove all of a series: its runs and their reports, and then its state, which leads to
        what is left of them."""
        lower = f"of:{series}:" if "." in series else f"run:{series}:"
        where = (
            f"PartitionKey eq {literal(partition)} and RowKey ge {literal(lower)} "
            f"and RowKey lt {literal(lower[:-1] + ';')}"
        )
        for row in list(self._rows(where)):
            check()
            self._remove(partition, series, row["RowKey"].rpartition(":")[2])
        with translated(_SERVICE):
            self._table.transact(partition, [Delete(f"state:{series}")])

    def _remove(self, partition: str, series: str, job_id: str) -> None:
        """Remove a run: its blobs first."""
        schedule_id = series.partition(".")[0]
        for name in self._blobs.names(f"{partition}/{schedule_id}/{job_id}/"):
            self._blobs.delete(name)
        for key in _keys_of(series, job_id):
            with translated(_SERVICE):
                self._table.transact(partition, [Delete(key)])


def _folder(run: SyncRun) -> str:
    return f"{name_of(run.project_id)}/{run.schedule_id}/{run.job_id}"


def _run_key(job_id: str) -> str:
    schedule_id, due_at = parse_id(job_id)
    return f"run:{schedule_id}:{_FAR - int(due_at.timestamp()):010d}:{job_id}"


def _told(run: SyncRun) -> list[tuple[str, dict[str, Any]]]:
    """(key, what it says) of each row of a run."""
    first, *others = _keys_of(run.series, run.job_id)
    return [(first, _run_row(run)), *((one, {}) for one in others)]


def _keys_of(series: str, job_id: str) -> list[str]:
    """The keys of a run's rows. The last one leads to the others when it is old."""
    key = _run_key(job_id)
    if "." not in series:
        return [key]
    return [key, f"of:{series}:{key.split(':', 2)[2]}"]


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
