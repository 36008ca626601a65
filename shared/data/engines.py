"""Connections to the company's database: how its URL is read, and which engines a process has.

Engines are made when they are first used, and stay: a new connection for each invocation would use
up the ports of the machine that a function app shares.
"""

from __future__ import annotations

import functools
import sqlite3
import threading
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared.errors import Misconfigured, Refused
from shared.identity.postgres import database_password
from shared.settings import Secret, client_id_of

if TYPE_CHECKING:
    from sqlalchemy import URL, Connection, Engine

SETTING = "DATABASE_URL"
_FORMS = "use sqlite:///path, sqlite:////path (from the root), or postgresql://..."
TIMEOUT = 10
"""Seconds to connect, for a place in the pool, or until a lock is given up."""
_POOL = {"pool_size": 2, "max_overflow": 30, "pool_timeout": TIMEOUT, "pool_recycle": 900}
"""At most as many connections as the host has threads (PYTHON_THREADPOOL_THREAD_COUNT); two are
kept. Instances times this must stay below what the server accepts."""
_LIMITS = {
    "statement_timeout": "60s",
    "lock_timeout": f"{TIMEOUT}s",
    "idle_in_transaction_session_timeout": "60s",
}
"""Set in each transaction: PgBouncer takes none of them at the start of a connection."""


class Access(StrEnum):
    """How SQLite's file is opened; nothing but `CREATE` makes one that is missing."""

    READ = "ro"
    WRITE = "rw"
    CREATE = "rwc"


_making = threading.Lock()


def engine(url: Secret, access: Access) -> Engine:
    """The engine of this process for that database. Raises `Misconfigured`."""
    server = parsed(url).get_backend_name() == "postgresql"
    with _making:
        return _engine(url, Access.WRITE if server else access)


def parsed(url: Secret) -> URL:
    """The URL, with the driver that Belfry has. Raises `Misconfigured`."""
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    if not url:
        raise Misconfigured(f"{SETTING} is not set; it says which database is the company's")
    try:
        made = make_url(url.reveal())
    except (ArgumentError, ValueError):
        raise Misconfigured(f"{SETTING} is no URL of a database; {_FORMS}") from None
    kind = made.drivername.partition("+")[0]
    if kind in ("postgresql", "postgres"):
        return made.set(drivername="postgresql+psycopg")
    if kind != "sqlite":
        raise Misconfigured(f"{SETTING} is of {kind}; {_FORMS}")
    if not made.database or made.database == ":memory:":
        raise Misconfigured(f"{SETTING} names no file; {_FORMS}")
    return made.set(drivername="sqlite")


def shown(url: Secret) -> str:
    """The database as a person may see it: without user and password."""
    made = parsed(url)
    if made.get_backend_name() == "sqlite":
        return f"SQLite {made.database}"
    port = f":{made.port}" if made.port else ""
    return f"PostgreSQL {made.database} on {made.host or 'this machine'}{port}"


@functools.cache
def _engine(url: Secret, access: Access) -> Engine:
    made = parsed(url)
    if made.get_backend_name() == "sqlite":
        return sqlite(str(made.database), access)
    return postgres(url, **_POOL, pool_pre_ping=True, limits=_LIMITS)


def postgres(url: Secret, *, limits: dict[str, str], **pool: Any) -> Engine:
    """An engine for PostgreSQL, also through PgBouncer; `limits` hold in each transaction. If an
    identity signs in, each new connection gets a token, or raises
    `Unavailable`, or `Misconfigured` if the app has no such identity."""
    from sqlalchemy import bindparam, create_engine, event, func, select

    given = {
        "connect_timeout": TIMEOUT,
        "application_name": "belfry",
        "prepare_threshold": None,  # PgBouncer gives each transaction another connection
    }
    made = create_engine(parsed(url), connect_args=given, hide_parameters=True, **pool)
    if client_id := client_id_of(url):
        event.listen(made, "do_connect", functools.partial(_sign_in, client_id))
    settings = [func.set_config(name, bindparam(None, to), True) for name, to in limits.items()]

    def begin(connection: Connection) -> None:
        connection.execute(select(*settings))

    if settings:
        event.listen(made, "begin", begin)
    return made


def _sign_in(client_id: str, *given: Any) -> None:
    """Before a connection is made; the last of what SQLAlchemy gives is what it is made with."""
    try:
        given[-1]["password"] = database_password(client_id)
    except Refused as error:
        raise Misconfigured(f"the database of {SETTING}: {error}") from error


def sqlite(file: str, access: Access, *, foreign_keys: bool = True) -> Engine:
    """An engine for a SQLite file. Whoever may write takes the write lock as it begins, and waits
    for it then: one who only read so far could not wait, and would fail."""
    from sqlalchemy import create_engine, event
    from sqlalchemy.pool import NullPool

    made = create_engine(
        "sqlite://",
        creator=_opener(file, access, foreign_keys),
        poolclass=NullPool,
        hide_parameters=True,
    )
    begin_with = "BEGIN" if access is Access.READ else "BEGIN IMMEDIATE"

    @event.listens_for(made, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin_with)

    return made


def _opener(file: str, access: Access, foreign_keys: bool) -> Callable[[], sqlite3.Connection]:
    def connect() -> sqlite3.Connection:
        where = f"{Path(file).absolute().as_uri()}?mode={access.value}"
        # SQLAlchemy begins; Python's own module would begin later, and never for a DDL statement.
        made = sqlite3.connect(where, uri=True, timeout=TIMEOUT, isolation_level=None)
        made.execute(f"PRAGMA foreign_keys = {'ON' if foreign_keys else 'OFF'}")
        return made

    return connect
