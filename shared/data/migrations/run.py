"""The upgrade of a database: one at a time, all of it or nothing."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from shared.data import names, schema
from shared.data.database import translated
from shared.data.engines import SETTING, Access, parsed, postgres, sqlite
from shared.errors import Misconfigured, Unavailable
from shared.settings import Secret

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

_HERE = Path(__file__).parent
_LOCK = 0x62656C66727900
"""Of PostgreSQL's advisory locks: `belfry`."""
_PATIENCE = 60
"""Seconds to wait for another upgrade."""


def upgrade(url: Secret) -> schema.Found:
    """Bring the database up to `schema.HEAD`, or do nothing if it is there; how it stood before.

    Of several at once, one works and the others wait for it. It is one transaction: killed in the
    middle, it leaves what was there. With names of one's own (DATA_NAMES), it creates the tables
    that are missing, and changes none. A SQLite file that is missing is made.

    Raises `Misconfigured` (also for a schema that is newer than this code), `Unavailable`.
    """
    if not _is_missing(url):
        before = schema.look(url)  # which waits for nobody
        if before.problem is None:
            return before
    with translated(url), _engine(url) as engine, _alone(url, engine) as connection:
        before = schema.found(connection)  # another may just have done it
        if before.problem is not None:
            _bring_up(connection, before)
    return before


def _is_missing(url: Secret) -> bool:
    """Whether it is a SQLite file that is not there."""
    made = parsed(url)
    return made.get_backend_name() == "sqlite" and not Path(str(made.database)).exists()


def _bring_up(connection: Connection, before: schema.Found) -> None:
    if names.current():
        from shared.data.models import Base

        Base.metadata.create_all(connection)
        return
    if before.version is not None and before.version not in schema.REVISIONS:
        raise Misconfigured(str(before.problem))
    _migrate(connection)
    _referring(connection)


def _migrate(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(_HERE).replace("%", "%%"))
    command.upgrade(config, schema.HEAD)


def _referring(connection: Connection) -> None:
    """SQLite copies a table to change it, with foreign keys off. Raises `Misconfigured` if a row
    then refers to none."""
    if connection.dialect.name != "sqlite":
        return
    lost = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
    if lost:
        tables = ", ".join(sorted({str(row[0]) for row in lost}))
        raise Misconfigured(
            f"the database of {SETTING} was not upgraded: {len(lost)} rows of {tables} refer to "
            "rows that are not there"
        )


@contextlib.contextmanager
def _engine(url: Secret) -> Iterator[Engine]:
    """An engine of its own: a migration may take longer than a task's statement."""
    from sqlalchemy.pool import NullPool

    made = parsed(url)
    if made.get_backend_name() == "sqlite":
        engine = sqlite(str(made.database), Access.CREATE, foreign_keys=False)
    else:
        engine = postgres(url, limits={"lock_timeout": f"{_PATIENCE}s"}, poolclass=NullPool)
    try:
        yield engine
    finally:
        engine.dispose()


@contextlib.contextmanager
def _alone(url: Secret, engine: Engine) -> Iterator[Connection]:
    """A connection in a transaction, while no other upgrade is under way. Raises `Unavailable` if
    one does not end."""
    if engine.dialect.name == "sqlite":
        with _beside(Path(str(parsed(url).database))), engine.begin() as connection:
            yield connection
        return
    with engine.connect() as connection:  # the lock is the connection's, and goes with it
        connection.exec_driver_sql(f"SELECT pg_advisory_lock({_LOCK})")
        connection.commit()
        with connection.begin():
            yield connection


@contextlib.contextmanager
def _beside(file: Path) -> Iterator[None]:
    """The lock of a SQLite database: the write lock of a file beside it, which stays there, empty.
    It ends with the process."""
    lock = file.with_name(f"{file.name}-upgrade")
    with closing(sqlite3.connect(lock, timeout=_PATIENCE, isolation_level=None)) as held:
        try:
            held.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            raise Unavailable("database", f"{lock} is locked, or cannot be: {error}") from None
        yield
