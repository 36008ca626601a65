"""A PostgreSQL database as a source: pg_dump at an exported snapshot, pg_restore to prove it.

The rows are counted in the snapshot that is dumped, so writers do not affect the comparison. The
dump is in pg_dump's custom format, uncompressed: it keeps owners and privileges, yet can be
restored without them where those roles are missing. The scratch database is dropped however the
proof ends; the next run drops one that a killed process left.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared.backups.postgres.archive import without_passwords
from shared.backups.postgres.contents import Scope, checked, contents, lock, tables
from shared.backups.postgres.create import create_like
from shared.backups.postgres.landing import MADE, Landing
from shared.backups.postgres.names import HOUSEKEEPING, RESTORING
from shared.backups.postgres.names import SCRATCH as SCRATCH
from shared.backups.postgres.programs import Child, program, running, version
from shared.backups.postgres.restore import Restore, peeked
from shared.backups.postgres.server import Server, cancellable, quoted, vacated
from shared.backups.source import Contents, Dump, Restored, Target
from shared.errors import BelfryError, Misconfigured, Refused, Unavailable
from shared.settings import Secret
from shared.tasks.context import JobContext

if TYPE_CHECKING:
    import psycopg

_LOCK_MS = 60_000
_MAY_ALL = (
    "the proof runs what the backup defines, such as functions in materialized views, as a "
    "superuser; set POSTGRES_SCRATCH_URL to a user who is none and may create databases, better "
    "on another server"
)
_BY_PLAN = "`databases` of the backup plan"

_SUBSCRIPTIONS = """
    SELECT subname FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid
    WHERE d.datname = current_database() ORDER BY 1
"""
_LEFT_OVER = """
    SELECT datname FROM pg_database d WHERE starts_with(datname, %s) AND NOT EXISTS (
        SELECT FROM pg_stat_activity a WHERE a.datname = d.datname OR a.application_name = d.datname
    )
"""
_DATABASES = """
    SELECT datname FROM pg_database
    WHERE datallowconn AND NOT datistemplate AND has_database_privilege(datname, 'CONNECT')
      AND NOT starts_with(datname, %s) AND NOT starts_with(datname, %s) AND datname <> ALL (%s)
      AND (datname !~ %s OR datname = current_database())
    ORDER BY datname
