"""A table or view of a PostgreSQL database to files in a container: parts in the order of its key,
and a manifest, which is written last. A reader that goes by manifests never sees half a run.

Each part is one query that goes on after the last row of the part before, so a killed attempt goes
on with the next part. Rows that are changed while a run reads may be in it as they were before or
as they are after; with a watermark they are in the next run again.
"""

from __future__ import annotations

import json
import secrets
import struct
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from hashlib import md5, sha256
from typing import TYPE_CHECKING, Any

from shared.errors import Conflict, Damaged, Refused
from shared.outgoing.line import Line
from shared.storage.outside.containers import OutsideContainer
from shared.storage.outside.pages import Headers, Moved, Unfit
from shared.sync.catalog import Column, Described, described, told
from shared.sync.container import BLOCK
from shared.sync.files import PART_BYTES, Writing
from shared.sync.merge import copied_by, marks
from shared.sync.plan import Formulas, Kind, Mode, Verify, mode_of
from shared.sync.running import Run

if TYPE_CHECKING:
    from psycopg import Connection, sql

_FIRST, _FETCHED = 50, 1000
"""Rows that are fetched at first, and at once at most."""
_PIECE, MOST_AT_ONCE = 4 << 20, 64 << 20
"""Bytes that a fetch should have, and that one may have: a row may be larger than all before."""
_PATIENCE = 660.0
"""Seconds for an answer: `statement_timeout` and some more, since a server may not heed it."""
MOST_SEEN = 500_000
"""The most rows within the overlap."""
_HASH = 16
_HASHED = struct.Struct(f"<d{_HASH}s")
_ROUNDED = 4e-15
"""By how much a number of SQL may differ from the float that it becomes, as a part of it."""
_SETTINGS = (
    "SET TRANSACTION READ ONLY",
    "SET LOCAL statement_timeout = '10min'",
    "SET LOCAL lock_timeout = '30s'",
    "SET LOCAL TimeZone = 'UTC'",
    "SET LOCAL DateStyle = 'ISO, YMD'",
    "SET LOCAL IntervalStyle = 'postgres'",
    "SET LOCAL bytea_output = 'hex'",
    "SET LOCAL extra_float_digits = 1",
)
"""Texts of values must not depend on the server's settings, and read back as what they were."""


