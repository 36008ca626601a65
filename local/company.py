"""The demo company: a few tenants of a pet-care SaaS, the same rows in SQLite and PostgreSQL.

Every value is a function of its place, so each build gives the same rows. A build is one
transaction: one that was interrupted leaves nothing, so a table that is there is whole, and is
left alone.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from local.state import DamagedFile
from shared.errors import Misconfigured

_TENANTS = ("Pfötchen & Co.", "Happy Tails", "Clínica São Roque", "Łapka", "犬猫病院")
_NAMES = ("Ana", "Björn", "Chloë", "Dmitri", "Eun-ji", "Fatima", "Günther", "Håkon", "Ines", "José")
_PETS = ("Luna", "Rex", "Mitzi", "O'Malley", "Ñoño", "Bella\nthe second", "Žofka", "Tom")
_DAMAGED = (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT)
_START = datetime(2026, 1, 5, 8, 0, 0)  # noqa: DTZ001 (wall time of the practice, by design)


@dataclass(frozen=True, slots=True)
class Table:
    """A table: its columns (name, SQLite type, PostgreSQL type, constraint), and its rows."""

    name: str
    columns: tuple[tuple[str, str, str, str], ...]
    rows: list[tuple[object, ...]]

    def create(self, *, postgres: bool) -> str:
        kind = 2 if postgres else 1
        body = ", ".join(f"{column[0]} {column[kind]} {column[3]}" for column in self.columns)
        return f"CREATE TABLE {self.name} ({body})"

    def insert(self, mark: str) -> str:
        marks = ", ".join([mark] * len(self.columns))
        return f"INSERT INTO {self.name} VALUES ({marks})"  # noqa: S608 (names of this file)


def build_sqlite(path: Path) -> None:
    """Build the company in the SQLite file, unless it is complete there.

    Raises `DamagedFile`, `Misconfigured`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        _build_sqlite(path)
    except sqlite3.OperationalError as error:
        raise Misconfigured(f"{path} cannot be used: {error}") from None
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF not in _DAMAGED:
            raise
        raise DamagedFile(path, f"{path} is no whole SQLite database: {error}") from None


def _build_sqlite(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        if not _missing(_in_sqlite(connection)):
            return
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("BEGIN IMMEDIATE")
        for table in _missing(_in_sqlite(connection)):
            connection.execute(table.create(postgres=False))
            connection.executemany(table.insert("?"), [_plain(row) for row in table.rows])
        connection.execute("COMMIT")


def build_postgres(url: str) -> None:
    """Build the company in the database that the URL names, made when it is missing."""
    _create_database(url)
    with psycopg.connect(url) as connection:
        connection.execute("SELECT pg_advisory_xact_lock(20260105)")
        for table in _missing(_in_postgres(connection)):
            connection.execute(table.create(postgres=True).encode())
            copy = sql.SQL("COPY {} FROM STDIN").format(sql.Identifier(table.name))
            with connection.cursor() as cursor, cursor.copy(copy) as out:
                for row in table.rows:
                    out.write_row(row)


def _missing(there: set[str]) -> list[Table]:
    return [table for table in tables() if table.name not in there]


def _in_sqlite(connection: sqlite3.Connection) -> set[str]:
    return {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}


def _in_postgres(connection: psycopg.Connection) -> set[str]:
    found = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    return {name for (name,) in found}


def _create_database(url: str) -> None:
    parts = urlsplit(url)
    name = parts.path.lstrip("/")
    server = urlunsplit(parts._replace(path="/postgres"))
    with psycopg.connect(server, autocommit=True) as connection:
        found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
        if found.fetchone() is None:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))


def _plain(row: Sequence[object]) -> tuple[object, ...]:
    """As SQLite stores it: decimals and times as text."""
    kinds = (Decimal, datetime)
    return tuple(str(value) if isinstance(value, kinds) else value for value in row)


def tables() -> list[Table]:
    """The tables, each after those it refers to."""
    return [
        _tenants(),
        _users(),
        _owners(),
        _pets(),
        _vaccinations(),
        _appointments(),
        _invoices(),
        _costs(),
    ]


_ID = ("id", "INTEGER", "integer", "PRIMARY KEY")
_AMOUNT = ("amount", "TEXT", "numeric(12, 2)", "NOT NULL")


def _text(name: str, constraint: str = "NOT NULL") -> tuple[str, str, str, str]:
    return (name, "TEXT", "text", constraint)


