"""Belfry's own state as a source: its tables, so that Belfry can be restored to an empty account.

A restore goes into the tables of a prefix, which must hold no state yet, except what an app that
started on them made by itself. With `replace` it is merged with what is there: a schedule's
definition is then the backup's, its progress is whichever is further ahead, and what the backup
does not have stays. The former state is not kept elsewhere, so take a backup of it before.

Queues are not backed up: the sweep sends messages for whatever is live.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from shared.backups.scratch import scratch_folder
from shared.backups.source import Contents, Dump, Restored, Target
from shared.backups.sqlite.contents import read
from shared.backups.state.file import (
    META,
    SCHEDULES,
    SHARDS,
    StateFile,
    created,
    opened,
    row_of,
)
from shared.backups.state.history import leave_out_lost
from shared.backups.state.merge import is_untouched
from shared.backups.state.names import target_problem
from shared.backups.state.read import Reader, read_table
from shared.backups.state.write import Writer, write
from shared.engine.dispatch.facts import SWEPT
from shared.errors import Conflict, Damaged, Invalid, Misconfigured
from shared.storage.connect import Connection
from shared.storage.failures import translated
from shared.storage.tables import readable
from shared.storage.tables.batch import HEADERS, Delete, Upsert
from shared.storage.tables.changed import INDEX
from shared.storage.tables.facts import RESTORING, SYSTEM, Meta
from shared.storage.tables.handed import HandedOut, Note
from shared.storage.tables.job_feed import JobFeed
from shared.storage.tables.table import Table
from shared.tasks.context import JobContext

_SERVICE = "table storage"
_SECRETS = "secrets"
_TABLES = (SCHEDULES, "messages", _SECRETS, "resources", "spending", "workflows", "approvals")
"""The names of Belfry's tables, without the prefix."""
_SCRATCH = "scratch"
_STAMP = "%Y%m%dt%H%M%S"
_LEFT_OVER = timedelta(days=1)


class StateSource:
    """The tables of one prefix. `shards`: the number of shards by the settings."""

    name = "state"
    engine = "belfry"
    suffix = "state.sqlite"
    scope = ""

    def __init__(
        self, connection: Connection, prefix: str, shards: int, *, temp: Path | None = None
    ) -> None:
        self._connection = connection
        self._prefix = prefix
        self._shards = shards
        self._temp = temp or Path(tempfile.gettempdir())

    @property
    def database(self) -> str:
        return self._prefix

    @contextmanager
    def dump(self, job: JobContext) -> Iterator[Dump]:
        with scratch_folder(self._temp) as folder:
            path = folder / "state.sqlite"
            account = self._connection.cancellable(job.check)
            with translated(_SERVICE), created(path) as file:
                there = _there(account, self._prefix)
                if SCHEDULES not in there:
                    text = f"there is no table {self._prefix}{SCHEDULES}; see BELFRY_PREFIX"
                    raise Misconfigured(text)
                Reader(account.table(f"{self._prefix}{SCHEDULES}"), file, job).all(self._shards)
                # secrets once more at last, so that those of a resource that changed meanwhile are
                # there too; the rows stay encrypted
                for of in (*there[1:], *(one for one in there if one == _SECRETS)):
                    read_table(account.table(f"{self._prefix}{of}"), of, file)
                contents = file.contents()
            yield Dump(
                chunks=read(path, job),
                contents=contents,
                engine_version=_version(),
                dump_version="rows of each schedule at one instant",
            )

    def prove(self, chunks: Iterator[bytes], job: JobContext) -> Contents:
        with self._received(chunks, job) as (file, _), translated(_SERVICE):
            now = job.clock.now().astimezone(UTC)
            account = self._connection.cancellable(job.check)
            self._remove_left_over(account, now)
            prefix = f"{self._prefix}{_SCRATCH}{now.strftime(_STAMP)}{secrets.token_hex(4)}"
            tables = {of: account.table(f"{prefix}{of}") for of in {SCHEDULES, *file.tables()}}
            try:
                for table in tables.values():
                    account.create_table(table.name)
                _write(file, tables, job)
                counted = dict.fromkeys(file.contents().tables, 0)
                for of, table in tables.items():
                    _compare(table, of, file, counted)
            finally:
                # a stopped job does not wait for storage; what is left is removed a day later
                names = [table.name for table in tables.values()]
                self._connection.drop_tables(names, hastily=job.stop.is_set())
            return Contents(tables=counted, schema=file.contents().schema)

    def restore(self, chunks: Iterator[bytes], target: Target, job: JobContext) -> Restored:
        """Restore into the tables of a prefix, by default the source's own; `kept_as` is None."""
        prefix = target.name or self._prefix
        if (wrong := target_problem(prefix)) is not None:
            raise Invalid("target", wrong)
        with self._received(chunks, job) as (file, mark), translated(_SERVICE):
            account = self._connection.cancellable(job.check)
            tables = {of: account.table(f"{prefix}{of}") for of in {SCHEDULES, *file.tables()}}
            for table in tables.values():
                account.create_table(table.name)
            self._check_shards(tables[SCHEDULES], prefix, file.shards())
            schedules, now = tables[SCHEDULES], job.clock.now()
            marker = schedules.get(META, RESTORING)
            again = marker is not None and marker.get("value") == mark
            if not again and target.replace != prefix:
                _check_empty(schedules, prefix, job)
            schedules.transact(META, [Upsert(RESTORING, {"value": mark})])
            contents = file.contents()
            leave_out_lost(file, self._connection, job)
            # no note names the jobs that are written: this makes the next sweep look at all
            HandedOut(schedules).write([Note(at=now, ids=None, until=now)])
            feed = JobFeed(schedules, Meta(schedules))
            feed.drop()
            _write(file, tables, job, keep=job.schedule_id)
            HandedOut(schedules).write([Note(at=now, ids=None, until=now)])
            feed.drop()
            # nor does a start know the system schedules: this makes the next one look at all
            for key in (SWEPT, SYSTEM, RESTORING):
                schedules.transact(META, [Delete(key)])
            # nor does the feed name what was written: this makes every index begin anew
            schedules.transact(META, [Upsert(INDEX, {"value": secrets.token_hex(6)})])
            return Restored(contents=contents, name=prefix)

    @contextmanager
    def _received(
        self, chunks: Iterator[bytes], job: JobContext
    ) -> Iterator[tuple[StateFile, str]]:
        """(the dump as a file, its SHA-256, which tells it from other dumps)."""
        with scratch_folder(self._temp) as folder:
            path = folder / "state.sqlite"
            hashed = hashlib.sha256()
            with path.open("wb") as content:
                for chunk in chunks:
                    job.check()
                    content.write(chunk)
                    hashed.update(chunk)
            with opened(path) as file:
                yield file, hashed.hexdigest()

    def _check_shards(self, table: Table, prefix: str, wanted: int) -> None:
        found = table.get(META, SHARDS)
        there = None if found is None else str(found.get("value"))
        if there is None and prefix == self._prefix:
            there = str(self._shards)
        if there is not None and there != str(wanted):
            raise Conflict(
                f"the backup's schedules are spread over {wanted} shards, those of {prefix} over "
                f"{there}; restore into another prefix, and set SCHEDULE_SHARDS to {wanted} and "
                "BELFRY_PREFIX to that prefix"
            )

    def _remove_left_over(self, account: Connection, now: datetime) -> None:
        """Remove scratch tables that a killed process left: only those older than a day, so that
        none is in use."""
        known = "|".join(_TABLES)
        own = re.compile(rf"{self._prefix}{_SCRATCH}(\d{{8}}t\d{{6}})[0-9a-f]{{8}}({known})")
        for name in account.table_names(f"{self._prefix}{_SCRATCH}"):
            match = own.fullmatch(name)
            if match is None:
                continue
            made = datetime.strptime(match[1], _STAMP).replace(tzinfo=UTC)
            if now - made > _LEFT_OVER:
                account.drop_tables([name])