class DatabaseSync:
    """A run of that kind. `connect`: opens a connection by way of the guard. `where`: the database
    as people know it."""

    def __init__(
        self,
        connect: Callable[[], Connection[Any]],
        where: str,
        destination: OutsideContainer,
        run: Run,
    ) -> None:
        self._connect = connect
        self._where = where
        self._destination = destination
        self._run = run
        self._plan = run.plan
        self._mode = mode_of(run.plan, Kind.DATABASE)
        job = run.job
        name = job.job_id.removeprefix(f"{job.schedule_id}-")
        self._folder = f"{run.plan.folder.strip('/') or run.plan.table}/{name}"
        self._parts: list[Mapping[str, Any]] = []

    def __call__(self) -> dict[str, Any]:
        """Write the parts and the manifest; what the next run begins with."""
        with (
            told(self._where),
            closing(self._connect()) as connection,
            self._held(connection) as self._line,
        ):
            _begin(connection)
            table = described(connection, self._plan, self._where)
            connection.rollback()
            reading = _Reading(table, self._plan, self._mode, self._run.value, self._where)
            if self._run.dry:
                return self._counted(connection, reading)
            return self._written(connection, reading)

    @contextmanager
    def _held(self, connection: Connection[Any]) -> Iterator[Line]:
        """Cut the connection when the job must end, or the server, which is a stranger's, sends
        what no memory holds, or nothing."""
        from psycopg import Error

        job, file = self._run.job, connection.fileno()
        with Line(file, job.clock, job.stop, seconds=_PATIENCE, most=MOST_AT_ONCE) as line:
            try:
                yield line
            except Error:
                line.hold()
                raise

    def _counted(self, connection: Connection[Any], reading: _Reading) -> dict[str, Any]:
        _begin(connection)
        found = connection.execute(*reading.counting()).fetchone()
        self._run.counts.copied = int(found[0]) if found else 0
        return {}

    def _written(self, connection: Connection[Any], reading: _Reading) -> dict[str, Any]:
        run, begun = self._run, self._run.position
        writing = Writing(
            self._plan.format,
            reading.table.columns,
            escape=self._plan.formulas is Formulas.ESCAPE,
        )
        self._parts = self._parts_before()
        last: list[str] = list(begun.get("last", []))
        seen = self._seen(begun)
        seen_name = str(begun.get("seen", ""))
        while not begun.get("whole"):
            run.job.check()
            piece = self._piece(connection, reading, writing, last, seen)
            last = piece.last or last
            if piece.rows:
                self._send_part(writing, piece)
            if reading.table.watermark is not None and piece.last:
                body, attempt = seen.packed(), run.job.attempt
                seen_name = run.store.keep_seen(run.about, len(self._parts), body, attempt)
            begun = {"last": last, "seen": seen_name, "whole": not piece.more}
            run.save(begun)
        self._end(reading)
        return {
            "items": run.counts.items,
            "last": last or run.value.get("last", []),
            "seen": seen_name or str(run.value.get("seen", "")),
        }

    def _parts_before(self) -> list[Mapping[str, Any]]:
        """The parts that an earlier attempt wrote."""
        about = replace(self._run.about, segments=self._run.segments)
        pieces = (self._run.store.report(about, number) for number in range(self._run.segments))
        return [line for piece in pieces for line in piece]

    def _seen(self, begun: Mapping[str, Any]) -> _Seen:
        """What was copied within the overlap: by the run before, and by attempts before this."""
        names = str(self._run.value.get("seen", "")), str(begun.get("seen", ""))
        marked = self._mode is Mode.WATERMARK
        before, own = (self._run.store.seen(one) if one and marked else b"" for one in names)
        return _Seen(before, own, self._plan.overlap, self._where)

    def _piece(
        self,
        connection: Connection[Any],
        reading: _Reading,
        writing: Writing,
        after: Sequence[str],
        seen: _Seen,
    ) -> _Piece:
        """Read the next part. Its end depends on its rows alone, so each attempt has the same."""
        part, last, rows, more = writing.part(), list[str](), 0, False
        with closing(self._rows(connection, reading, writing, after)) as found:
            for count, row in enumerate(found, start=1):
                key, number, values = reading.split(row)
                if key == last:
                    text = f"key: two rows of {self._plan.table} have the same one"
                    raise Refused(self._where, text)
                if count > self._plan.part_rows or part.size >= PART_BYTES:
                    more = True
                    break
                last = key
                if number is None or seen.is_new(number, values):
                    part.add(values)
                    rows += 1
                else:
                    self._run.counts.same += 1
        connection.rollback()
        self._line.pause()
        return _Piece(last, more, rows, part.bytes() if rows else b"")

    def _rows(
        self,
        connection: Connection[Any],
        reading: _Reading,
        writing: Writing,
        after: Sequence[str],
    ) -> Generator[tuple[Any, ...], None, None]:
        """The rows after that one, at most one more than a part has."""
        self._line.step()
        _begin(connection)
        query, values = reading.query(writing, after, self._plan.part_rows + 1)
        with connection.cursor("belfry_sync") as cursor:
            cursor.execute(query, values)
            size = _FIRST
            self._line.step()
            while some := cursor.fetchmany(size):
                size = _next(size, self._line.step(), len(some))
                self._line.pause()
                try:
                    self._run.pace.item(len(some))
                    yield from some
                finally:
                    self._line.step()

    def _send_part(self, writing: Writing, piece: _Piece) -> None:
        rows, body = piece.rows, piece.body
        number = len(self._parts) + 1
        name = f"{self._folder}/part-{number:05d}.{self._plan.format}"
        sums = self._sent(name, body, writing.content_type)
        line = {"name": name, "rows": rows, "bytes": len(body), **sums}
        self._parts.append(line)
        self._run.note(line)
        counts = self._run.counts
        counts.copied += rows
        counts.bytes += len(body)
        counts.files += 1

    def _end(self, reading: _Reading) -> None:
        """Look at all parts again, then write the manifest. An incremental run with nothing new
        writes none."""
        if not self._parts and self._mode is not Mode.FULL:
            return
        for part in self._parts:
            self._run.job.check()
            self._hold(part)
        name = f"{self._folder}/manifest.json"
        self._sent(name, self._manifest(reading), "application/json")
        self._run.more["manifest"] = name

    def _manifest(self, reading: _Reading) -> bytes:
        said = {
            "schema_version": 1,
            "table": f"{reading.table.schema}.{reading.table.name}",
            "mode": self._mode.value,
            "format": self._plan.format.value,
            "job_id": self._run.job.job_id,
            "due_at": self._run.job.due_at.isoformat(),
            "key": [one.name for one in reading.table.key],
            "watermark": reading.table.watermark and reading.table.watermark.name,
            "columns": [{"name": one.name, "type": one.type} for one in reading.table.columns],
            "rows": sum(part["rows"] for part in self._parts),
            "parts": self._parts,
        }
        return json.dumps(said, indent=1).encode()

    def _sent(self, name: str, body: bytes, content_type: str) -> dict[str, str]:
        """Write a blob, over what an earlier attempt of this job wrote; its hashes."""
        found, like = md5(body, usedforsecurity=False), Headers(content_type=content_type)
        own = marks("", str(self._run.job.attempt), self._run.job.job_id)
        over: str | None = None
        for _ in range(3):
            try:
                self._run.pace.send(len(body))
                self._upload(name, body, found.digest(), like, own, over)
            except Moved:
                over = self._earlier(name)
                continue
            except Unfit as error:
                raise Refused(self._destination.at.shown, f"{name}: {error}") from error
            return {"md5": found.hexdigest(), "sha256": sha256(body).hexdigest()}
        raise Conflict(f"{name} is being written by others at the same time")

    def _earlier(self, name: str) -> str | None:
        """The ETag of what an earlier attempt wrote; a later one's stays."""
        there = self._destination.head(name)
        if there is None:
            return None
        attempt = there.metadata.get("belfry_etag", "")
        if not copied_by(there, self._run.job.job_id):
            shown = self._destination.at.shown
            raise Refused(shown, f"{name} is there already, and this sync did not write it")
        if attempt.isdigit() and int(attempt) > self._run.job.attempt:
            raise Conflict(f"a later attempt of this job writes {name}")
        return there.etag

    def _upload(
        self,
        name: str,
        body: bytes,
        found: bytes,
        like: Headers,
        own: Mapping[str, str],
        over: str | None,
    ) -> None:
        to = self._destination
        if len(body) <= BLOCK:
            to.put(name, body, found, like, own, over)
            return
        upload, offsets = secrets.token_hex(4), range(0, len(body), BLOCK)
        for number, offset in enumerate(offsets):
            to.stage(name, upload, number, body[offset : offset + BLOCK])
        to.commit(name, upload, len(offsets), found, like, own, over)

    def _hold(self, part: Mapping[str, Any]) -> None:
        """Raise `Damaged` unless the part is there as it was written."""
        name, there = part["name"], self._destination.head(part["name"])
        if there is None or there.size != part["bytes"]:
            raise Damaged(f"{name} is gone, or has another size than was written")
        if self._plan.verify is Verify.COUNTS:
            return
        if there.md5 is None or there.md5.hex() != part["md5"]:
            raise Damaged(f"{name} has another MD5 than was written")
        if self._plan.verify is Verify.READ_BACK:
            sums = sha256()
            for offset in range(0, there.size, BLOCK):
                length = min(BLOCK, there.size - offset)
                sums.update(self._destination.read(name, there.etag, offset, length))
            if sums.hexdigest() != part["sha256"]:
                raise Damaged(f"{name} is not what was written")


