"""A table or view of a PostgreSQL database to files in a container: parts in the order of its key,
and a manifest, which is written last. A reader that goes by manifests never sees half a run.

Each part is one query that goes on after the last row of the part before, so a killed attempt goes
on with the next part. Rows that are changed while a run reads may be in it as they were before or
as they are after; with a watermark they are in the next run again.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shared.errors import Refused
from shared.outgoing.line import Line
from shared.storage.outside.containers import OutsideContainer
from shared.sync.catalog import described, told
from shared.sync.files import PART_BYTES, Writing
from shared.sync.parts import Parts
from shared.sync.plan import Formulas, Kind, Mode, mode_of
from shared.sync.queries import Queries
from shared.sync.running import Run
from shared.sync.seen import Seen

if TYPE_CHECKING:
    from psycopg import Connection

_FIRST, _FETCHED = 50, 1000
"""Rows that are fetched at first, and at once at most."""
_PIECE, MOST_AT_ONCE = 4 << 20, 64 << 20
"""Bytes that a fetch should have, and that one may have: a row may be larger than all before."""
_PATIENCE = 660.0
"""Seconds for an answer: `statement_timeout` and some more, since a server may not heed it."""
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
            queries = Queries(table, self._plan, self._mode, self._run.value, self._where)
            if self._run.dry:
                return self._counted(connection, queries)
            return self._written(connection, queries)

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

    def _counted(self, connection: Connection[Any], queries: Queries) -> dict[str, Any]:
        _begin(connection)
        found = connection.execute(*queries.counting()).fetchone()
        self._run.counts.copied = int(found[0]) if found else 0
        return {}

    def _written(self, connection: Connection[Any], queries: Queries) -> dict[str, Any]:
        run, begun = self._run, self._run.position
        writing = Writing(
            self._plan.format,
            queries.table.columns,
            escape=self._plan.formulas is Formulas.ESCAPE,
        )
        parts = Parts(self._destination, run, self._mode)
        last: list[str] = list(begun.get("last", []))
        seen = self._seen(begun)
        seen_name = str(begun.get("seen", ""))
        while not begun.get("whole"):
            run.job.check()
            piece = self._piece(connection, queries, writing, last, seen)
            last = piece.last or last
            if piece.rows:
                parts.send(writing, piece.rows, piece.body)
            if queries.table.watermark is not None and piece.last:
                number, body = len(parts.written), seen.packed()
                seen_name = run.store.keep_seen(run.about, number, body, run.job.attempt)
            begun = {"last": last, "seen": seen_name, "whole": not piece.more}
            run.save(begun)
        parts.end(queries.table)
        return {
            "items": run.counts.items,
            "last": last or run.value.get("last", []),
            "seen": seen_name or str(run.value.get("seen", "")),
        }

    def _seen(self, begun: Mapping[str, Any]) -> Seen:
        """What was copied within the overlap: by the run before, and by attempts before this."""
        names = str(self._run.value.get("seen", "")), str(begun.get("seen", ""))
        marked = self._mode is Mode.WATERMARK
        before, own = (self._run.store.seen(one) if one and marked else b"" for one in names)
        return Seen(before, own, self._plan.overlap, self._where)

    def _piece(
        self,
        connection: Connection[Any],
        queries: Queries,
        writing: Writing,
        after: Sequence[str],
        seen: Seen,
    ) -> _Piece:
        """Read the next part. Its end depends on its rows alone, so each attempt has the same."""
        part, last, rows, more = writing.part(), list[str](), 0, False
        with closing(self._rows(connection, queries, writing, after)) as found:
            for count, row in enumerate(found, start=1):
                key, number, values = queries.split(row)
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
        queries: Queries,
        writing: Writing,
        after: Sequence[str],
    ) -> Generator[tuple[Any, ...], None, None]:
        """The rows after that one, at most one more than a part has."""
        self._line.step()
        _begin(connection)
        query, values = queries.query(writing, after, self._plan.part_rows + 1)
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


@dataclass(frozen=True, slots=True)
class _Piece:
    """A part that was read: the place of its last row (empty: there was none), whether more follow,
    and its file."""

    last: list[str]
    more: bool
    rows: int
    body: bytes


def _next(size: int, came: int, rows: int) -> int:
    """How many rows to fetch next, by what the last ones had."""
    return max(1, min(_FETCHED, size * 4, _PIECE * rows // came if came else _FETCHED))


def _begin(connection: Connection[Any]) -> None:
    """Begin a transaction with settings of its own."""
    connection.rollback()
    for setting in _SETTINGS:
        connection.execute(setting)
