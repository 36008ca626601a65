"""A container for each test, a SQLite company and a PostgreSQL shop."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from local import postgres as local_postgres
from local.azurite import Azurite
from local.postgres import Postgres
from shared.backups.postgres.source import SCRATCH, PostgresSource
from shared.backups.sqlite.source import SqliteSource
from shared.settings import Secret
from tests.conftest import scratch
from tests.integration.backups.setup import Shelf, company_file


@pytest.fixture
def shelf(azurite: Azurite) -> Shelf:
    return Shelf(azurite.connection_string)


@pytest.fixture
def company(tmp_path: Path) -> Path:
    """A SQLite database in WAL mode whose compressed form needs more than one block."""
    return company_file(tmp_path / "company.db", 60)


COMPANY = {"users": 1000, 'odd "name': 0, "files": 60}


@pytest.fixture
def database(company: Path, tmp_path: Path) -> SqliteSource:
    return SqliteSource(company, temp=tmp_path, busy_seconds=0.05)


SHOP = {"public.orders": 30_000, 'odd "schema.t%s': 2, "public.parts_1": 3}


@pytest.fixture(scope="session")
def shop(postgres: Postgres) -> str:
    """The URL of a database whose dump does not fit into a pipe."""
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE shop")
    url = postgres.url("shop")
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE orders (id serial PRIMARY KEY, note text)")
        connection.execute(
            "INSERT INTO orders (note) "
            "SELECT repeat(md5(n::text), 4) FROM generate_series(1, 30000) n"
        )
        connection.execute('CREATE SCHEMA "odd ""schema"')
        connection.execute('CREATE TABLE "odd ""schema"."t%s" AS SELECT 1 UNION SELECT 2')
        connection.execute("CREATE TABLE parts (n int) PARTITION BY RANGE (n)")
        connection.execute("CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (9)")
        connection.execute("INSERT INTO parts VALUES (1), (2), (3)")
        connection.execute("CREATE VIEW seen AS SELECT * FROM orders")
    return url


@pytest.fixture
def postgres_source(shop: str, postgres: Postgres) -> Iterator[PostgresSource]:
    """The shop as a source; afterwards no scratch database may be left."""
    yield PostgresSource(Secret(shop), folder=postgres.bin)
    assert scratch_databases(postgres) == []


def scratch_databases(postgres: Postgres) -> list[str]:
    with psycopg.connect(postgres.url("postgres")) as connection:
        rows = connection.execute(
            "SELECT datname FROM pg_database WHERE starts_with(datname, %s)", (SCRATCH,)
        )
        return [row[0] for row in rows]


@pytest.fixture(scope="session")
def postgres16() -> Iterator[Postgres]:
    """PostgreSQL 16, which the wheel has as well."""
    with pytest.MonkeyPatch.context() as patch, scratch() as folder:
        older = local_postgres.programs().parents[1] / "pginstall" / "bin"
        patch.setattr(local_postgres, "programs", lambda: older)
        running = local_postgres.start(folder, durable=False)
        patch.undo()
        with running:
            yield running


@pytest.fixture(params=["16", "18"])
def either(request: pytest.FixtureRequest) -> Postgres:
    """A server of each version."""
    name = "postgres" if request.param == "18" else "postgres16"
    found: Postgres = request.getfixturevalue(name)
    return found


@pytest.fixture(params=["16", "18"])
def proving(request: pytest.FixtureRequest) -> Postgres:
    """A scratch server of each version."""
    name = "postgres" if request.param == "18" else "postgres16"
    found: Postgres = request.getfixturevalue(name)
    return found
