"""A connection to the company's database, and what its errors mean to a person.

No password leaves this module, and a missing SQLite file is not created.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared.errors import BelfryError, Misconfigured, Unavailable
from shared.redaction import redact
from shared.settings import Secret

if TYPE_CHECKING:
    from sqlalchemy import URL, Connection, Engine

_SERVICE = "database"
_SETTING = "DATABASE_URL"
_TIMEOUT = 10
"""How long to wait for a connection, or for a lock, in seconds."""
_MISSING = ("42P01", "42703", "42501", "3F000")
"""No such table, column; no permission; no such schema.
https://www.postgresql.org/docs/current/errcodes-appendix.html"""
_WRONG = ("no such table", "no such column", "file is not a database", "unable to open")
_REFUSED = ("authentication failed", "no password supplied", "pg_hba.conf", "does not exist")


@contextmanager
def reading(url: Secret) -> Iterator[Connection]:
    """A connection for reading. Raises `Misconfigured` or `Unavailable`, also in the block."""
    from sqlalchemy.exc import DBAPIError, SQLAlchemyError

    problem: BelfryError
    parsed = _parsed(url)
    engine = _engine(parsed)
    try:
        with engine.connect() as connection:
            yield connection
        return
    except DBAPIError as error:
        problem = _meaning(error.orig, parsed.password)
    except SQLAlchemyError as error:
        problem = Misconfigured(f"{_SETTING} cannot be used ({type(error).__name__})")
    finally:
        engine.dispose()
    raise problem  # not where it came from: the library's error may show how it connected


def _parsed(url: Secret) -> URL:
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        parsed = make_url(url.reveal())
    except (ArgumentError, ValueError):
        raise Misconfigured(f"{_SETTING} is no URL of a database") from None
    kind = parsed.drivername.partition("+")[0]
    if kind in ("postgresql", "postgres"):
        return parsed.set(drivername="postgresql+psycopg")
    if kind == "sqlite":
        return parsed.set(drivername="sqlite")
    raise Misconfigured(f"{_SETTING} is of {kind}; it can be sqlite:/// or postgresql://")


def _engine(url: URL) -> Engine:
    from sqlalchemy import create_engine
    from sqlalchemy.pool import NullPool

    options: dict[str, Any] = {"poolclass": NullPool, "hide_parameters": True}
    if url.get_backend_name() == "postgresql":
        given = {"connect_timeout": _TIMEOUT, "application_name": "belfry"}
        return create_engine(url, connect_args=given, **options)
    if not url.database or url.database == ":memory:":
        raise Misconfigured(f"{_SETTING} names no file; use sqlite:///path or sqlite:////path")
    where = f"{Path(url.database).absolute().as_uri()}?mode=ro"

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(where, uri=True, timeout=_TIMEOUT)

    return create_engine("sqlite://", creator=connect, **options)


def _meaning(error: BaseException | None, password: object) -> BelfryError:
    """The `BelfryError` for a driver's error."""
    text = str(error)
    if password:
        text = text.replace(str(password), "***")
    lines = [line.strip() for line in redact(text).splitlines() if line.strip()]
    said = lines[0] if lines else type(error).__name__
    fatal = next((line for line in lines if "FATAL:" in line), "").partition("FATAL:")[2].strip()
    if getattr(error, "sqlstate", None) in _MISSING or said.startswith(_WRONG):
        return Misconfigured(f"the database of {_SETTING} is not as it should be: {said}")
    if any(words in fatal for words in _REFUSED):
        return Misconfigured(f"the database of {_SETTING} refused: {fatal}")
    return Unavailable(_SERVICE, f"{fatal or said} (see {_SETTING})")
