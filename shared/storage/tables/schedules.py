"""Schedules, the due index, versions and jobs, in one table.

All state of a schedule is in one partition, so a change of it is one entity group transaction:
it happens whole or not at all, and only if nobody changed the schedule in between (its ETag).
Each write carries a mark of its own (`commit`). If the answer to a write is lost, the write is
repeated and refused, and the mark shows that the first attempt succeeded.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, NamedTuple

from shared.audit.entry import Entry
from shared.clock import Clock
from shared.errors import Refused
from shared.schedules.job import Job, is_manual, is_schedule_id, parse_id, run_of
from shared.schedules.model import Schedule, Version
from shared.storage.failures import translated
from shared.storage.tables import changed, entities, pending, readable, trouble
from shared.storage.tables.batch import (
    Delete,
    Operation,
    TooLarge,
    Upsert,
    literal,
)
from shared.storage.tables.changes import Change, bare, operations, row_of, rows_of, without_length
from shared.storage.tables.ended import Ended, listed
from shared.storage.tables.table import Table
from shared.threads import Pool

_SERVICE = "table storage"
_LIMIT = 100
"""The most entities in one transaction."""
_PAGE = 1000
_SPARSE = 20
"""If less than one in this many of a range's rows is wanted, rows are read one by one instead."""
_FEW = 3
_GLANCE = 10
"""How many of a schedule's own jobs before an instant are searched for a stretch."""
_READERS = 8
_OF_A_SUSPECT = ("RowKey", "next_run_at", "waiting_since", "leased_to")


@dataclass(frozen=True, slots=True)
class Due:
    """An entry in the due index."""

    shard: str
    key: str
    schedule_id: str

    @property
    def due_at(self) -> datetime:
        return datetime.fromisoformat(self.key.split(":")[1])


@dataclass(frozen=True, slots=True)
class Running:
    """What a running job has logged so far, and its progress (from 0 to 1)."""

    log: str
    done: float | None


class Place(NamedTuple):
    """A place in the order of all schedules."""

    shard: str
    key: str


