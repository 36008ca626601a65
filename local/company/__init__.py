"""The demo company: a few tenants of a pet-care SaaS, the same rows in SQLite and PostgreSQL.

It is made by Belfry's migrations and models. Its first months are fixed (`rows`); around the day
on which it is made, each day is a function of that day (`days`), from a month before to two months
ahead, and a later start adds the days that are missing. A build is one transaction: one that was
interrupted leaves nothing but the empty tables.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg
from psycopg import sql
from sqlalchemy import Table as Defined
from sqlalchemy import func, insert, select, update
from sqlalchemy.pool import NullPool

from local.company import days, own, rows
from local.state import DamagedFile
from shared.data import engines, names
from shared.data.database import translated
from shared.data.migrations.run import upgrade
from shared.data.models import Base, Tenant
from shared.errors import Misconfigured
from shared.settings import Secret

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

_DAMAGED = (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT)
_BEFORE = timedelta(days=30)
_AHEAD = timedelta(days=60)
_ENOUGH = timedelta(days=30)
"""As long as this much is made, a start adds nothing."""
_ONE_DAY = timedelta(days=1)
_REFERS = {
    "tenant_id": "tenants",
    "owner_id": "owners",
    "pet_id": "pets",
    "appointment_id": "appointments",
    "partner_id": "partners",
}
"""The tables that such columns refer to."""


def build_sqlite(path: Path, today: date) -> None:
    """Build the company in the SQLite file, or add what it lacks: tables, and days to come.

    Raises `DamagedFile`, `Misconfigured`, `Unavailable`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _refuse_damaged(path)
    url = Secret(f"sqlite:///{quote(str(path))}")
    upgrade(url)
    _fill(url, engines.sqlite(str(path), engines.Access.WRITE), today)


def build_postgres(address: str, today: date) -> None:
    """The same in the PostgreSQL database that the URL names, made when it is missing."""
    _create_database(address)
    url = Secret(address)
    upgrade(url)
    _fill(url, engines.postgres(url, limits={}, poolclass=NullPool), today)


def _fill(url: Secret, engine: Engine, today: date) -> None:
    """Add what is missing."""
    with translated(url), engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(20260105)")
        until = own.made_until(connection)
        if until is None:
            _begin(connection, today)
        if until is None or until < today + _ENOUGH:
            _go_on(connection, today, today - _BEFORE if until is None else until + _ONE_DAY)
        own.add_invoices(connection)


def _begin(connection: Connection, today: date) -> None:
    """Put in what does not depend on a day. The company of the first versions is there already:
    its tenants only get what they had not."""
    if connection.execute(select(Tenant.id).limit(1)).first() is None:
        _put(connection, rows.first(today))
    else:
        for tenant in range(1, len(rows.TENANTS) + 1):
            changed = {k: v for k, v in rows.settings(tenant).items() if k != "name"}
            connection.execute(update(Tenant).where(Tenant.id == tenant).values(changed))
    _put(connection, rows.later())


def _go_on(connection: Connection, today: date, day: date) -> None:
    """Add the days from `day` on."""
    ids = {table: _highest_id(connection, table) for table in days.TABLES}
    making = days.Days(today, ids)
    made: dict[str, list[rows.Row]] = {table: [] for table in days.TABLES}
    while day <= today + _AHEAD:
        for table, more in making.of(day).items():
            made[table] += more
        day += _ONE_DAY
    _put(connection, made)
    own.note_made_until(connection, today + _AHEAD)


def _put(connection: Connection, made: Mapping[str, list[rows.Row]]) -> None:
    """Rows that would refer to what a person has deleted are left out."""
    for name in names.TABLES:  # each after those it refers to
        held = _referring(connection, made.get(name, []))
        if held:
            table = _defined(name)
            connection.execute(insert(table), held)
            if connection.dialect.name == "postgresql" and "id" in table.c:
                _go_on_from(connection, table)


def _referring(connection: Connection, put: list[rows.Row]) -> list[rows.Row]:
    """Those of the rows that refer to rows that are there."""
    for column, name in _REFERS.items():
        if put and column in put[0]:
            there = set(connection.execute(select(_defined(name).c.id)).scalars())
            put = [row for row in put if row[column] in there]
    return put


def _go_on_from(connection: Connection, table: Defined) -> None:
    """PostgreSQL gives the next ids after those that were put in."""
    called, key = table.name, table.c.id.name
    sequence = func.pg_get_serial_sequence(f'"{called}"', key)
    connection.execute(
        select(func.setval(sequence, select(func.max(table.c.id)).scalar_subquery()))
    )


def _highest_id(connection: Connection, name: str) -> int:
    return connection.execute(select(func.max(_defined(name).c.id))).scalar() or 0


def _defined(name: str) -> Defined:
    return Base.metadata.tables[names.current().table(name)]


def _refuse_damaged(path: Path) -> None:
    """Raises `DamagedFile` if what is there is no whole database, `Misconfigured` if it cannot be
    opened."""
    if not path.exists():
        return
    try:
        with closing(sqlite3.connect(path)) as connection:
            (said,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.OperationalError as error:
        raise Misconfigured(f"{path} cannot be used: {error}") from None
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF not in _DAMAGED:
            raise
        said = str(error)
    if said != "ok":
        raise DamagedFile(path, f"{path} is no whole SQLite database: {said}")


def _create_database(url: str) -> None:
    parts = urlsplit(url)
    name = parts.path.lstrip("/")
    server = urlunsplit(parts._replace(path="/postgres"))
    with psycopg.connect(server, autocommit=True) as connection:
        found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
        if found.fetchone() is None:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
