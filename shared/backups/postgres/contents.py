"""What a PostgreSQL database holds, or those of its schemas that are backed up: rows, definitions.

All of it is read in one transaction's snapshot. The tables are locked against what a snapshot does
not protect from: TRUNCATE and changes of definition (ALTER TABLE).
"""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, LiteralString

from shared.backups.postgres.definitions import definitions
from shared.backups.postgres.server import in_bytes, quoted, shown
from shared.backups.source import Contents
from shared.errors import Refused, Unavailable
from shared.tasks.context import JobContext

if TYPE_CHECKING:
    import psycopg

LARGE_OBJECTS = "large objects"
"""Listed like a table if the database has any."""
_PUBLIC = "public"
"""The schema that every new database has."""
_SCOPE = 2000
"""Characters of JSON up to which a scope is written in full: it goes into blobs' metadata."""
_SHOWN = 400
"""Characters of JSON for the names of a longer one."""

IN_SCOPE: LiteralString = """
    n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    AND (cardinality(%(only)s::text[]) = 0 OR n.nspname = ANY (%(only)s))
    AND n.nspname <> ALL (%(but)s::text[])
"""
_TABLES: LiteralString = """
    SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = ANY (%(kinds)s) AND c.relpersistence <> 't'
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass
                      AND d.objid = c.oid AND d.deptype = 'e')
      AND """
_ORDERED: LiteralString = " ORDER BY 1, 2"
_TOGETHER: LiteralString = """
    WITH RECURSIVE tree (root, oid) AS (
        SELECT partrelid, partrelid FROM pg_partitioned_table WHERE (
            SELECT o.oid FROM pg_opclass o JOIN pg_am m ON m.oid = o.opcmethod
            WHERE o.opcname = 'enum_ops' AND m.amname = 'hash'
              AND o.opcnamespace = 'pg_catalog'::regnamespace) = ANY (partclass)
        UNION ALL
        SELECT tree.root, i.inhrelid FROM tree JOIN pg_inherits i ON i.inhparent = tree.oid
    )
    SELECT s.nspname, r.relname, n.nspname, c.relname FROM tree
    JOIN pg_class r ON r.oid = tree.root JOIN pg_namespace s ON s.oid = r.relnamespace
    JOIN pg_class c ON c.oid = tree.oid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'r'
      AND NOT EXISTS (SELECT FROM tree above WHERE above.oid = r.oid AND above.root <> r.oid)
"""
"""Partitions of tables that are partitioned by the hash of an enum. That hash differs in each
database, so pg_dump loads the rows through the root, which distributes them anew."""
_FORCED: LiteralString = """
    SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relforcerowsecurity AND row_security_active(c.oid)
"""
"""Tables whose row policies apply even to their owner, and to us at the moment."""
_LOCKED_BY = """
    SELECT n.nspname, c.relname, l.pid, a.usename, a.application_name
    FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
    JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_stat_activity a ON a.pid = l.pid
    WHERE l.granted AND l.mode = 'AccessExclusiveLock' AND c.relkind IN ('r', 'p')
      AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND n.nspname !~ '^pg_'
    LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Scope:
    """Which schemas are meant: `only` these, or all `but` these."""

    only: tuple[str, ...] = ()
    but: tuple[str, ...] = ()

    def __str__(self) -> str:
        """All the names; of a long list the first, how many more, and a digest of all. Backups are
        told apart by this text, and it must fit into a blob's metadata."""
        names = self.only or self.but
        if not names:
            return ""
        kind = "schemas" if self.only else "all schemas but"
        whole = f"{kind} {', '.join(names)}"
        if len(json.dumps(whole)) <= _SCOPE:
            return whole
        listed = json.dumps([self.only, self.but]).encode()
        digest = hashlib.sha256(listed).hexdigest()[:16]
        some: list[str] = []
        for name in names:
            if len(json.dumps(", ".join([*some, name]))) > _SHOWN:
                break
            some.append(name)
        first = f"{', '.join(some)} and {len(names) - len(some)} more" if some else len(names)
        return f"{kind} {first}, digest {digest}"

    @property
    def parameters(self) -> dict[str, Any]:
        return {"only": list(self.only), "but": list(self.but)}

    def arguments(self, extensions: list[str]) -> list[str]:
        """The arguments for pg_dump. Its patterns take a name in double quotes literally."""
        if self.only:
            return [f"--schema={quoted(name)}" for name in self.only] + [
                f"--extension={quoted(name)}" for name in extensions
            ]
        return [f"--exclude-schema={quoted(name)}" for name in self.but]


