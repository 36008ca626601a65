"""Where a restore for good lands: in a new database, which gets the target's name once it is whole.

The new database first has a name of Belfry's own. The database that had the target's name before is
renamed in the same transaction as the new one, so that, however the restore ends, exactly one whole
database has the name, and nothing is lost.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Any

from shared.backups.postgres.create import create_like, take_over
from shared.backups.postgres.names import LONGEST, RESTORING, target_problem
from shared.backups.postgres.server import Server, quoted, vacated
from shared.backups.source import Target
from shared.errors import BelfryError, Conflict, Invalid, Unavailable
from shared.tasks.context import JobContext

if TYPE_CHECKING:
    import psycopg

MADE = "_(restored|before)_[0-9]{8}t[0-9]{6}z(_[0-9a-f]{4})?$"
"""The ending of names that a restore makes up, as a PostgreSQL regular expression."""
_TRIES = 20
_AGAIN = timedelta(seconds=0.2)
"""The time between two rounds of ending others' connections."""
_KINDS = (
    *("extension", "class", "type", "proc", "namespace", "foreign_data_wrapper", "foreign_server"),
    *("publication", "event_trigger", "operator", "opclass", "opfamily", "cast", "collation"),
    *("conversion", "language", "am", "transform", "statistic_ext", "default_acl"),
    *("ts_config", "ts_dict", "ts_parser", "ts_template", "largeobject_metadata"),
)
"""The catalogs (`pg_class`, ...) of all objects that can exist without another one."""
_OURS = 16384
"""The first OID of objects that did not come with the server (FirstNormalObjectId)."""
_NOT_EMPTY = f"""
    SELECT what FROM (
        SELECT place, pg_describe_object(CASE catalog WHEN 'pg_largeobject_metadata'::regclass
            THEN 'pg_largeobject'::regclass ELSE catalog END, oid, 0) AS what
        FROM (
            {
    " UNION ALL ".join(
        f"SELECT {place} AS place, tableoid AS catalog, oid FROM pg_{kind} WHERE oid >= {_OURS}"
        for place, kind in enumerate(_KINDS)
    )
}
        ) o
        WHERE NOT EXISTS (
            SELECT FROM pg_namespace n WHERE o.catalog = n.tableoid AND o.oid = n.oid
                AND (n.nspname = 'public' OR n.nspname ~ '^pg_(toast_)?temp_')
        ) AND NOT EXISTS (
            SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE o.catalog = c.tableoid AND o.oid = c.oid AND n.nspname ~ '^pg_(toast_)?temp_'
        ) AND NOT EXISTS (
            SELECT FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
            WHERE o.catalog = t.tableoid AND o.oid = t.oid AND n.nspname ~ '^pg_(toast_)?temp_'
        ) AND NOT EXISTS (
            SELECT FROM pg_extension x LEFT JOIN pg_depend d ON d.refclassid = x.tableoid
                AND d.refobjid = x.oid AND d.deptype = 'e'
            WHERE x.extname = 'plpgsql' AND (o.catalog = x.tableoid AND o.oid = x.oid
                OR o.catalog = d.classid AND o.oid = d.objid)
        )
        UNION ALL
        SELECT 99, 'subscription ' || subname FROM pg_subscription
        WHERE subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())
    ) found
    ORDER BY place, starts_with(what, 'toast '), starts_with(what, 'index ') LIMIT 1
"""  # noqa: S608
"""Anything that template0 does not have. The schema `public` and the language PL/pgSQL do not count
even if they were made anew, nor does anything that ends with a session."""
_END = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = %s AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""