class ScheduleTable:
    """The table. Every method raises `Unavailable` or `Refused` if storage fails."""

    def __init__(self, table: Table, shards: int, clock: Clock) -> None:
        self._table = table
        self._clock = clock
        self._ended = Ended()
        self._listed = Ended(listed)
        self.troubled: set[str] = set()
        """The shards in which this process left notes for the alerts (`trouble`)."""
        self.audited: set[str] = set()
        """The shards in which this process left entries of the audit (`pending`)."""
        self.shards = [f"s{number:03d}" for number in range(shards)]
        self._readers = Pool(_READERS, "table")

    def shard(self, schedule_id: str) -> str:
        """The partition of a schedule: a hash of its id; of a step of a run, that of the run, so
        that all of a run can change in one transaction."""
        digest = hashlib.sha256((run_of(schedule_id) or schedule_id).encode()).digest()
        return self.shards[int.from_bytes(digest[:4]) % len(self.shards)]

    def get(self, schedule_id: str) -> Schedule | None:
        """The schedule, deleted or not; None if it never existed."""
        if not is_schedule_id(schedule_id):
            return None
        found = self._read(self.shard(schedule_id), entities.schedule_key(schedule_id))
        return None if found is None else readable.to_schedule(found)

    def rows(self, schedule_ids: Collection[str]) -> dict[str, dict[str, Any]]:
        """Of these schedules, the rows of those that exist, by id. Many rows take few requests."""
        keys: dict[str, list[str]] = {}
        for schedule_id in schedule_ids:
            key = entities.schedule_key(schedule_id)
            keys.setdefault(self.shard(schedule_id), []).append(key)
        found = self._readers.map(lambda one: self._many(one[0], sorted(one[1])), keys.items())
        return {key.removeprefix("schedule:"): row for rows in found for key, row in rows.items()}

    def many(self, schedule_ids: Collection[str]) -> dict[str, Schedule]:
        """Of these schedules, those that exist and can be read, by id."""
        found = readable.schedules(self.rows(schedule_ids).values())
        return {schedule.id: schedule for schedule in found}

    def job(self, job_id: str) -> Job | None:
        """The job, if it has ended."""
        found = self._read(self.shard(parse_id(job_id)[0]), entities.job_key(job_id))
        return None if found is None else readable.to_job(found)

    def ended(self, job_ids: Iterable[str]) -> dict[str, Job]:
        """Of these jobs, those that have ended, by id, without the parts that may be long."""
        wanted = set(job_ids)
        known = self._ended.among(wanted)
        found = self._readers.map(self.job, wanted - known.keys())
        read = {job.id: job for job in found if job is not None}
        self._ended.add(job for job in read.values() if job.started_at is not None)
        return known | read

    def whole(self, job_ids: Collection[str]) -> dict[str, Job]:
        """Of these jobs, those whose rows are here, by id, with all that is stored of them."""
        found = self._readers.map(self.job, job_ids)
        return {job.id: job for job in found if job is not None}

    def listed(self, job_ids: Collection[str]) -> dict[str, Job]:
        """Of these jobs, those that have ended, by id, as lists show them: maybe without log."""
        known = self._listed.among(job_ids)
        wanted = [job_id for job_id in job_ids if job_id not in known]
        read = [job for job in self._readers.map(self.job, wanted) if job is not None]
        self._listed.add(job for job in read if job.started_at is not None)
        return known | {job.id: job for job in read}

    def stretch(self, schedule_id: str, at: datetime) -> Job | None:
        """The stretch of a schedule's occurrences that contains an instant; usually one query.

        It is the last of the schedule's own jobs that are due by then, unless an occurrence was
        done twice. So a few jobs are searched, not counting those that people requested.
        """
        lower, upper = entities.job_prefix(schedule_id, at), f"job:{schedule_id};"
        shard = self.shard(schedule_id)
        keys = self._glances(shard, lower, upper, ["RowKey", "last_due_at"])
        own = (row for row in keys if not is_manual(row["RowKey"].rpartition(":")[2]))
        for row in islice(own, _GLANCE):
            if (row.get("last_due_at") or "") >= entities.stamp(at):
                found = self._read(shard, row["RowKey"])
                made = None if found is None else readable.to_job(found)
                return made if made is not None and made.due_until >= at else None
        return None

    def _glances(
        self, shard: str, lower: str, upper: str, select: list[str]
    ) -> Iterator[dict[str, Any]]:
        """The rows of a range: first a few, which mostly suffice, then by whole pages."""
        few = list(islice(self._range(shard, lower, upper, _GLANCE, select=select), _GLANCE))
        yield from few
        if len(few) == _GLANCE:
            yield from self._range(shard, few[-1]["RowKey"] + "\0", upper, select=select)

    def due(self, shard: str, until: datetime, limit: int) -> list[Due]:
        """The entries in the due index up to `until`, oldest first: one query."""
        return next(self.due_pages(shard, until, limit), [])

    def due_pages(self, shard: str, until: datetime, size: int) -> Iterator[list[Due]]:
        """All of these entries, `size` at a time: a request for each."""
        upper = entities.due_key(until + timedelta(seconds=1))
        rows = self._range(shard, "due:", upper, size, select=["RowKey"])
        keys = (row["RowKey"] for row in rows)
        while some := [Due(shard, key, key.rpartition(":")[2]) for key in islice(keys, size)]:
            yield some

    def schedules(self) -> Iterator[Schedule]:
        """Every schedule, including deleted ones: one query for each shard."""
        for shard in self.shards:
            yield from readable.schedules(self._range(shard, "schedule:", "schedule;"))

    def of_shard(self, shard: str) -> Iterator[Schedule]:
        """Every schedule of a shard, including deleted ones: one query."""
        yield from readable.schedules(self._range(shard, "schedule:", "schedule;"))

    def slice(self, shard: str, after: str, limit: int) -> tuple[list[Schedule], str]:
        """(A shard's schedules that can be read, whose ids come after that one, in the order of
        their ids: at most `limit`; the last one's id, or none if no more come after it)."""
        lower = entities.schedule_key(after) + "\0" if after else "schedule:"
        found = self._range(shard, lower, "schedule;", min(limit, _PAGE))
        rows = list(islice(found, limit))
        last = str(rows[-1]["RowKey"]).removeprefix("schedule:") if len(rows) == limit else ""
        return list(readable.schedules(rows)), last

    def announce(self, shard: str, schedule_ids: Iterable[str]) -> None:
        """Say in the feed that schedules of a shard changed, so that every index reads them."""
        now, mark = self._clock.now(), secrets.token_hex(6)
        steps: list[Operation] = [changed.row(one, now, mark) for one in schedule_ids]
        for start in range(0, len(steps), _LIMIT - 1):
            self._transact(shard, steps[start : start + _LIMIT - 1])

    def scattered(self, schedule_ids: Collection[str]) -> dict[str, Schedule]:
        """The same as `many`, by a request for each: cheaper for a few of a large shard."""
        rows = self._readers.map(
            lambda one: self._read(self.shard(one), entities.schedule_key(one)), schedule_ids
        )
        found = readable.schedules(row for row in rows if row is not None)
        return {schedule.id: schedule for schedule in found}

    def of_project(self, project_id: int | None) -> dict[str, Schedule]:
        """The schedules of a project (None: of none) that can be read, by id, without deleted ones
        and those of frequency `once`. Storage looks at every row, and returns these."""
        of = "" if project_id is None else str(project_id)
        more = f" and project_id eq {literal(of)} and frequency ne 'once' and deleted_at eq ''"
        found = self._readers.map(
            lambda shard: [*self._range(shard, "schedule:", "schedule;", more=more)], self.shards
        )
        return {one.id: one for rows in found for one in readable.schedules(rows)}

    def expired(self, by: datetime) -> Iterator[Schedule]:
        """Schedules that are on though their end came before then. Storage looks at every row, and
        returns these."""
        more = f" and end_time ne '' and end_time lt {literal(entities.stamp(by))}"
        more += " and enabled eq true and deleted_at eq ''"
        for shard in self.shards:
            rows = self._range(shard, "schedule:", "schedule;", more=more)
            yield from readable.schedules(rows)

    def configured(self) -> Iterator[Schedule]:
        """The system schedules. Storage looks at every row, and returns these."""
        for shard in self.shards:
            rows = self._range(shard, "schedule:", "schedule;", more=" and configured ne ''")
            yield from readable.schedules(rows)

    def ids(self) -> Iterator[str]:
        """The id of every schedule, including deleted ones and those that cannot be read."""
        for shard in self.shards:
            yield from map(_id_of, self._range(shard, "schedule:", "schedule;", select=["RowKey"]))

    def suspects(
        self, after: Place | None, most: int, by: datetime, leased: datetime
    ) -> tuple[list[str], Place | None]:
        """Of the next `most` schedules, the ids of those for which something should have happened,
        or may have to happen soon: an occurrence was due before `by` and is not handed out, a job
        waits for its time or for a worker, or a lease has not ended before `leased`.

        `after`: the place where the call before stopped; returned is the place where this one did,
        None at the end of all schedules.
        """
        rows, place = self._slice(after, most, select=_OF_A_SUSPECT)
        found = [_id_of(row) for row in rows if _is_suspect(row, by, leased)]
        return found, place

    def written(
        self, after: Place | None, most: int
    ) -> tuple[list[tuple[Schedule, datetime]], Place | None]:
        """The next `most` schedules, as `suspects` goes through them, without those that cannot be
        read; of each, when its row was last written, by the storage's clock."""
        rows, place = self._slice(after, most, raw=True)
        times = {_id_of(row): datetime.fromisoformat(row["Timestamp"]) for row in rows}
        named = ({**row, "etag": row["odata.etag"]} for row in rows)
        return [(one, times[one.id]) for one in readable.schedules(named)], place

    def touched(self, since: datetime, by: datetime) -> Iterator[str]:
        """The ids of the schedules whose rows were written at `since` or later, or which owe an
        occurrence that was due by `by`, or of which a job waits or was leased since. One query for
        each shard; the service passes over all other rows."""
        lower, due = literal(entities.stamp(since)), literal(entities.stamp(by))
        where = (
            f"Timestamp ge datetime'{since.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}' or "
            f"waiting_since ne '' or leased_to ge {lower} or "
            f"(next_run_at ne '' and next_run_at le {due})"
        )
        for shard in self.shards:
            more = f" and ({where})"
            rows = self._range(shard, "schedule:", "schedule;", more=more, select=["RowKey"])
            yield from map(_id_of, rows)

    def _slice(
        self, after: Place | None, most: int, **how: Any
    ) -> tuple[list[dict[str, Any]], Place | None]:
        """The rows of the next `most` schedules after that place, and the place of the last; None
        at the end of all."""
        found: list[dict[str, Any]] = []
        for shard in self.shards:
            if after is not None and shard < after.shard:
                continue
            here = after is not None and shard == after.shard
            start = f"{after.key}\0" if here and after is not None else "schedule:"
            page = min(_PAGE, most - len(found))
            rows = self._range(shard, start, "schedule;", page, **how)
            found += islice(rows, most - len(found))
            if len(found) == most:
                return found, Place(shard, found[-1]["RowKey"])
        return found, None

    def observing(self) -> Iterator[Schedule]:
        """Schedules that observe calendars, deleted ones left out: one query for each shard, which
        reads the whole shard and returns these."""
        where = " and calendar gt '' and deleted_at eq ''"
        for shard in self.shards:
            rows = self._range(shard, "schedule:", "schedule;", more=where)
            yield from readable.schedules(rows)

    def discard(self, schedule_id: str, audit: Entry) -> None:
        """Remove a schedule whose row cannot be read: the row and its entries in the due index. The
        audit's entry is written in the transaction that removes the row."""
        shard = self.shard(schedule_id)
        rows = self._range(shard, "due:", "due;", select=["RowKey"])
        due = [row["RowKey"] for row in rows if row["RowKey"].endswith(f":{schedule_id}")]
        for key in due:
            self._transact(shard, [Delete(key)])
        said = changed.row(schedule_id, self._clock.now(), secrets.token_hex(6))
        gone = Delete(entities.schedule_key(schedule_id))
        steps: list[Operation] = [gone, pending.row_of(audit), said]
        self._transact(shard, steps)

    def forget(self, entry: Due) -> None:
        """Remove an entry in the due index that has no schedule."""
        self._transact(entry.shard, [Delete(entry.key)])

    def jobs(
        self,
        schedule_id: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Iterator[Job]:
        """Ended jobs, newest first within each schedule. `since` and `until` limit when they were
        due, and apply only with `schedule_id`."""
        lower, upper = "job:", "job;"
        if schedule_id is not None:
            lower, upper = entities.job_range(schedule_id, since, until)
        shards = self.shards if schedule_id is None else [self.shard(schedule_id)]
        for shard in shards:
            for row in self._range(shard, lower, upper):
                yield readable.to_job(row)

    def newest(self, schedule_id: str) -> Job | None:
        """The schedule's ended job that was due last: one row."""
        lower = f"job:{schedule_id}:"
        for row in self._range(self.shard(schedule_id), lower, lower[:-1] + ";", 1):
            return readable.to_job(row)
        return None

    def versions(self, schedule_id: str) -> list[Version]:
        """The schedule's versions, oldest first: what it was to run, and from when on."""
        prefix = entities.version_key(schedule_id)
        rows = self._range(self.shard(schedule_id), prefix, prefix[:-1] + ";")
        return [entities.to_version(row) for row in rows]

    def running(self, job_id: str) -> Running | None:
        """What a running job has said so far; None if it has said nothing yet."""
        row = self._read(self.shard(parse_id(job_id)[0]), entities.log_key(job_id))
        if row is None:
            return None
        return Running(row["log"], float(row["done"]) if row["done"] else None)

    def say(self, job_id: str, said: Running) -> None:
        """Store what a running job has said so far; `unsay` removes it."""
        done = "" if said.done is None else str(said.done)
        row = Upsert(entities.log_key(job_id), {"log": said.log, "done": done})
        with translated(_SERVICE):
            self._table.transact(self.shard(parse_id(job_id)[0]), [row])

    def unsay(self, job_id: str) -> None:
        """Remove what a running job said; harmless if nothing is stored."""
        with translated(_SERVICE):
            row = Delete(entities.log_key(job_id))
            self._table.transact(self.shard(parse_id(job_id)[0]), [row])

    def end(self, jobs: Sequence[Job]) -> list[bool]:
        """Write the rows of ended jobs; for each, False if another worker ended it before."""
        won: dict[str, bool] = {}
        by_shard: dict[str, list[Job]] = {}
        for job in jobs:
            by_shard.setdefault(self.shard(job.schedule_id), []).append(job)
        for shard, some in by_shard.items():
            size = _LIMIT // 2 if any(True for job in some for _ in trouble.of_job(job)) else _LIMIT
            for start in range(0, len(some), size):
                won |= self._end(shard, some[start : start + size])
        self._ended.add(job for job in jobs if won[job.id])
        return [won[job.id] for job in jobs]

    def troubles(self, shard: str, most: int) -> list[trouble.Trouble]:
        """The notes for the alerts in a shard, at most `most`: one query."""
        upper = trouble.PREFIX[:-1] + ";"
        rows = islice(self._range(shard, trouble.PREFIX, upper, most), most)
        found = [(row["RowKey"], readable.to_trouble(row)) for row in rows]
        self._remove(shard, [key for key, one in found if one is None])
        return [one for _, one in found if one is not None]

    def settled(self, shard: str, notes: Iterable[trouble.Trouble]) -> None:
        """Remove notes that were taken over; harmless for those that are gone."""
        self._remove(shard, [one.key for one in notes])

    def _remove(self, shard: str, keys: Sequence[str]) -> None:
        with translated(_SERVICE):
            if keys and not self._table.transact(shard, [Delete(key) for key in keys]).committed:
                for key in keys:
                    self._table.transact(shard, [Delete(key)])

    def _end(self, shard: str, jobs: list[Job]) -> dict[str, bool]:
        """Write all rows at once if possible, else in smaller parts, so that one bad row does not
        stop the others."""
        try:
            steps: list[Operation] = [row_of(job) for job in jobs]
            steps += [note for job in jobs for note in trouble.of_job(job)]
            if self._transact(shard, steps):
                return {job.id: True for job in jobs}
        except (Refused, TooLarge) as error:
            if len(jobs) == 1 and (short := bare(jobs[0], error)) != jobs[0]:
                return self._end(shard, [short])
            if len(jobs) == 1:
                raise
        if len(jobs) > 1:
            half = len(jobs) // 2
            return self._end(shard, jobs[:half]) | self._end(shard, jobs[half:])
        earlier = self.job(jobs[0].id)
        return {jobs[0].id: earlier is not None and earlier.ended_as(jobs[0])}

    def commit(self, changes: Sequence[Change]) -> list[bool]:
        """Make each change whole or not at all; for each, whether it was made.

        A change is not made if somebody changed its schedule in between; it then writes nothing.
        """
        return [made for batch in self.batches(changes) for made in self._made(batch)]

    def _made(self, batch: list[Change]) -> list[bool]:
        """Make all changes at once if possible, else in smaller parts, so that one bad change does
        not stop the others."""
        try:
            if self._commit(batch):
                return [True] * len(batch)
        except (Refused, TooLarge) as error:
            if len(batch) == 1:
                return self._made([without_length(batch[0], error)])
        if len(batch) > 1:
            half = len(batch) // 2
            return self._made(batch[:half]) + self._made(batch[half:])
        return [self._lost_its_place(batch[0]) and self._commit(batch, repaired=True)]

    def _lost_its_place(self, change: Change) -> bool:
        """Whether a change was refused only because the schedule's entry in the due index is
        missing, and not because somebody was faster."""
        before = change.before
        if before is None or before.progress.next_run_at is None:
            return False
        shard = self.shard(before.id)
        due = self._read(shard, entities.due_key(before.progress.next_run_at, before.id))
        row = self._read(shard, entities.schedule_key(before.id)) if due is None else None
        return row is not None and row["etag"] == before.etag

    def _commit(self, batch: list[Change], *, repaired: bool = False) -> bool:
        mark, now = secrets.token_hex(6), self._clock.now()
        shard = self.shard(batch[0].after.id)
        steps = [op for change in batch for op in operations(change, mark, now, repaired=repaired)]
        keys = [entities.schedule_key(change.after.id) for change in batch]
        return self._transact(shard, steps, keys, mark)

    def batches(self, changes: Sequence[Change]) -> Iterator[list[Change]]:
        """The batches that `commit` writes, in order. Each is of one shard, and fits into one
        transaction."""
        batch: list[Change] = []
        size = 0
        for change in changes:
            more = rows_of(change)
            same = batch and self.shard(batch[0].after.id) == self.shard(change.after.id)
            if batch and (not same or size + more > _LIMIT - 1):  # one is left for `with_head`
                yield batch
                batch, size = [], 0
            batch.append(change)
            size += more
        if batch:
            yield batch

    def _transact(
        self, shard: str, steps: Sequence[Operation], keys: Sequence[str] = (), mark: str = ""
    ) -> bool:
        """Make the operations; whether they were committed. `keys` are rows that get the mark, by
        which a commit whose answer was lost is recognised."""
        with translated(_SERVICE):
            outcome = self._table.transact(shard, changed.with_head(steps))
        if any(step.key.startswith(trouble.PREFIX) for step in steps):
            self.troubled.add(shard)
        if any(step.key.startswith(pending.PREFIX) for step in steps):
            self.audited.add(shard)
        if outcome.committed or not outcome.retried:
            return outcome.committed
        rows = (self._read(shard, key) for key in keys)
        return any(row is not None and row.get("commit") == mark for row in rows)

    def _read(self, shard: str, key: str) -> dict[str, Any] | None:
        with translated(_SERVICE):
            return self._table.get(shard, key)

    def _many(self, shard: str, keys: list[str]) -> dict[str, dict[str, Any]]:
        """Read whole ranges while enough of their rows are wanted; read others one by one."""
        found: dict[str, dict[str, Any]] = {}
        at = 0
        while len(keys) - at > _FEW:
            top = min(_PAGE, _SPARSE * (len(keys) - at))
            rows = list(islice(self._range(shard, keys[at], keys[-1] + "\0", top), top))
            wanted = set(keys[at:])
            hits = {row["RowKey"]: row for row in rows if row["RowKey"] in wanted}
            found |= hits
            if len(rows) < top:
                return found
            at = sum(key <= rows[-1]["RowKey"] for key in keys)
            if len(hits) * _SPARSE < len(rows):
                break
        singles = self._readers.map(lambda key: self._read(shard, key), keys[at:])
        return found | {row["RowKey"]: row for row in singles if row is not None}

    def _range(
        self,
        shard: str,
        lower: str,
        upper: str,
        page: int = _PAGE,
        *,
        more: str = "",
        select: Sequence[str] | None = None,
        raw: bool = False,
    ) -> Iterator[dict[str, Any]]:
        span = f"RowKey ge {literal(lower)} and RowKey lt {literal(upper)}"
        where = f"PartitionKey eq {literal(shard)} and {span}{more}"
        with translated(_SERVICE):
            yield from self._table.query(where, top=page, select=select, raw=raw)


def _id_of(row: Mapping[str, Any]) -> str:
    return str(row["RowKey"]).removeprefix("schedule:")


def _is_suspect(row: Mapping[str, Any], by: datetime, leased: datetime) -> bool:
    """As `suspects` says; also a row that cannot be read."""
    try:
        upcoming = row["next_run_at"]
        return bool(
            (upcoming and upcoming < entities.stamp(by))
            or row["waiting_since"]
            or row["leased_to"] >= entities.stamp(leased)
        )
    except (KeyError, TypeError):
        return True
