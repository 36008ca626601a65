"""Whether a database fits this version of Belfry. It is asked at run time, without Alembic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.data import names
from shared.data.database import reading
from shared.errors import Misconfigured
from shared.settings import Secret

if TYPE_CHECKING:
    from sqlalchemy import Connection

REVISIONS = ("0001", "0002", "0003", "0004", "0005")
"""All that there are, in order; a test holds them equal to Alembic's."""
HEAD = REVISIONS[-1]
VERSION_TABLE = "belfry_version"
"""A name of its own: the company's application may use Alembic too, in the same database."""
_UPGRADE = "`python -m functions database upgrade`"


@dataclass(frozen=True, slots=True)
class Found:
    """How a database stands to this version of Belfry."""

    version: str | None
    """Of its schema; None if it has none, and with names of its own."""
    problem: str | None
    """What to do about it; None if it fits."""


def check(url: Secret) -> None:
    """Raises `Misconfigured` unless the database fits; and as `reading` does."""
    problem = look(url).problem
    if problem is not None:
        raise Misconfigured(problem)


def look(url: Secret) -> Found:
    """How the database stands. Raises as `reading` does."""
    with reading(url) as session:
        return found(session.connection())


def found(connection: Connection) -> Found:
    """The same, by a connection."""
    if names.current():
        lacking = _missing(connection)
        return Found(None, _lacks(lacking) if lacking else None)
    version = _version(connection)
    return Found(version, compared(version))


def compared(version: str | None) -> str | None:
    """What is wrong with a schema of that version, in words."""
    if version == HEAD:
        return None
    if version is None:
        return f"the database has no schema of Belfry, and the code needs {HEAD}: run {_UPGRADE}"
    if version in REVISIONS:
        return f"the database's schema is {version}, and the code needs {HEAD}: run {_UPGRADE}"
    return (
        f"the database's schema is {version}, which is newer than this code, which knows {HEAD}: "
        "deploy the version of Belfry that upgraded it"
    )


def _version(connection: Connection) -> str | None:
    """The version of the schema; None if Belfry has never upgraded this database."""
    from sqlalchemy import inspect, text

    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    found = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()  # noqa: S608
    return None if found is None else str(found)


def _missing(connection: Connection) -> list[str]:
    """Which tables and columns the database lacks, by the names that it should have."""
    from sqlalchemy import inspect

    look = inspect(connection)
    used = names.current()
    there = {*look.get_table_names(), *look.get_view_names()}
    found = []
    for table, columns in names.TABLES.items():
        called = used.table(table)
        if called not in there:
            found.append(called)
            continue
        known = {one["name"] for one in look.get_columns(called)}
        wanted = [used.column(table, column) for column in columns]
        found += [f"{called}.{column}" for column in wanted if column not in known]
    return found


def _lacks(lacking: list[str]) -> str:
    return (
        f"by {names.SETTING}, the database should have {', '.join(lacking)}, and has not: tables "
        f"are made by {_UPGRADE}, columns by you"
    )
