"""What docs/backups.md says of the rights that a backup needs on a server where nobody is a
superuser: a role that may read everything and create databases, and no more."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from local.postgres import Postgres
from shared.backups.model import differences
from shared.backups.postgres.source import PostgresSource
from shared.backups.source import Target
from shared.errors import Refused
from shared.settings import Secret
from tests.context import job_of
from tests.integration.backups.postgres.setup import changed, column, dumped, execute, made, pieces

ROWS = (
    "CREATE SCHEMA shop",
    "CREATE TABLE shop.pets (id serial PRIMARY KEY, name text)",
    "INSERT INTO shop.pets (name) VALUES ('Rex'), ('Tom')",
    "CREATE MATERIALIZED VIEW shop.named AS SELECT name FROM shop.pets",
    "SELECT lo_from_bytea(77001, 'kept')",
    "REVOKE ALL ON SCHEMA public FROM PUBLIC",
)


@pytest.fixture
def role(either: Postgres) -> Iterator[str]:
    """Its name; it may sign in, and nothing else."""
    name, admin = f"few_{uuid.uuid4().hex[:8]}", either.url("postgres")
    execute(admin, f"CREATE ROLE {name} LOGIN NOSUPERUSER PASSWORD 'x'")
    yield name
    owned = "SELECT datname FROM pg_database WHERE pg_get_userbyid(datdba) = %s"
    for database in column(admin, owned, name):
        execute(admin, f'DROP DATABASE "{database}" WITH (FORCE)')
    execute(admin, f"DROP ROLE {name}")


@pytest.fixture
def url(either: Postgres, role: str) -> Iterator[str]:
    """Of a database of somebody else, for that role."""
    made_as = made(either, *ROWS)
    yield changed(made_as, user=role, password="x")
    with psycopg.connect(made_as, autocommit=True) as connection:
        connection.execute(f"DROP OWNED BY {role}".encode())


def named(admin: str, url: str) -> str:
    """The URL's database, for the superuser."""
    return changed(admin, dbname=conninfo_to_dict(url)["dbname"])


def test_reading_and_creating_databases_is_enough_to_back_up_prove_and_restore(
    either: Postgres, role: str, url: str
) -> None:
    admin = either.url("postgres")
    execute(admin, f"ALTER ROLE {role} CREATEDB", f"GRANT pg_read_all_data TO {role}")
    # Large objects are not among what pg_read_all_data may read.
    execute(named(admin, url), f"GRANT SELECT ON LARGE OBJECT 77001 TO {role}")
    source, job = PostgresSource(Secret(url)), job_of()
    data, dump = dumped(source, job)
    assert dump.contents.tables == {"shop.pets": 2, "large objects": 1}
    assert differences(dump.contents, source.prove(pieces(data), job)) == ""
    done = source.restore(pieces(data), Target(), job)
    assert differences(dump.contents, done.contents) == ""


def test_what_is_missing_is_said(either: Postgres, role: str, url: str) -> None:
    source = PostgresSource(Secret(url))
    with pytest.raises(Refused, match="permission denied"):
        dumped(source)
    admin = either.url("postgres")
    execute(admin, f"GRANT pg_read_all_data TO {role}")
    with pytest.raises(Refused, match="permission denied for large object 77001"):
        dumped(source)
    execute(named(admin, url), f"GRANT SELECT ON LARGE OBJECT 77001 TO {role}")
    data, _ = dumped(source)
    with pytest.raises(Refused, match="permission denied to create database"):
        source.prove(pieces(data), job_of())
