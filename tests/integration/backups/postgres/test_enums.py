"""Tables that are partitioned by the hash of an enum, which is another in each database."""

from __future__ import annotations

from dataclasses import replace

import pytest

from local.postgres import Postgres
from shared.backups.model import differences
from shared.backups.postgres.source import PostgresSource
from shared.backups.source import Target
from shared.settings import Secret
from tests.context import job_of
from tests.integration.backups.postgres.setup import (
    changed,
    dumped,
    execute,
    held,
    made,
    pieces,
    proved,
)

MOODS = [f"mood {n}" for n in range(12)]
BY_HASH = (
    f"CREATE TYPE mood AS ENUM ({', '.join(repr(mood) for mood in MOODS)})",
    "CREATE TABLE days (n int, mood mood) PARTITION BY LIST (n)",
    'CREATE TABLE "first.day" PARTITION OF days FOR VALUES IN (1) PARTITION BY HASH (n, mood)',
    'CREATE TABLE day_0 PARTITION OF "first.day" FOR VALUES WITH (MODULUS 3, REMAINDER 0)',
    'CREATE TABLE day_1 PARTITION OF "first.day" FOR VALUES WITH (MODULUS 3, REMAINDER 1)'
    " PARTITION BY HASH (mood)",
    "CREATE TABLE day_1_all PARTITION OF day_1 FOR VALUES WITH (MODULUS 1, REMAINDER 0)",
    'CREATE TABLE "day.2" PARTITION OF "first.day" FOR VALUES WITH (MODULUS 3, REMAINDER 2)',
    "CREATE TABLE others PARTITION OF days DEFAULT",
    "INSERT INTO days SELECT n, mood FROM generate_series(1, 2) n, unnest(enum_range(NULL::mood))"
    " mood",
)
TREE = 'public."first.day"'


@pytest.fixture
def url(either: Postgres) -> str:
    return made(either, *BY_HASH)


def test_rows_that_are_dealt_out_anew_are_compared_by_their_sum(
    url: str, proving: Postgres
) -> None:
    dump = proved(PostgresSource(Secret(url), scratch_url=Secret(proving.url("postgres"))))
    assert sum(dump.contents.tables.values()) == 2 * len(MOODS)
    assert dump.contents.tables["public.others"] == len(MOODS)


def test_a_row_that_is_lost_there_is_found(url: str) -> None:
    source = PostgresSource(Secret(url))
    data, dump = dumped(source)
    done = source.restore(pieces(data), Target(), job_of())
    # A manifest does not know what is compared together.
    manifest = replace(dump.contents, together={})
    assert differences(manifest, done.contents) == ""
    copy = changed(url, dbname=done.name)
    execute(copy, "DELETE FROM days WHERE n = 1 AND mood = 'mood 3'")
    said = f"table {TREE} had 12 rows in the source and 11 rows when restored"
    assert differences(manifest, held(copy)) == said
    execute(copy, "DELETE FROM others WHERE mood = 'mood 3'")
    assert f"{said}; table public.others had 12" in differences(manifest, held(copy))


def test_other_partitions_are_compared_each(either: Postgres) -> None:
    url = made(
        either,
        "CREATE TABLE t (n int) PARTITION BY HASH (n)",
        "CREATE TABLE t_0 PARTITION OF t FOR VALUES WITH (MODULUS 2, REMAINDER 0)",
        "CREATE TABLE t_1 PARTITION OF t FOR VALUES WITH (MODULUS 2, REMAINDER 1)",
        "INSERT INTO t SELECT generate_series(1, 50)",
    )
    assert held(url).together == {}
    assert proved(PostgresSource(Secret(url))).contents.tables.keys() == {
        "public.t_0",
        "public.t_1",
    }
