"""Databases of every encoding and locale are proved and restored as what they are."""

from __future__ import annotations

import uuid

import psycopg
import pytest

from local.postgres import Postgres
from shared.backups.model import differences
from shared.backups.postgres.create import said_like
from shared.backups.postgres.source import PostgresSource
from shared.backups.source import Dump, Target
from shared.settings import Secret
from tests.context import job_of
from tests.integration.backups.conftest import scratch_databases
from tests.integration.backups.postgres.setup import (
    changed,
    column,
    dumped,
    execute,
    pieces,
    proved,
)

C = "LC_COLLATE 'C' LC_CTYPE 'C'"
FAST = "LOCALE_PROVIDER builtin BUILTIN_LOCALE 'PG_UNICODE_FAST'"
UPPER = "CREATE TABLE words (a text CHECK (upper(a) = 'SS'))"
SHAPE = """
    SELECT concat_ws(' ', pg_encoding_to_char(encoding), datcollate, datctype, datlocprovider,
        coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale'))
    FROM pg_database d WHERE datname = %s
"""


def made_as(postgres: Postgres, ways: str, *statements: str | bytes) -> str:
    """The URL of a new database of that encoding and locale; statements in bytes go as they are."""
    name = f"e{uuid.uuid4().hex[:10]}"
    execute(postgres.url("postgres"), f"CREATE DATABASE {name} TEMPLATE template0 {ways}")
    with psycopg.connect(postgres.url(name), autocommit=True) as connection:
        for statement in statements:
            if isinstance(statement, bytes):
                connection.execute("RESET client_encoding")
                connection.execute(statement)
            else:
                connection.execute("SET client_encoding TO 'UTF8'")
                connection.execute(statement.encode())
    return postgres.url(name)


def come_back(url: str) -> Dump:
    """Proved, and restored for good: beside the source, and once that is lost."""
    server, name = changed(url, dbname="postgres"), url.rpartition("/")[2]
    source = PostgresSource(Secret(url))
    dump = proved(source)
    data, _ = dumped(source)
    shape = column(server, SHAPE, name)
    for lost in (False, True):
        if lost:
            execute(server, f"DROP DATABASE {name}")
        job = job_of()
        done = source.restore(pieces(data), Target(), job)
        assert differences(dump.contents, done.contents) == ""
        assert column(server, SHAPE, done.name) == shape
        assert "locale" not in job.log.text()
        execute(server, f"DROP DATABASE {done.name}")
    return dump


def test_latin1(either: Postgres) -> None:
    url = made_as(
        either,
        f"ENCODING 'LATIN1' {C}",
        'CREATE TABLE "été" (a text)',
        "INSERT INTO \"été\" VALUES ('é'), ('ü')",
        "CREATE VIEW seen AS SELECT 'é'::text AS \"é\"",
        "CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $$ SELECT 'é'::text $$",
    )
    dump = come_back(url)
    assert dump.contents.tables == {"public.été": 2}
    assert {"table public.été", "view public.seen"} <= set(dump.contents.schema)


def test_no_encoding(either: Postgres) -> None:
    """Bytes that are no UTF-8, those that are, and both in names and definitions."""
    url = made_as(
        either,
        f"ENCODING 'SQL_ASCII' {C}",
        b'CREATE TABLE "\xe9t\xe9" (a text)',
        b"INSERT INTO \"\xe9t\xe9\" VALUES (E'\\xe9t\\xe9'), ('x')",
        "CREATE TABLE été (a text DEFAULT 'é')".encode(),
        b"CREATE VIEW seen AS SELECT '\xe9'::text AS a",
        b"CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $$ SELECT '\xe9'::text $$",
    )
    dump = come_back(url)
    assert dump.contents.tables == {r"public.\xe9t\xe9": 2, "public.été": 0}
    for names in (dump.contents.tables, dump.contents.schema):
        assert [name.encode().decode() for name in names] == list(names)


def test_a_change_of_one_byte_is_found(postgres: Postgres) -> None:
    view = b"CREATE OR REPLACE VIEW seen AS SELECT '%s'::text AS a"
    url = made_as(postgres, f"ENCODING 'SQL_ASCII' {C}", view % b"\xe9")
    _, before = dumped(PostgresSource(Secret(url)))
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(view % b"\xe8")
    _, after = dumped(PostgresSource(Secret(url)))
    assert "view public.seen" in differences(before.contents, after.contents)


def test_a_locale_of_postgresql_itself(postgres: Postgres) -> None:
    come_back(made_as(postgres, FAST, UPPER, "INSERT INTO words VALUES ('ß')"))


def test_a_locale_that_the_scratch_server_does_not_know(
    postgres: Postgres, postgres16: Postgres
) -> None:
    """It is proved with what that has, as long as the rows do not need it."""
    url = made_as(postgres, FAST, "CREATE TABLE words AS SELECT 'ß' AS a")
    job = job_of()
    proved(PostgresSource(Secret(url), scratch_url=Secret(postgres16.url("postgres"))), job)
    assert "the dump's locale is not on this server" in job.log.text()
    assert scratch_databases(postgres16) == []


@pytest.mark.parametrize(
    ("said", "first"),
    [
        (
            "ENCODING = 'UTF8' LC_COLLATE = 'de_DE.utf8' LC_CTYPE = 'C'",
            "TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'de_DE.utf8' LC_CTYPE 'C'",
        ),
        (
            "ENCODING = 'UTF8' LOCALE_PROVIDER = libc LOCALE = 'it''s' TABLESPACE = fast",
            "TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'it''s' LC_CTYPE 'it''s' "
            "LOCALE_PROVIDER libc",
        ),
        (
            "ENCODING = 'UTF8' LOCALE_PROVIDER = icu LOCALE = 'C' ICU_LOCALE = 'de'",
            "TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C' ICU_LOCALE 'de' "
            "LOCALE_PROVIDER icu",
        ),
        ("nothing", "TEMPLATE template0"),
    ],
)
def test_what_a_dump_says_of_its_database(said: str, first: str) -> None:
    head = f'\0CREATE DATABASE "a ""b" WITH TEMPLATE = template0 {said};\n\0'
    assert " ".join(said_like(head.encode())[0]) == first


def test_names_with_dots_are_told_apart(postgres: Postgres) -> None:
    url = made_as(
        postgres,
        "",
        'CREATE SCHEMA "a.b"',
        "CREATE SCHEMA a",
        'CREATE TABLE "a.b".c AS SELECT generate_series(1, 7)',
        'CREATE TABLE a."b.c" AS SELECT 1',
    )
    assert proved(PostgresSource(Secret(url))).contents.tables == {'"a.b".c': 7, 'a."b.c"': 1}
