"""Some schemas only, all but some, and every database of a server."""

from __future__ import annotations

import contextlib

import psycopg
import pytest

from local.postgres import Postgres
from shared.backups.postgres.names import RESTORING, SCRATCH
from shared.backups.postgres.source import PostgresSource, databases
from shared.errors import Refused
from shared.settings import Secret
from tests.context import job_of
from tests.integration.backups.postgres.setup import changed, execute, made, proved

ODD = 'O"d *?.|$%s'
QUOTED = '"O""d *?.|$%s"'
SCHEMAS = f"""
CREATE EXTENSION vector;
CREATE TABLE pets (n int, place vector(2));
INSERT INTO pets VALUES (1, '[1,2]');
CREATE SCHEMA "Oxd";
CREATE TABLE "Oxd".t AS SELECT 1 AS n;
CREATE SCHEMA {QUOTED};
CREATE TABLE {QUOTED}.t AS SELECT 1 AS n FROM generate_series(1, 2);
CREATE SCHEMA bare;
CREATE TABLE bare.places (place public.vector(2));
CREATE FUNCTION bare.one() RETURNS int LANGUAGE sql AS 'SELECT 1';
SELECT lo_from_bytea(0, 'abc');
"""
PETS = {"public.pets": 1}
BARE = {"bare.places": 0}
LIKE = {"Oxd.t": 1}
ODDS = {f"{QUOTED}.t": 2}
LARGE = {"large objects": 1}


@pytest.fixture(scope="module")
def urls() -> dict[int, str]:
    """Of the database on the server of a port."""
    return {}


@pytest.fixture
def url(either: Postgres, urls: dict[int, str]) -> str:
    """A database with those schemas, on a server of each version."""
    if either.port not in urls:
        urls[either.port] = made(either, SCHEMAS)
    return urls[either.port]


@pytest.mark.parametrize(
    ("schemas", "but", "tables", "scope"),
    [
        ((), (), PETS | BARE | LIKE | ODDS | LARGE, ""),
        (("bare",), (), BARE, "schemas bare"),
        (("public", "bare"), (), PETS | BARE, "schemas public, bare"),
        ((ODD,), (), ODDS, f"schemas {ODD}"),
        ((), ("bare",), PETS | LIKE | ODDS | LARGE, "all schemas but bare"),
        ((), (ODD, "bare"), PETS | LIKE | LARGE, f"all schemas but {ODD}, bare"),
    ],
)
def test_schemas_in_and_out(
    url: str,
    schemas: tuple[str, ...],
    but: tuple[str, ...],
    tables: dict[str, int],
    scope: str,
) -> None:
    source = PostgresSource(Secret(url), schemas=schemas, exclude_schemas=but)
    dump = proved(source)
    assert dump.contents.tables == tables
    assert source.scope == scope
    assert ("function bare.one()" in dump.contents.schema) == ("bare.places" in tables)


def test_a_schema_that_is_wanted_and_is_not_there_is_named(shop: str) -> None:
    source = PostgresSource(Secret(shop), schemas=("public", "gone"))
    with pytest.raises(Refused, match="database 'shop' has no schema 'gone'"):
        proved(source)


def test_a_schema_to_leave_out_that_is_not_there_is_told_and_no_more(url: str) -> None:
    job = job_of()
    source = PostgresSource(Secret(url), exclude_schemas=("bare", "gone"))
    assert proved(source, job).contents.tables == PETS | LIKE | ODDS | LARGE
    lines = job.log.text().splitlines()
    (warning,) = [line for line in lines if "WARNING" in line and "superuser" not in line]
    assert "no such schema to leave out" in warning and warning.endswith("schema=gone")


@pytest.mark.parametrize("schema", ["pg_catalog", "information_schema", "PUBLIC"])
def test_a_servers_own_schema_is_none(shop: str, schema: str) -> None:
    with pytest.raises(Refused, match=f"no schema '{schema}'"):
        proved(PostgresSource(Secret(shop), schemas=(schema,)))


def test_a_schema_that_holds_an_extension_cannot_be_left_out(postgres: Postgres) -> None:
    url = made(postgres, "CREATE SCHEMA tools; CREATE EXTENSION vector SCHEMA tools")
    source = PostgresSource(Secret(url), exclude_schemas=("tools",))
    with pytest.raises(Refused, match="schema 'tools' holds the extension 'vector'"):
        proved(source)


def test_a_table_that_is_locked_does_not_matter_outside(url: str) -> None:
    with contextlib.closing(psycopg.connect(url)) as other:
        other.execute("LOCK TABLE pets IN ACCESS EXCLUSIVE MODE")
        assert proved(PostgresSource(Secret(url), schemas=("bare",))).contents.tables == BARE


def test_another_database_of_the_server(postgres: Postgres) -> None:
    url = made(postgres, "CREATE TABLE bills AS SELECT 1 AS n")
    name = url.rpartition("/")[2]
    source = PostgresSource(
        Secret(postgres.url("postgres")), name="till", setting="BACKUP_TILL_URL", database=name
    )
    assert proved(source).contents.tables == {"public.bills": 1}
    assert (source.name, source.database) == ("till", name)


def test_messages_name_the_source_and_its_setting(postgres: Postgres) -> None:
    url = Secret(changed(postgres.url("postgres"), password="wrong"))
    source = PostgresSource(url, name="till", setting="BACKUP_TILL_URL")
    with pytest.raises(Refused, match=r"^till: .* refused user 'belfry'.*; see BACKUP_TILL_URL$"):
        proved(source)


@pytest.mark.parametrize(
    ("named", "see"), [(None, "POSTGRES_URL"), ("nosuch", "`databases` of the backup plan")]
)
def test_a_database_that_is_not_there_is_looked_for_where_it_is_named(
    postgres: Postgres, named: str | None, see: str
) -> None:
    url = Secret(postgres.url("nosuch" if named is None else "postgres"))
    with pytest.raises(Refused, match=f"no database 'nosuch' at .*; see {see}$"):
        proved(PostgresSource(url, database=named))


MADE = [("restored", ""), ("before", ""), ("restored", "_0a9f"), ("before", "_0a9f")]
"""How the names end of what a restore made or kept."""


def test_every_database_of_a_server(postgres16: Postgres) -> None:
    def listed(url: str = postgres16.url("postgres")) -> set[str]:
        return set(databases(Secret(url), "POSTGRES_URL"))

    admin = postgres16.url("postgres")
    before = listed()
    assert "postgres" not in before
    names = ['Wéird "x" %s', "plain", "shut", "tmpl", SCRATCH + "9", RESTORING + "9"]
    names += [f"plain_{what}_20260304t050607z{end}" for what, end in MADE]
    for name in names:
        doubled = name.replace('"', '""')
        execute(admin, f'CREATE DATABASE "{doubled}"')
    execute(admin, "ALTER DATABASE shut ALLOW_CONNECTIONS false")
    execute(admin, "ALTER DATABASE tmpl IS_TEMPLATE true")
    assert listed() - before == {names[0], "plain"}
    assert listed(postgres16.url(names[-1])) - before == {names[0], "plain", names[-1]}
    execute(admin, "CREATE TABLE mine (n int)")
    assert listed() - before == {names[0], "plain", "postgres"}
    source = PostgresSource(Secret(admin), database=names[0])
    assert proved(source).contents.tables == {}
    execute(admin, "DROP TABLE mine", "ALTER DATABASE tmpl IS_TEMPLATE false")
    for name in names:
        doubled = name.replace('"', '""')
        execute(admin, f'DROP DATABASE IF EXISTS "{doubled}"')
