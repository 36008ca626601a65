"""A PostgreSQL database as a source: pg_dump at an exported snapshot, pg_restore to prove it.

The rows are counted in the snapshot that is dumped, so writers change nothing. The dump is in
pg_dump's custom format, uncompressed: it keeps owners and privileges, yet can be restored without
them where those roles are missing. The scratch database is dropped however the restore ends; one
that a killed process left, by the next run.
"""

from __future__ import annotations

import re
import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared.backups.pgclient import Child, program, running, version
from shared.backups.pgerrors import Server, quoted
from shared.backups.source import Dump
from shared.errors import BelfryError, Damaged, Misconfigured, Refused, Unavailable
from shared.settings import Secret
from shared.tasks.context import JobContext

if TYPE_CHECKING:
    import psycopg

SCRATCH = "belfry_scratch_"
_LOCK_MS = 60_000
_LOOK = 0.2
"""Seconds from one look at whether the job is told to stop to the next."""
_OUTAGES = (
    "connection to server",
    "could not connect to server",
    "could not translate host name",
    "no connection to the server",
    "data to server",
    "data from server",
    "server closed the connection",
    "SSL connection has been closed",
    "SSL SYSCALL error",
    "SSL error",
    "terminating connection",
    "canceling statement",
    "No space left",
    "could not extend file",
    "out of memory",
    "out of shared memory",
    "the database system is",
)
"""What pg_restore says when the fault is not the dump's, and may pass."""
_LACKS = re.compile(
    r'permission denied|must be (superuser|owner)|extension "[^"]*" is not available'
    r'|role "[^"]*" does not exist'
)
"""What it says when the dump needs what the scratch server does not have or allow."""
_TOO_NEW = 'unrecognized configuration parameter "transaction_timeout"'
"""What a server before 17 answers to the first words of any later pg_restore."""
_NOT_PROVED = ("owner", "privileges", "tablespaces", "security-labels", "publications")
"""What a dump keeps and a scratch server need not know."""

_TABLES = """
    SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'r' AND c.relpersistence <> 't'
      AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%'
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass
                      AND d.objid = c.oid AND d.deptype = 'e')
    ORDER BY 1, 2
"""
_LEFT_OVER = """
    SELECT datname FROM pg_database d WHERE starts_with(datname, %s) AND NOT EXISTS (
        SELECT FROM pg_stat_activity a WHERE a.datname = d.datname OR a.application_name = d.datname
    )
"""


class PostgresSource:
    """The database at `url`, proved on the server at `scratch_url` (by default the same)."""

    name = "postgres"
    engine = "postgresql"
    suffix = "dump.zst"

    def __init__(
        self, url: Secret, *, scratch_url: Secret | None = None, folder: Path | None = None
    ) -> None:
        self._server = Server(url, service="postgres", setting="POSTGRES_URL")
        self._scratch = Server(
            scratch_url or url,
            service="postgres scratch server",
            setting="POSTGRES_SCRATCH_URL" if scratch_url else "POSTGRES_URL",
        )
        self._folder = folder

    @property
    def database(self) -> str:
        return self._server.database

    @contextmanager
    def dump(self, job: JobContext) -> Iterator[Dump]:
        pg_dump = program("pg_dump", self._folder)
        program("pg_restore", self._folder)
        with self._server.connected(self.database) as connection:
            with _heeding(connection, job):
                snapshot = _begin(connection)
                _lock(connection)
                tables = _counts(connection, job)
            major = connection.info.server_version
            arguments = [
                "--format=custom",
                "--compress=0",
                "--no-subscriptions",  # they hold passwords, and would keep the scratch database
                "--no-password",
                f"--lock-wait-timeout={_LOCK_MS}",
                f"--snapshot={snapshot}",
            ]
            with running(pg_dump, arguments, self._server, self.database, job) as child:
                yield Dump(
                    chunks=self._whole(child),
                    tables=tables,
                    engine_version=f"{major // 10000}.{major % 10000}",
                    dump_version=version(pg_dump),
                )

    def restore(self, chunks: Iterator[bytes], job: JobContext) -> Mapping[str, int]:
        pg_restore = program("pg_restore", self._folder)
        arguments = ["--exit-on-error", "--no-password", *(f"--no-{what}" for what in _NOT_PROVED)]
        with self._scratch_database(job) as name:
            with running(pg_restore, arguments, self._scratch, name, job) as child:
                child.write(chunks)
                code = child.wait()
                if code:
                    raise self._not_restored(code, child.said())
            with (
                self._scratch.connected(name, autocommit=True) as connection,
                _heeding(connection, job),
            ):
                return _counts(connection, job)

    def _whole(self, child: Child) -> Iterator[bytes]:
        """pg_dump's output; raises if it did not end well."""
        yield from child.read()
        code = child.wait()
        if not code:
            return
        said = child.said()
        if "server version mismatch" in said:
            raise Misconfigured(
                "pg_dump is older than the server; set POSTGRES_BIN to the folder of a newer one"
            )
        if "permission denied" in said or "row-level security" in said:
            raise Refused("postgres", f"pg_dump failed: {said}")
        how = f"signal {-code}" if code < 0 else f"code {code}"
        raise Unavailable("postgres", f"pg_dump ended half-way with {how}: {said}")

    def _not_restored(self, code: int, said: str) -> BelfryError:
        ended = f"pg_restore ended with code {code}: {said}"
        if code < 0 or any(words in said for words in _OUTAGES):
            return Unavailable(self._scratch.service, ended)
        if _LACKS.search(said):
            return Refused(self._scratch.service, ended)
        if _TOO_NEW in said:
            return Misconfigured(
                "the scratch server is older than PostgreSQL 17 and pg_restore is not; "
                "set POSTGRES_BIN to the folder of the server's own version"
            )
        return Damaged(f"the dump cannot be restored: {said}")

    @contextmanager
    def _scratch_database(self, job: JobContext) -> Iterator[str]:
        """A new database; its maker's application_name keeps it from being taken for left over."""
        server = self._scratch
        name = SCRATCH + uuid.uuid4().hex
        with server.connected(server.database, autocommit=True, application_name=name) as admin:
            _drop_left_over(admin, job)
            admin.execute(f"CREATE DATABASE {quoted(name)} TEMPLATE template0")
            try:
                yield name
            finally:
                self._drop(admin, name, job)

    def _drop(self, admin: psycopg.Connection[Any], name: str, job: JobContext) -> None:
        """Drop the scratch database; a failure is logged, the next run will try again."""
        try:
            with self._scratch.named():
                admin.execute(f"DROP DATABASE IF EXISTS {quoted(name)} WITH (FORCE)")
        except BelfryError as error:
            job.log("scratch database not dropped", database=name, error=str(error))