def _time(name: str, constraint: str = "NOT NULL") -> tuple[str, str, str, str]:
    return (name, "TEXT", "timestamp", constraint)


def _of(table: str) -> tuple[str, str, str, str]:
    name = f"{table.removesuffix('s')}_id"
    return (name, "INTEGER", "integer", f"NOT NULL REFERENCES {table} (id)")


def _pick(items: Sequence[str], *place: object) -> str:
    return items[_number(len(items), *place)]


def _number(below: int, *place: object) -> int:
    digest = hashlib.sha256(repr(place).encode()).digest()
    return int.from_bytes(digest[:8]) % below


def _money(below: int, *place: object) -> Decimal:
    """Always with two places, as PostgreSQL shows it; SQLite shows what it is given."""
    return Decimal(_number(below, *place)).scaleb(-2)


def _tenants() -> Table:
    rows: list[tuple[object, ...]] = [(n, name) for n, name in enumerate(_TENANTS, 1)]
    return Table("tenants", (_ID, _text("name")), rows)


def _users() -> Table:
    columns = (_ID, _of("tenants"), _text("email", "NOT NULL UNIQUE"), _text("role"))
    rows: list[tuple[object, ...]] = [
        (n, 1 + n % 5, f"user{n}@example.com", "system_admin" if n <= 2 else "staff")
        for n in range(1, 41)
    ]
    return Table("users", columns, rows)


def _owners() -> Table:
    opted_in = ("sms_opted_in", "INTEGER", "boolean", "NOT NULL")
    columns = (_ID, _of("tenants"), _text("name"), _text("phone", ""), opted_in)
    rows: list[tuple[object, ...]] = [
        (
            n,
            1 + n % 5,
            f"{_pick(_NAMES, 'owner', n)} {n}",
            None if n % 17 == 0 else f"+49151{10_000_000 + n}",
            n % 3 != 0,
        )
        for n in range(1, 601)
    ]
    return Table("owners", columns, rows)


def _pets() -> Table:
    avatar = ("avatar", "BLOB", "bytea", "")
    columns = (_ID, _of("owners"), _text("name"), avatar)
    rows: list[tuple[object, ...]] = [
        (
            n,
            1 + _number(600, "pet", n),
            _pick(_PETS, "pet", n),
            hashlib.sha256(str(n).encode()).digest() if n % 4 else None,
        )
        for n in range(1, 901)
    ]
    return Table("pets", columns, rows)


def _vaccinations() -> Table:
    columns = (_ID, _of("pets"), _text("kind"), _time("expires_at"))
    rows: list[tuple[object, ...]] = [
        (
            n,
            1 + _number(900, "vaccination", n),
            _pick(("rabies", "distemper", "parvo"), n),
            _START + timedelta(days=_number(700, "expires", n)),
        )
        for n in range(1, 1801)
    ]
    return Table("vaccinations", columns, rows)


def _appointments() -> Table:
    columns = (_ID, _of("pets"), _time("starts_at"), _text("status"), _text("notes", ""))
    states = ("done", "done", "done", "missed", "planned")
    rows: list[tuple[object, ...]] = [
        (
            n,
            1 + _number(900, "appointment", n),
            _START + timedelta(minutes=30 * _number(12_000, "starts", n)),
            _pick(states, "state", n),
            None if n % 5 else f"line one\nline two\twith a tab, a \\ and “quotes” #{n}",
        )
        for n in range(1, 2401)
    ]
    return Table("appointments", columns, rows)


def _invoices() -> Table:
    columns = (_ID, _of("owners"), _AMOUNT, _time("due_at"), _time("paid_at", ""))
    rows: list[tuple[object, ...]] = []
    for n in range(1, 1201):
        due = _START + timedelta(days=_number(250, "due", n))
        paid = due + timedelta(days=_number(20, "paid", n) - 10, seconds=n) if n % 4 else None
        rows.append((n, 1 + _number(600, "invoice", n), _money(50_000, "invoice", n), due, paid))
    return Table("invoices", columns, rows)


def _costs() -> Table:
    columns = (_ID, _of("tenants"), _time("day"), _text("service"), _AMOUNT)
    return Table("costs", columns, list(_cost_rows()))


def _cost_rows() -> Iterator[tuple[object, ...]]:
    for n in range(1, 1001):
        day = _START + timedelta(days=n % 200)
        service = _pick(("sms", "compute", "storage"), "service", n)
        yield n, 1 + n % 5, day, service, _money(5000, "amount", n)