"""


class PostgresSource:
    """A database of the server at `url` (by default the one it names), or some of its schemas. It
    is proved on the server at `scratch_url` (by default the same)."""

    engine = "postgresql"
    suffix = "dump"

    def __init__(
        self,
        url: Secret,
        *,
        name: str = "postgres",
        setting: str = "POSTGRES_URL",
        database: str | None = None,
        schemas: tuple[str, ...] = (),
        exclude_schemas: tuple[str, ...] = (),
        scratch_url: Secret | None = None,
        folder: Path | None = None,
        without: Collection[str] = (),
    ) -> None:
        """`without`: rules that its data breaks (`broken_rules`) and a restore may leave out."""
        self.name = name
        self._server = Server(url, service=name, setting=setting)
        self._scratch = Server(
            scratch_url or url,
            service=f"{name} scratch server",
            setting="POSTGRES_SCRATCH_URL" if scratch_url else setting,
        )
        self._database = database or self._server.database
        self._named_by = _BY_PLAN if database else setting
        self._scope = Scope(tuple(schemas), tuple(exclude_schemas))
        self._folder = folder
        self._without = tuple(without)

    @property
    def database(self) -> str:
        return self._database

    @property
    def scope(self) -> str:
        return str(self._scope)

    @contextmanager
    def dump(self, job: JobContext) -> Iterator[Dump]:
        program("pg_restore", self._folder)
        with self._server.connected(
            self.database, named_by=self._named_by, autocommit=True
        ) as admin:
            drop_left_over(admin, RESTORING, job)
        with self._server.connected(self.database, named_by=self._named_by) as connection:
            number = connection.info.server_version
            pg_dump = program("pg_dump", self._folder, number // 10000)
            with cancellable(connection, job):
                snapshot = _begin(connection)
                extensions = checked(connection, self._scope, self.name, job)
                lock(connection, self._scope, self.name)
                for (name,) in connection.execute(_SUBSCRIPTIONS).fetchall():
                    _tell_left_out(job, f"SUBSCRIPTION {name}")
            arguments = [
                "--format=custom",
                "--compress=0",
                "--no-subscriptions",  # they hold passwords, and would keep the scratch database
                "--no-password",
                f"--lock-wait-timeout={_LOCK_MS}",
                f"--snapshot={snapshot}",
                *self._scope.arguments(extensions),
            ]
            # pg_dump begins, and takes its locks, before the rows are counted. If it began later, a
            # session that asked for an exclusive lock meanwhile would wait for our locks, and
            # pg_dump would wait for that session.
            with running(pg_dump, arguments, self._server, self.database, job) as child:
                child.begun()
                with cancellable(connection, job):
                    held = contents(connection, job, self._scope, extensions)
                yield Dump(
                    chunks=without_passwords(self._whole(child), partial(_tell_left_out, job)),
                    contents=held,
                    engine_version=f"{number // 10000}.{number % 10000}",
                    dump_version=version(pg_dump),
                )

    def prove(self, chunks: Iterator[bytes], job: JobContext) -> Contents:
        server = self._scratch
        head, chunks = peeked(chunks)
        with self._scratch_database(head, job) as (admin, name):
            return self._restored(admin, server, name, chunks, job)

    def restore(self, chunks: Iterator[bytes], target: Target, job: JobContext) -> Restored:
        server = self._server
        with Landing(server, self.database, target, job).opened() as landing:
            drop_left_over(landing.admin, RESTORING, job)
            head, chunks = peeked(chunks)
            with landing.made(head) as name:
                held = self._restored(landing.admin, server, name, chunks, job, for_good=True)
                job.check()
                final, kept_as = landing.land(name)
        return Restored(contents=held, name=final, kept_as=kept_as)

    def _restored(
        self,
        admin: psycopg.Connection[Any],
        server: Server,
        name: str,
        chunks: Iterator[bytes],
        job: JobContext,
        *,
        for_good: bool = False,
    ) -> Contents:
        """Restore the dump into the empty database `name`; return what that then holds."""
        told: dict[str, Any] = {"for_good": for_good, "without": self._without}
        left = Restore(admin, server, name, self._folder, job, **told).run(chunks)
        with server.connected(name, autocommit=True) as there, cancellable(there, job):
            return replace(contents(there, job, made=True), without=left)

    def _whole(self, child: Child) -> Iterator[bytes]:
        """pg_dump's output; raises if pg_dump failed."""
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
            raise Refused(self.name, f"pg_dump failed: {said}")
        how = f"signal {-code}" if code < 0 else f"code {code}"
        raise Unavailable(self.name, f"pg_dump ended half-way with {how}: {said}")

    @contextmanager
    def _scratch_database(
        self, head: bytes, job: JobContext
    ) -> Iterator[tuple[psycopg.Connection[Any], str]]:
        """A new database like the dumped one, whose dump begins with `head`. The application_name
        of our connection keeps other runs from dropping it as left over."""
        server = self._scratch
        name = SCRATCH + uuid.uuid4().hex
        with server.connected(server.database, autocommit=True, application_name=name) as admin:
            if admin.info.parameter_status("is_superuser") == "on":
                job.log(_MAY_ALL, level=logging.WARNING, server=server.address)
            drop_left_over(admin, SCRATCH, job)
            create_like(admin, name, None, head, job)
            try:
                yield admin, name
            finally:
                self._drop(admin, name, job)

    def _drop(self, admin: psycopg.Connection[Any], name: str, job: JobContext) -> None:
        """Drop the scratch database. A failure is logged; the next run will try again."""
        try:
            with self._scratch.named():
                vacated(admin, name, job)
                admin.execute(f"DROP DATABASE IF EXISTS {quoted(name)} WITH (FORCE)")
        except BelfryError as error:
            job.log("scratch database not dropped", database=name, error=str(error))


def databases(url: Secret, setting: str) -> list[str]:
    """Every database of the server that we may connect to and that is somebody's: no template, none
    of Belfry's own, none that a restore made or kept (`MADE`) unless the URL names it, and
    `postgres` only if it has tables."""
    server = Server(url, service="postgres", setting=setting)
    with server.connected(server.database) as connection:
        given = (SCRATCH, RESTORING, list(HOUSEKEEPING), MADE)
        found = [str(row[0]) for row in connection.execute(_DATABASES, given)]
    if "postgres" in found:
        with server.connected("postgres") as connection:
            if not tables(connection, Scope()):
                found.remove("postgres")
    return found


def _begin(connection: psycopg.Connection[Any]) -> str:
    """Fix the state that is counted and dumped; return the snapshot's id."""
    from psycopg import IsolationLevel

    connection.isolation_level = IsolationLevel.REPEATABLE_READ
    connection.read_only = True
    connection.execute("SELECT set_config('lock_timeout', %s, false)", (str(_LOCK_MS),))
    row = connection.execute("SELECT pg_export_snapshot()").fetchone()
    return str(row[0]) if row else ""


def _tell_left_out(job: JobContext, entry: str) -> None:
    job.log("not in the dump, since it may hold a password", level=logging.WARNING, entry=entry)


def drop_left_over(admin: psycopg.Connection[Any], prefix: str, job: JobContext) -> None:
    """Drop the databases with that prefix that killed runs left. If one cannot be dropped, because
    it is another user's or another run drops it now, that is logged."""
    import psycopg

    for (name,) in admin.execute(_LEFT_OVER, (prefix,)).fetchall():
        try:
            admin.execute(f"DROP DATABASE IF EXISTS {quoted(name)}")
        except psycopg.Error as error:
            job.log("database of a killed run not dropped", database=name, error=str(error))
        else:
            job.log("dropped a database that a killed run had left", database=name)
