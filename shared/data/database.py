"""Reading from and writing to the company's database, and what its errors mean to a person.

A password appears in nothing that leaves this module, and a SQLite file that is missing is not
made. Neither a connection nor a transaction is held while anything else is waited for, such as a
vendor: read, let go, call, write.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from shared.data.engines import SETTING, Access, engine, parsed
from shared.errors import BelfryError, Conflict, Invalid, Misconfigured, Refused, Unavailable
from shared.identity.postgres import advice, refused_by_database, without_tokens
from shared.redaction import redact
from shared.settings import Secret, client_id_of

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

_SERVICE = "database"
_MISSING = ("42P01", "42703", "42501", "3F000")
"""No such table, column; no permission; no such schema.
https://www.postgresql.org/docs/current/errcodes-appendix.html"""
_UNOPENED = "unable to open"
_WRONG = ("no such table", "no such column", "file is not a database", _UNOPENED)
_REFUSED = (
    *("authentication failed", "no password supplied", "pg_hba.conf", "does not exist"),
    *("oid mismatch", "AAD_AUTH_TOKENTYPE"),  # of Azure: the role is another principal's
)


@contextmanager
def reading(url: Secret) -> Iterator[Session]:
    """A session that cannot write. Raises `Misconfigured` or `Unavailable`, also in the block, and
    `Refused` if PostgreSQL has or is asked for a value that the other side cannot hold, such as a
    timestamp `infinity`.

    A session gives rows by the models' names of columns; a connection gives them by the database's,
    which may be others (DATA_NAMES).
    """
    from sqlalchemy.orm import Session

    with translated(url), engine(url, Access.READ).connect() as connection:
        if connection.dialect.name == "postgresql":
            connection.execution_options(postgresql_readonly=True)
        with Session(connection) as session:
            yield session


_state = {"may_write": True}


def forbid_writing() -> None:
    """From now on, `writing` raises `Refused` in this process: it is for a dry run."""
    _state["may_write"] = False


@contextmanager
def writing(url: Secret) -> Iterator[Session]:
    """A session whose block is one transaction, for a short one: SQLite lets nobody else write
    meanwhile.

    Raises as `reading`, `Conflict` for a row that breaks a rule of the database, and `Invalid` for
    a value that a column's type refuses.
    """
    from sqlalchemy.orm import Session

    if not _state["may_write"]:
        raise Refused(_SERVICE, "a dry run changes nothing, so it may not write")
    with translated(url), Session(engine(url, Access.WRITE)) as session, session.begin():
        yield session


@contextmanager
def translated(url: Secret) -> Iterator[None]:
    """Whatever SQLAlchemy raises in the block, as one of our errors."""
    from sqlalchemy.exc import (
        DataError,
        DBAPIError,
        IntegrityError,
        SQLAlchemyError,
        StatementError,
        TimeoutError,
    )

    problem: BelfryError
    try:
        yield
        return
    except IntegrityError as error:
        problem = Conflict(f"the {_SERVICE} refuses a row: {_said(error.orig, url)[0]}")
    except DataError as error:  # too large, or nothing that Python can hold: a later one fails too
        problem = Refused(_SERVICE, f"{_said(error.orig, url)[0]} (see {SETTING})")
    except DBAPIError as error:
        problem = _meaning(error.orig, url)
    except StatementError as error:  # what a type refuses, before anything is sent
        problem = Invalid("value", str(error.orig))
    except TimeoutError:
        problem = Unavailable(_SERVICE, f"all connections are in use (see {SETTING})")
    except SQLAlchemyError as error:
        problem = Misconfigured(f"{SETTING} cannot be used ({type(error).__name__})")
    raise problem  # not where it came from: the library's error may show how it connected


def _meaning(error: BaseException | None, url: Secret) -> BelfryError:
    """What the driver says, in one of our errors."""
    lines = _said(error, url)
    said = lines[0]
    fatal = next((line for line in lines if "FATAL:" in line), "").partition("FATAL:")[2].strip()
    if said.startswith(_UNOPENED):
        said = f"{said}: {_why_unopened(url)}"
    if getattr(error, "sqlstate", None) in _MISSING or said.startswith(_WRONG):
        return Misconfigured(f"the database of {SETTING} is not as it should be: {said}")
    if any(words in fatal for words in _REFUSED):
        more = ""
        if client_id := client_id_of(url):
            refused_by_database(client_id)
            more = advice(fatal, parsed(url).username or "")
        return Misconfigured(f"the database of {SETTING} refused: {fatal}{more}")
    return Unavailable(_SERVICE, f"{fatal or said} (see {SETTING})")


def _why_unopened(url: Secret) -> str:
    """Why SQLite cannot open its file, which it does not say."""
    file = Path(str(parsed(url).database)).absolute()
    if not file.parent.is_dir():
        return f"there is no folder {file.parent}"
    if not file.exists():
        return f"there is no {file}; `python -m functions database upgrade` makes it"
    return f"{file} is no file that may be opened"


def _said(error: BaseException | None, url: Secret) -> list[str]:
    """The driver's lines, without the password or any token; at least one."""
    text = without_tokens(str(error))
    password = parsed(url).password
    if password:
        text = text.replace(str(password), "***")
    lines = [line.strip() for line in redact(text).splitlines() if line.strip()]
    return lines or [type(error).__name__]