class _Reading:
    """The queries of a run."""

    def __init__(
        self, table: Described, plan: Any, mode: Mode, value: Mapping[str, Any], where: str
    ) -> None:
        self.table = table
        self._overlap = plan.overlap
        self._where = where
        self._before: list[str] = list(value.get("last", [])) if mode is not Mode.FULL else []
        marked = [table.watermark] if table.watermark is not None else []
        self._order: list[Column] = [*marked, *table.key]

    def split(self, row: Sequence[Any]) -> tuple[list[str], float | None, Sequence[Any]]:
        """(its place in the order, as texts; its watermark as a number; its values)."""
        size = len(self._order)
        texts, number, values = row[:size], row[size], row[size + 1 :]
        if any(text is None for text in texts):
            raise Refused(self._where, "key: a column of it, or the watermark, has NULL in a row")
        if number is not None and abs(number) == float("inf"):
            raise Refused(self._where, "watermark: a row has infinity, after which nothing is new")
        return [str(text) for text in texts], number, values

    def query(
        self, writing: Writing, after: Sequence[str], most: int
    ) -> tuple[sql.Composed, list[Any]]:
        """(the query, its values) for the rows after that place, in order."""
        from psycopg import sql

        texts = [_text(one) for one in self._order]
        values = [
            _text(one) if writing.as_text(one) else _column(one) for one in self.table.columns
        ]
        where, given = self._condition(after)
        order = sql.SQL(", ").join(map(_column, self._order))
        return (
            sql.SQL("SELECT {} FROM {} AS belfry {} ORDER BY {} LIMIT {}").format(
                sql.SQL(", ").join([*texts, self._number(), *values]),
                sql.Identifier(self.table.schema, self.table.name),
                where,
                order,
                sql.Literal(most),
            ),
            given,
        )

    def counting(self) -> tuple[sql.Composed, list[Any]]:
        from psycopg import sql

        where, given = self._condition(())
        name = sql.Identifier(self.table.schema, self.table.name)
        return sql.SQL("SELECT count(*) FROM {} AS belfry {}").format(name, where), given

    def _condition(self, after: Sequence[str]) -> tuple[sql.Composable, list[Any]]:
        from psycopg import sql

        marked = self.table.watermark
        if not after and self._before and marked is not None:
            unit = sql.SQL("make_interval(secs => %s)" if marked.is_instant else "%s::numeric")
            floor = sql.SQL("WHERE {} >= {} - {}").format(_column(marked), _cast(marked), unit)
            return floor, [self._before[0], self._overlap]
        place = list(after) or self._before
        if not place:
            return sql.SQL(""), []
        names = sql.SQL(", ").join(map(_column, self._order))
        casts = sql.SQL(", ").join(map(_cast, self._order))
        return sql.SQL("WHERE ({}) > ({})").format(names, casts), place

    def _number(self) -> sql.Composable:
        from psycopg import sql

        one = self.table.watermark
        if one is None:
            return sql.SQL("NULL")
        how = "EXTRACT(EPOCH FROM {})::float8" if one.is_instant else "({})::float8"
        return sql.SQL(how).format(_column(one))