@contextmanager
def _heeding(connection: psycopg.Connection[Any], job: JobContext) -> Iterator[None]:
    """Break off what the server does for us when the job is told to stop: a lock, a long count."""
    from psycopg import errors

    over = threading.Event()

    def watch() -> None:
        while not over.wait(_LOOK):
            if job.stop.is_set():
                connection.cancel_safe(timeout=_LOOK * 10)
                return

    threading.Thread(target=watch, name=f"{job.job_id} heeds", daemon=True).start()
    try:
        yield
    except errors.QueryCanceled:
        job.check()
        raise
    finally:
        over.set()


def _begin(connection: psycopg.Connection[Any]) -> str:
    """Fix the state that is counted and dumped; the snapshot's id."""
    from psycopg import IsolationLevel

    connection.isolation_level = IsolationLevel.REPEATABLE_READ
    connection.read_only = True
    for setting in ("statement_timeout", "idle_in_transaction_session_timeout"):
        connection.execute("SELECT set_config(%s, '0', false)", (setting,))
    connection.execute("SELECT set_config('lock_timeout', %s, false)", (str(_LOCK_MS),))
    row = connection.execute("SELECT pg_export_snapshot()").fetchone()
    return str(row[0]) if row else ""


def _tables(connection: psycopg.Connection[Any]) -> dict[str, str]:
    """Each table as `schema.table`, and its name in SQL."""
    found = connection.execute(_TABLES).fetchall()
    return {f"{schema}.{table}": f"{quoted(schema)}.{quoted(table)}" for schema, table in found}


def _lock(connection: psycopg.Connection[Any]) -> None:
    """Keep every table as it is to the transaction's end: a snapshot does not see TRUNCATE."""
    if names := _tables(connection).values():
        listed = ", ".join(f"ONLY {name}" for name in names)
        connection.execute(f"LOCK TABLE {listed} IN ACCESS SHARE MODE".encode())


def _counts(connection: psycopg.Connection[Any], job: JobContext) -> dict[str, int]:
    """Rows of each table, as `schema.table`; an error rather than a count that policies cut.

    Rolled back one by one: a server has locks for some thousand tables, not for their indexes too.
    """
    connection.execute("SET row_security = off")
    counts = {}
    for table, name in _tables(connection).items():
        job.check()
        query = f"SELECT count(*) FROM {name}"  # noqa: S608
        with connection.transaction(force_rollback=True):
            row = connection.execute(query.encode()).fetchone()
        counts[table] = int(row[0]) if row else 0
    return counts


def _drop_left_over(admin: psycopg.Connection[Any], job: JobContext) -> None:
    import psycopg

    for (name,) in admin.execute(_LEFT_OVER, (SCRATCH,)).fetchall():
        with suppress(psycopg.Error):  # another's, or another run drops it now
            admin.execute(f"DROP DATABASE IF EXISTS {quoted(name)}")
            job.log("dropped a scratch database that a killed run had left", database=name)