def _there(account: Connection, prefix: str) -> list[str]:
    """Which of Belfry's tables exist, that of the schedules first."""
    found = account.table_names(prefix)
    return [of for of in _TABLES if f"{prefix}{of}" in found]


def _write(file: StateFile, tables: Mapping[str, Table], job: JobContext, keep: str = "") -> None:
    for of in tables.keys() - {SCHEDULES}:
        write(tables[of], file.rows(of), job)
    Writer(tables[SCHEDULES], file, job).all(keep)


def _compare(table: Table, of: str, file: StateFile, counted: dict[str, int]) -> None:
    """Count the rows of a scratch table. Raises `Damaged` if one is not as it was dumped."""
    for found in table.query("", raw=True):
        if of == SCHEDULES and str(found["RowKey"]).startswith("due:"):
            continue
        row = row_of(of, found)
        if row != file.get(of, row.partition, row.key):
            raise Damaged(f"{row.key} came back otherwise than it was written")
        counted[row.kind] += 1


def _check_empty(table: Table, prefix: str, job: JobContext) -> None:
    """Raises `Conflict` if there is more than what an app makes by itself, and this restore's own
    schedule."""
    allowed = {job.schedule_id}
    for row in table.query("RowKey ge 'schedule:' and RowKey lt 'schedule;'"):
        name = str(row["RowKey"]).removeprefix("schedule:")
        try:
            found = readable.to_schedule({**row, "etag": ""})
        except Damaged:
            found = None
        if name != job.schedule_id and not (found and found.configured and is_untouched(found)):
            raise _occupied(prefix, f"the schedule {name}")
        allowed.add(name)
    for row in table.query("RowKey ge 'job:' and RowKey lt 'job;'", select=["RowKey"]):
        name = str(row["RowKey"]).split(":")[1]
        if name not in allowed:
            raise _occupied(prefix, f"jobs of {name}")


def _occupied(prefix: str, what: str) -> Conflict:
    return Conflict(
        f"the tables of {prefix} are not empty (there is {what}); restore into another prefix "
        f"and set BELFRY_PREFIX to that, or give {prefix} once more as `replace`, to restore "
        "among what is there"
    )


def _version() -> str:
    """The version of the service's API: the service itself has none that it tells."""
    return f"Table Storage {HEADERS['x-ms-version']}"