def checked(
    connection: psycopg.Connection[Any], scope: Scope, service: str, job: JobContext
) -> list[str]:
    """The extensions that a dump of that scope holds: if it has only some schemas, those in them
    and in `public`, which they may need. Raises `Refused` if a wanted schema does not exist or a
    schema cannot be left out. A schema to leave out that does not exist is only logged."""
    query = "SELECT nspname FROM pg_namespace n WHERE "
    there = {row[0] for row in connection.execute(query + IN_SCOPE, Scope().parameters)}
    at = connection.info.dbname
    for name in scope.only:
        if name not in there:
            raise Refused(service, f"database {at!r} has no schema {name!r}; see the backup plan")
    for name in scope.but:
        if name not in there:
            said = "there is no such schema to leave out; see exclude_schemas of the backup plan"
            job.log(said, level=logging.WARNING, database=at, schema=name)
    found = connection.execute(
        "SELECT extname, nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace "
        "WHERE extname <> 'plpgsql' ORDER BY 1"
    ).fetchall()
    for extension, schema in found:
        if schema in scope.but:
            text = f"schema {schema!r} holds the extension {extension!r}, which the others may "
            raise Refused(service, text + "need: do not leave it out")
    if not scope.only:
        return [extension for extension, _ in found]
    return [extension for extension, schema in found if schema in (*scope.only, _PUBLIC)]


def tables(
    connection: psycopg.Connection[Any], scope: Scope, kinds: tuple[str, ...] = ("r",)
) -> dict[str, str]:
    """Each table as `schema.table`, and its name in SQL. A name with a dot is quoted in both."""
    given = scope.parameters | {"kinds": list(kinds)}
    found = connection.execute(_TABLES + IN_SCOPE + _ORDERED, given).fetchall()
    return {_called(schema, table): f"{quoted(schema)}.{quoted(table)}" for schema, table in found}


def _called(schema: str, table: str) -> str:
    return f"{_told(schema)}.{_told(table)}"


def _told(name: str) -> str:
    return shown(quoted(name) if "." in name else name)


def lock(connection: psycopg.Connection[Any], scope: Scope, service: str) -> None:
    """Lock every table until the transaction ends: a snapshot does not protect from TRUNCATE.

    Raises `Unavailable`, naming a table that another session has locked exclusively.
    """
    from psycopg import errors

    names = tables(connection, scope, ("r", "p")).values()
    if not names:
        return
    listed = ", ".join(f"ONLY {name}" for name in names)
    try:
        connection.execute(in_bytes(f"LOCK TABLE {listed} IN ACCESS SHARE MODE"))
    except errors.LockNotAvailable:
        connection.rollback()
        row = connection.execute(_LOCKED_BY).fetchone()
        if row is None:
            raise
        schema, table, pid, user, application = row
        by = (
            f"process {pid} ({user or 'unknown user'}{', ' * bool(application)}{application or ''})"
        )
        raise Unavailable(service, shown(f"table {schema}.{table} is locked by {by}")) from None


def contents(
    connection: psycopg.Connection[Any],
    job: JobContext,
    scope: Scope | None = None,
    extensions: list[str] | None = None,
    *,
    made: bool = False,
) -> Contents:
    """Rows of each table as `schema.table`, and definitions. `extensions`: only these.

    If row policies hide rows, that is an error, unless we have just `made` the database: then the
    tables are ours, and the policies are lifted for the count. Each query is rolled back on its
    own, to release its locks: a server has room for some thousand tables, but not their indexes.
    """
    scope = scope or Scope()
    connection.execute("SET row_security = off")
    schema = definitions(connection, job, IN_SCOPE, scope.parameters, extensions)
    forced = _forced(connection) if made else set()
    rows = {}
    for table, name in tables(connection, scope).items():
        job.check()
        rows[table] = _count(connection, name, forced=name in forced)
    if not scope.only and (count := _count(connection, "pg_largeobject_metadata")):
        rows[LARGE_OBJECTS] = count
    return Contents(tables=rows, schema=schema, together=_together(connection))


def _together(connection: psycopg.Connection[Any]) -> dict[str, tuple[str, ...]]:
    """The partitions that get different rows in each database, by the partitioned table (see
    `_TOGETHER`)."""
    found: dict[str, tuple[str, ...]] = {}
    for schema, table, of_part, part in connection.execute(_TOGETHER):
        root = _called(schema, table)
        found[root] = (*found.get(root, ()), _called(of_part, part))
    return found


def _forced(connection: psycopg.Connection[Any]) -> set[str]:
    found = connection.execute(_FORCED)
    return {f"{quoted(schema)}.{quoted(table)}" for schema, table in found}


def _count(connection: psycopg.Connection[Any], name: str, *, forced: bool = False) -> int:
    query = f"SELECT count(*) FROM {name}"  # noqa: S608
    with connection.transaction(force_rollback=True):
        if forced:
            connection.execute(in_bytes(f"ALTER TABLE ONLY {name} NO FORCE ROW LEVEL SECURITY"))
        row = connection.execute(in_bytes(query)).fetchone()
    return int(row[0]) if row else 0
