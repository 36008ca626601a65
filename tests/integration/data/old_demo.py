"""The demo company as Belfry 0.0 made it, by its own DDL: a database that the upgrade must keep.

Frozen: this is what people have on their disks, whatever the code does today.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import psycopg

_SQLITE = """
CREATE TABLE tenants (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE users (id INTEGER PRIMARY KEY, tenant_id INTEGER NOT NULL REFERENCES tenants (id),
    email TEXT NOT NULL UNIQUE, role TEXT NOT NULL);
CREATE TABLE owners (id INTEGER PRIMARY KEY, tenant_id INTEGER NOT NULL REFERENCES tenants (id),
    name TEXT NOT NULL, phone TEXT , sms_opted_in INTEGER NOT NULL);
CREATE TABLE pets (id INTEGER PRIMARY KEY, owner_id INTEGER NOT NULL REFERENCES owners (id),
    name TEXT NOT NULL, avatar BLOB );
CREATE TABLE vaccinations (id INTEGER PRIMARY KEY,
    pet_id INTEGER NOT NULL REFERENCES pets (id), kind TEXT NOT NULL, expires_at TEXT NOT NULL);
CREATE TABLE appointments (id INTEGER PRIMARY KEY,
    pet_id INTEGER NOT NULL REFERENCES pets (id), starts_at TEXT NOT NULL, status TEXT NOT NULL,
    notes TEXT );
CREATE TABLE invoices (id INTEGER PRIMARY KEY, owner_id INTEGER NOT NULL REFERENCES owners (id),
    amount TEXT NOT NULL, due_at TEXT NOT NULL, paid_at TEXT );
CREATE TABLE costs (id INTEGER PRIMARY KEY, tenant_id INTEGER NOT NULL REFERENCES tenants (id),
    day TEXT NOT NULL, service TEXT NOT NULL, amount TEXT NOT NULL);
"""
_POSTGRES = """
CREATE TABLE tenants (id integer PRIMARY KEY, name text NOT NULL);
CREATE TABLE users (id integer PRIMARY KEY, tenant_id integer NOT NULL REFERENCES tenants (id),
    email text NOT NULL UNIQUE, role text NOT NULL);
CREATE TABLE owners (id integer PRIMARY KEY, tenant_id integer NOT NULL REFERENCES tenants (id),
    name text NOT NULL, phone text , sms_opted_in boolean NOT NULL);
CREATE TABLE pets (id integer PRIMARY KEY, owner_id integer NOT NULL REFERENCES owners (id),
    name text NOT NULL, avatar bytea );
CREATE TABLE vaccinations (id integer PRIMARY KEY,
    pet_id integer NOT NULL REFERENCES pets (id), kind text NOT NULL,
    expires_at timestamp NOT NULL);
CREATE TABLE appointments (id integer PRIMARY KEY,
    pet_id integer NOT NULL REFERENCES pets (id), starts_at timestamp NOT NULL,
    status text NOT NULL, notes text );
CREATE TABLE invoices (id integer PRIMARY KEY, owner_id integer NOT NULL REFERENCES owners (id),
    amount numeric(12, 2) NOT NULL, due_at timestamp NOT NULL, paid_at timestamp );
CREATE TABLE costs (id integer PRIMARY KEY, tenant_id integer NOT NULL REFERENCES tenants (id),
    day timestamp NOT NULL, service text NOT NULL, amount numeric(12, 2) NOT NULL);
"""

ROWS: dict[str, list[tuple[object, ...]]] = {
    "tenants": [(1, "Pfötchen & Co."), (2, "Mine")],
    "users": [
        (1, 2, "user1@example.com", "system_admin"),
        (2, 1, "user2@example.com", "staff"),
    ],
    "owners": [(1, 2, "Ana 1", "+4915110000001", True), (2, 1, "José 2", None, False)],
    "pets": [(1, 1, "Bella\nthe second", b"\x00\xff"), (2, 2, "O'Malley", None)],
    "vaccinations": [
        (1, 1, "rabies", "2026-02-03 08:00:00"),
        (2, 2, "parvo", "2099-12-31 08:00:00"),
    ],
    "appointments": [
        (1, 1, "2026-01-05 08:30:00", "done", None),
        (2, 2, "2026-03-29 02:30:00", "missed", "a \\ and “quotes” #2"),
        (3, 2, "2026-09-11 07:00:00", "planned", "%H:%M"),
    ],
    "invoices": [(1, 2, "499.99", "2026-03-01 08:00:00", None)],
    "costs": [
        (1, 1, "2026-01-06 08:00:00", "sms", "0.07"),
        (2, 2, "2026-07-24 08:00:00", "compute", "1234567890.29"),
    ],
}


def build_sqlite(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(_SQLITE)
        for table, rows in ROWS.items():
            marks = ", ".join("?" * len(rows[0]))
            connection.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)
        connection.commit()


def build_postgres(url: str) -> None:
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute(_POSTGRES.encode())
        for table, rows in ROWS.items():
            marks = ", ".join(["%s"] * len(rows[0]))
            cursor.executemany(f"INSERT INTO {table} VALUES ({marks})".encode(), rows)
