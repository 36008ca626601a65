"""A role with limits of its own is backed up, proved and restored all the same."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from local.postgres import Postgres
from shared.backups.model import differences
from shared.backups.postgres.server import Server
from shared.backups.postgres.source import PostgresSource
from shared.backups.source import Target
from shared.errors import Refused
from shared.settings import Secret
from tests.context import job_of
from tests.integration.backups.postgres.setup import (
    changed,
    column,
    dumped,
    execute,
    made,
    pieces,
)

LIMITS = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
SINCE_14, SINCE_17 = ("idle_session_timeout",), ("transaction_timeout",)
ROWS = 400_000
"""To count so many takes longer than the role may take for a statement."""
SHORT = "40ms"


@pytest.fixture
def strict(either: Postgres) -> Iterator[str]:
    """The URL of a database whose role may do nothing for long."""
    name = f"strict{uuid.uuid4().hex[:8]}"
    admin = either.url("postgres")
    execute(admin, f"CREATE ROLE {name} LOGIN CREATEDB PASSWORD 'x'")
    execute(admin, f"CREATE DATABASE {name} OWNER {name}")
    own = changed(either.url(name), user=name, password="x")
    execute(own, f"CREATE TABLE t AS SELECT n FROM generate_series(1, {ROWS}) n")
    for limit in limits_of(admin):
        execute(admin, f"ALTER ROLE {name} SET {limit} = '{SHORT}'")
    yield own
    execute(admin, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def limits_of(url: str) -> list[str]:
    with psycopg.connect(url) as connection:
        known = connection.execute("SELECT name FROM pg_settings").fetchall()
    return [one for one in (*LIMITS, *SINCE_14, *SINCE_17) if (one,) in known]


@pytest.mark.parametrize("autocommit", [False, True])
def test_no_limit_holds_on_a_connection_of_ours(strict: str, autocommit: bool) -> None:
    server = Server(Secret(strict), service="postgres", setting="POSTGRES_URL")
    with server.connected(server.database, autocommit=autocommit) as connection:
        for limit in limits_of(strict):
            assert connection.execute(f"SHOW {limit}".encode()).fetchone() == ("0",), limit


def test_errors_are_in_english_though_a_superuser_has_another_language(either: Postgres) -> None:
    name = f"d{uuid.uuid4().hex[:8]}"
    execute(
        either.url("postgres"),
        f"CREATE ROLE {name} SUPERUSER LOGIN PASSWORD 'x'",
        f"ALTER ROLE {name} SET lc_messages = 'POSIX'",
    )
    url = changed(either.url("postgres"), user=name, password="x", options="-c work_mem=7MB")
    server = Server(Secret(url), service="postgres", setting="POSTGRES_URL")
    for _ in range(2):
        with server.connected("postgres") as connection:
            assert connection.execute("SHOW lc_messages").fetchone() == ("C",)
            assert connection.execute("SHOW work_mem").fetchone() == ("7MB",)
    programs = server.parameters()["options"]
    assert column(changed(url, options=programs), "SHOW lc_messages") == ["C"]
    execute(either.url("postgres"), f"DROP ROLE {name}")


def test_it_is_dumped_proved_and_restored(strict: str) -> None:
    source = PostgresSource(Secret(strict))
    data, dump = dumped(source)
    assert dump.contents.tables == {"public.t": ROWS}
    assert differences(dump.contents, source.prove(pieces(data), job_of())) == ""
    made = source.restore(pieces(data), Target(), job_of())
    assert made.contents.tables == {"public.t": ROWS}


def test_a_role_that_may_only_read_proves_nothing_and_is_told_so(strict: str) -> None:
    name = strict_name(strict)
    execute(strict, f"ALTER ROLE {name} SET default_transaction_read_only = on")
    source = PostgresSource(Secret(strict))
    data, _ = dumped(source)
    job = job_of()
    with pytest.raises(Refused, match=f"user '{name}' may only read: .*see POSTGRES_URL"):
        source.prove(pieces(data), job)
    assert "locale" not in job.log.text()


def test_a_database_that_is_set_to_be_read_only_is_proved_and_replaced(either: Postgres) -> None:
    """The server's user may write; that setting is for the applications."""
    url = made(either, "CREATE TABLE t AS SELECT 1 AS n")
    name = url.rpartition("/")[2]
    execute(url, f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    source = PostgresSource(Secret(url))
    data, _ = dumped(source)
    assert source.prove(pieces(data), job_of()).tables == {"public.t": 1}
    done = source.restore(pieces(data), Target(name=name, replace=name), job_of())
    assert done.contents.tables == {"public.t": 1}
    assert column(url, "SHOW default_transaction_read_only") == ["on"]


def strict_name(url: str) -> str:
    return Server(Secret(url), service="postgres", setting="POSTGRES_URL").database


def test_every_connection_is_made_in_one_place() -> None:
    """Where a connection is made elsewhere, a role's limits hold."""
    making = [
        str(file)
        for file in Path("shared/backups").rglob("*.py")
        if "psycopg.connect(" in file.read_text()
    ]
    assert making == ["shared/backups/postgres/server.py"]