@dataclass(frozen=True, slots=True)
class _Piece:
    """A part that was read: the place of its last row (empty: there was none), whether more follow,
    and its file."""

    last: list[str]
    more: bool
    rows: int
    body: bytes


class _Seen:
    """The rows within the overlap that were copied, each as its watermark and a hash: what is read
    again and is one of them is not copied again."""

    def __init__(self, before: bytes, own: bytes, overlap: float, where: str) -> None:
        """`before`: what the run before knew. `own`: what attempts before this one knew."""
        self._overlap = overlap
        self._where = where
        self._known = {found for _, found in _HASHED.iter_unpack(before)}
        self._recent: deque[tuple[float, bytes]] = deque(_HASHED.iter_unpack(own))
        self._before = before

    def is_new(self, number: float, values: Sequence[Any]) -> bool:
        """Whether the run before did not copy that row. They come in the order of `number`."""
        found = sha256(repr(tuple(values)).encode()).digest()[:_HASH]
        self._recent.append((number, found))
        floor = number - self._overlap - abs(number) * _ROUNDED
        while self._recent[0][0] < floor:
            self._recent.popleft()
        if len(self._recent) > MOST_SEEN:
            text = f"overlap: more than {MOST_SEEN} rows have a watermark within it; shorten it"
            raise Refused(self._where, text)
        return found not in self._known

    def packed(self) -> bytes:
        """What the next run must know."""
        if not self._recent:
            return self._before
        return b"".join(_HASHED.pack(*one) for one in self._recent)


def _next(size: int, came: int, rows: int) -> int:
    """How many rows to fetch next, by what the last ones had."""
    return max(1, min(_FETCHED, size * 4, _PIECE * rows // came if came else _FETCHED))


def _begin(connection: Connection[Any]) -> None:
    """Begin a transaction with settings of its own."""
    connection.rollback()
    for setting in _SETTINGS:
        connection.execute(setting)


def _column(one: Column) -> sql.Composable:
    """The table's column. Its name alone would mean the text that is selected, in ORDER BY."""
    from psycopg import sql

    return sql.Identifier("belfry", one.name)


def _text(one: Column) -> sql.Composable:
    from psycopg import sql

    return sql.SQL("{}::text").format(_column(one))


def _cast(one: Column) -> sql.Composable:
    from psycopg import sql

    return sql.SQL("CAST(%s AS {})").format(sql.SQL(one.type))
