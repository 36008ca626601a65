"""The source ends the connection, a table is locked: nothing is left, the next attempt proves."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import psycopg
import pytest

import shared.backups.postgres.source as module
from local.postgres import Postgres
from shared.backups.postgres.source import SCRATCH, PostgresSource
from shared.backups.sqlite.source import SqliteSource
from shared.errors import Unavailable
from tests.integration.backups.conftest import scratch_databases
from tests.integration.backups.faults.world import LATER, job, whole
from tests.integration.backups.setup import PRIMARY, Meddled, Shelf

SOURCE = "datname = 'shop' AND query ~ '^COPY' AND pid <> pg_backend_pid()"
PROOF = f"starts_with(datname, '{SCRATCH}') AND query ~ '^COPY'"


def end_one(url: str, condition: str) -> None:
    """End a connection of which that is true, as soon as there is one."""
    query = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {condition}"
    with psycopg.connect(url, autocommit=True) as connection:
        for _ in range(100_000):  # each is a question to the server: no time is measured
            if connection.execute(query.encode()).fetchone():
                return
    raise AssertionError(condition)


@pytest.mark.parametrize(
    ("step", "condition", "said"),
    [
        ("in_dump", SOURCE, "postgres: pg_dump ended half-way"),
        ("in_restore", PROOF, "postgres scratch server: pg_restore"),
    ],
)
def test_the_connection_is_cut(
    shelf: Shelf,
    postgres_source: PostgresSource,
    postgres: Postgres,
    step: str,
    condition: str,
    said: str,
) -> None:
    steps: dict[str, Any] = {step: lambda: end_one(postgres.url("postgres"), condition)}
    after = 2 if step == "in_restore" else 1
    with pytest.raises(Unavailable, match=said):
        shelf.take(Meddled(postgres_source, after=after, **steps))
    assert (shelf.everything(), scratch_databases(postgres)) == ([], [])
    shelf.take(postgres_source, job(attempt=2, by=LATER))
    assert shelf.states() == [{PRIMARY: "verified"}]
    whole(shelf)


def test_a_table_is_locked(
    shelf: Shelf,
    postgres_source: PostgresSource,
    shop: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as patch, closing(psycopg.connect(shop)) as other:
        patch.setattr(module, "_LOCK_MS", 200)
        other.execute("LOCK TABLE orders IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(Unavailable, match="lock"):
            shelf.take(postgres_source)
    assert shelf.everything() == []
    shelf.take(postgres_source, job(attempt=2, by=LATER))
    assert shelf.states() == [{PRIMARY: "verified"}]
    whole(shelf)


def test_a_source_that_fails_as_nobody_expected_keeps_no_other_from_it(
    shelf: Shelf, small: SqliteSource
) -> None:
    def fail() -> None:
        raise ZeroDivisionError("a mistake of ours")

    wrong = Meddled(small, in_dump=fail)
    wrong.name = "another"
    with pytest.raises(ZeroDivisionError):
        shelf.take_all([wrong, small])
    assert [one.summary.source for one in shelf.backups()] == ["database"]
    whole(shelf)