class Landing:
    """One restore's path to its target on the server."""

    def __init__(self, server: Server, source: str, target: Target, job: JobContext) -> None:
        self._server = server
        self._source = source
        self._target = target
        self._job = job
        self._at = f"{job.clock.now().astimezone(UTC):%Y%m%dt%H%M%Sz}"
        self._making = RESTORING + uuid.uuid4().hex
        self._name = target.name or ""
        """The target's name; empty until a free one was found."""
        self._there = False
        self._empty = True
        self.admin: psycopg.Connection[Any]

    @contextmanager
    def opened(self) -> Iterator[Landing]:
        """Connect, and see what is at the target. Raises `Conflict` if it may not be replaced."""
        self._check_name()
        with self._connected(application_name=self._making) as admin:
            self.admin = admin
            self._look()
            yield self

    @contextmanager
    def made(self, head: bytes) -> Iterator[str]:
        """Make a new database like the one that it will replace (else like the source's, or as the
        dump beginning with `head` describes it); dropped if the block fails."""
        model = self._name if self._there else self._source
        try:
            create_like(self.admin, self._making, model, head, self._job)
            yield self._making
        except BaseException:
            self._drop(self._making)
            raise

    def land(self, made: str) -> tuple[str, str | None]:
        """Give it the target's name: (that name, the new name of the database that had it)."""
        vacated(self.admin, made, self._job)
        if not self._there:
            return self._named(made), None
        take_over(self.admin, self._name, made, self._server.service)
        kept = self._free(self._name, f"_before_{self._at}")
        with self._alone():
            self._swap(made, kept)
        if not self._empty:
            return self._name, kept
        return self._name, kept if self._holds(kept) else None

    def _holds(self, kept: str) -> bool:
        """Whether the former database, which was empty, must be kept: it was filled while the
        restore ran, or cannot be checked. Else drop it."""
        try:
            if not self._content(kept):
                self._drop(kept, force=False)
                return False
        except BelfryError as error:
            self._job.log("the former database is kept", database=kept, error=str(error))
            return True
        self._job.log("the target was filled during the restore", kept_as=kept)
        return True

    def _check_name(self) -> None:
        name = self._target.name
        if name is not None and (problem := target_problem(name)):
            raise Invalid("target", problem)

    def _connected(self, **extra: Any) -> Any:
        return self._server.connected(self._maintenance(), autocommit=True, **extra)

    def _maintenance(self) -> str:
        """A database to connect to, other than the target, which will be renamed. If the server has
        lost the source's database, one that every server has."""
        refused: BelfryError | None = None
        for name in dict.fromkeys((self._server.database, "postgres", "template1")):
            if name == self._name:
                continue
            try:
                with self._server.connected(name):
                    return name
            except BelfryError as error:
                refused = refused or error
                if isinstance(error, Unavailable):
                    break
        assert refused is not None  # noqa: S101
        raise refused

    def _look(self) -> None:
        if self._target.name is None:
            self._name = self._free(self._source, self._restored)
        self._there = self._is(self._name)
        if not self._there:
            if self._target.replace is not None:
                raise Conflict(
                    f"there is no database {self._name!r} at {self._server.address} to be "
                    f"replaced; for a new one leave out `replace`"
                )
            return
        found = self._content(self._name)
        self._empty = not found
        if found and self._target.replace != self._name:
            raise Conflict(
                f"database {self._name!r} at {self._server.address} is not empty: it has {found}; "
                f"to replace it give its name once more, as `replace`"
            )

    @property
    def _restored(self) -> str:
        """The ending of a name that this restore makes up."""
        return f"_restored_{self._at}"

    def _is(self, name: str) -> bool:
        query = "SELECT 1 FROM pg_database WHERE datname = %s"
        return self.admin.execute(query, (name,)).fetchone() is not None

    def _free(self, base: str, ending: str) -> str:
        """A name that is not taken; it matches `MADE`."""
        name = shortened(base, ending)
        return shortened(base, f"{ending}_{uuid.uuid4().hex[:4]}") if self._is(name) else name

    def _content(self, name: str) -> str:
        """Something that the database holds; empty if it is empty."""
        with self._server.connected(name, autocommit=True) as there:
            row = there.execute(_NOT_EMPTY).fetchone()
        return str(row[0]) if row else ""

    def _named(self, made: str) -> str:
        """Give it the target's name. If that is taken and we made it up, try another one."""
        from psycopg import errors

        for _ in range(_TRIES):
            try:
                self._rename(made, self._name)
            except (errors.DuplicateDatabase, errors.UniqueViolation):  # noticed early, or late
                if self._target.name is not None:
                    break
                self._name = shortened(self._source, f"{self._restored}_{uuid.uuid4().hex[:4]}")
            else:
                return self._name
        raise Conflict(f"database {self._name!r} was made by another during the restore")

    def _swap(self, made: str, kept: str) -> None:
        """Rename both or none: the server can do that in one transaction."""
        from psycopg import errors

        try:
            with self.admin.transaction():
                self._rename(self._name, kept)
                self._rename(made, self._name)
        except errors.ObjectInUse as error:
            text = f"the databases could not be swapped: {error.diag.message_primary}"
            raise Unavailable(self._server.service, text) from None

    def _rename(self, old: str, new: str) -> None:
        self.admin.execute(f"ALTER DATABASE {quoted(old)} RENAME TO {quoted(new)}".encode())

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """In this block, keep ending others' connections to the target: it can only be renamed at a
        moment when it has none. Once the renaming waits for that, new connections wait too."""
        over = threading.Event()
        failed: list[BelfryError] = []

        def end_them() -> None:
            try:
                with self._connected() as other:
                    while not over.is_set():
                        other.execute(_END, (self._name,))
                        self._job.clock.wait(over, _AGAIN)
            except BelfryError as error:
                failed.append(error)

        thread = threading.Thread(target=end_them, name=f"{self._job.job_id} ends others")
        thread.start()
        try:
            yield
        except BelfryError as error:
            raise (failed or [error])[0] from None
        finally:
            over.set()
            thread.join()

    def _drop(self, name: str, *, force: bool = True) -> None:
        """Drop a database; a failure is logged. For one made here, the next restore tries again."""
        try:
            with self._connected() as other:  # `admin` may be the connection that failed
                how = " WITH (FORCE)" if force else ""
                vacated(other, name, self._job)
                other.execute(f"DROP DATABASE IF EXISTS {quoted(name)}{how}".encode())
        except BelfryError as error:
            self._job.log("database not dropped", database=name, error=str(error))


def shortened(base: str, ending: str) -> str:
    """A name of at most 63 bytes with that ending."""
    room = LONGEST - len(ending.encode())
    return base.encode()[:room].decode(errors="ignore") + ending
