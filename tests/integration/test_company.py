"""The demo company: the same rows in both databases, however often it is built."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from local import company
from local.postgres import Postgres, start
from shared.errors import Damaged
from tests.conftest import scratch


def test_both_databases_hold_the_same_company(tmp_path: Path, postgres: Postgres) -> None:
    file, url = tmp_path / "company.db", postgres.url("same_company")
    for _ in range(2):
        company.build_sqlite(file)
        company.build_postgres(url)
    with closing(sqlite3.connect(file)) as small, psycopg.connect(url) as large:
        for table in company.tables():
            count = f"SELECT count(*) FROM {table.name}"
            rows = small.execute(count).fetchone()[0]
            assert rows == len(table.rows)
            found = large.execute(count.encode()).fetchone()
            assert found is not None and found[0] == rows
        name = "SELECT name FROM pets WHERE id = 7"
        assert small.execute(name).fetchone() == large.execute(name.encode()).fetchone()


def test_it_has_some_thousands_of_rows_and_two_administrators() -> None:
    tables = {table.name: table.rows for table in company.tables()}
    assert 5_000 < sum(len(rows) for rows in tables.values()) < 10_000
    assert sum(row[3] == "system_admin" for row in tables["users"]) == 2
    assert company.tables() == company.tables()


def test_a_wrong_password_is_refused(postgres: Postgres) -> None:
    wrong = postgres.url("postgres").replace(postgres.password, "wrong")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(wrong)


def test_a_killed_server_starts_again() -> None:
    with scratch() as parent:
        folder = parent / "postgres"
        with start(folder) as server:
            server.process.kill()
            server.process.wait()
        with start(folder) as server:
            psycopg.connect(server.url("postgres")).close()


def test_a_damaged_folder_is_named() -> None:
    with scratch() as parent:
        folder = parent / "postgres"
        start(folder).stop()
        (folder / "data" / "global" / "pg_control").write_bytes(b"")
        with pytest.raises(Damaged, match=str(folder)):
            start(folder)
