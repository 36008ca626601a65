"""A scratch user who is no superuser, as is recommended: what it proves, what it is refused."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from local.postgres import Postgres
from shared.backups.model import differences
from shared.backups.postgres.source import SCRATCH, PostgresSource
from shared.backups.source import Target
from shared.errors import Refused
from shared.settings import Secret
from tests.context import job_of
from tests.integration.backups.postgres.setup import (
    changed,
    column,
    databases_like,
    dumped,
    execute,
    made,
    pieces,
    proved,
)

FORCED = (
    "CREATE TABLE pets (n int PRIMARY KEY)",
    "INSERT INTO pets VALUES (1), (2)",
    "CREATE TABLE owns (n int REFERENCES pets)",
    "INSERT INTO owns VALUES (1)",
    *(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY" for table in ("pets", "owns")),
    *(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY" for table in ("pets", "owns")),
    "CREATE POLICY few ON pets USING (n > 1)",
)


@pytest.fixture
def plain(either: Postgres) -> Iterator[str]:
    """The URL of a user who may create databases, and no more."""
    name = f"plain{uuid.uuid4().hex[:8]}"
    admin = either.url("postgres")
    execute(admin, f"CREATE ROLE {name} LOGIN CREATEDB PASSWORD 'x'")
    yield changed(admin, user=name, password="x")
    assert databases_like(either, SCRATCH) == []
    for database in column(
        admin, "SELECT datname FROM pg_database WHERE pg_get_userbyid(datdba) = %s", name
    ):
        execute(admin, f"DROP DATABASE {database}")
    execute(admin, f"DROP ROLE {name}")


def test_policies_that_hold_for_a_tables_owner_keep_no_proof_from_counting(
    either: Postgres, plain: str
) -> None:
    source = PostgresSource(Secret(made(either, *FORCED)), scratch_url=Secret(plain))
    assert proved(source).contents.tables == {"public.pets": 2, "public.owns": 1}


def test_a_restore_for_good_leaves_them_as_they_were(either: Postgres, plain: str) -> None:
    url = made(either, *FORCED)
    data, dump = dumped(PostgresSource(Secret(url)))
    by_plain = PostgresSource(Secret(plain), database=url.rpartition("/")[2])
    done = by_plain.restore(pieces(data), Target(), job_of())
    assert differences(dump.contents, done.contents) == ""
    forced = "SELECT relname FROM pg_class WHERE relforcerowsecurity ORDER BY 1"
    copy = changed(plain, dbname=done.name)
    assert column(copy, forced) == ["owns", "pets"]
    assert column(copy, "SELECT n FROM pets") == ["2"], "the policy holds"


@pytest.mark.parametrize(
    ("statements", "said"),
    [
        (
            ("CREATE FUNCTION f() RETURNS int LEAKPROOF LANGUAGE sql AS 'SELECT 1'",),
            "only superuser can define a leakproof function",
        ),
        (
            (*FORCED, "CREATE MATERIALIZED VIEW seen AS SELECT * FROM pets"),
            "would be affected by row-level security policy",
        ),
    ],
)
def test_what_only_a_superuser_may_is_refused_and_no_damage(
    either: Postgres, plain: str, statements: tuple[str, ...], said: str
) -> None:
    source = PostgresSource(Secret(made(either, *statements)), scratch_url=Secret(plain))
    with pytest.raises(Refused, match=f"postgres scratch server: pg_restore failed: .*{said}"):
        proved(source)
