"""Killed at each stage (kill -9): nothing looks proved that is not, the next attempt ends right."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
import pytest

from local.postgres import Postgres
from shared.backups.postgres.source import PostgresSource
from shared.backups.sqlite.source import SqliteSource
from tests.faults import FaultProxy, When
from tests.integration.backups.conftest import scratch_databases
from tests.integration.backups.faults.world import (
    BOTH,
    DAY,
    LATER,
    inside,
    job,
    of_job,
    prove,
    scratch,
    whole,
)
from tests.integration.backups.killed import Nursery, Victim
from tests.integration.backups.setup import OFFSITE, PRIMARY, Shelf

JOB, OTHER = "nightly:2026", "nightly:2025"


def victim(shelf: Shelf, connection_string: str, database: object, **more: Any) -> Victim:
    return Victim(
        connection_string=connection_string,
        word=shelf.word,
        names=shelf.names,
        database=str(database),
        **more,
    )


STAGES: dict[str, tuple[When, str, dict[str, Any], list[dict[str, str]]]] = {
    "before the dump": ("before", PRIMARY, {"operation": "container", "method": "PUT"}, []),
    "in the dump": ("before", PRIMARY, {"operation": "block", "skip": 1}, []),
    "before it is whole": ("before", PRIMARY, {"operation": "blocklist"}, []),
    "before the manifest": (
        "after",
        PRIMARY,
        {"operation": "blocklist"},
        [{PRIMARY: "unproved"}],
    ),
    "after the manifest": (
        "after",
        PRIMARY,
        {"operation": "blob", "method": "PUT", "body": '"tables"'},
        [{PRIMARY: "unproved"}],
    ),
    "in read back": (
        "before",
        PRIMARY,
        {"operation": "blob", "method": "GET", "skip": 1},
        [{PRIMARY: "unproved"}],
    ),
    "in the restore": (
        "before",
        PRIMARY,
        {"operation": "blob", "method": "GET", "skip": 3},
        [{PRIMARY: "unproved"}],
    ),
    "before the report": (
        "before",
        PRIMARY,
        {"method": "PUT", "body": '"outcome"'},
        [{PRIMARY: "unproved"}],
    ),
    "before the copy": (
        "after",
        PRIMARY,
        {"method": "PUT", "body": '"outcome"'},
        [{PRIMARY: "verified"}],
    ),
    "in the copy": ("before", OFFSITE, {"operation": "block", "skip": 1}, [{PRIMARY: "verified"}]),
    "before the copy's manifest": (
        "after",
        OFFSITE,
        {"operation": "blocklist"},
        [{PRIMARY: "verified", OFFSITE: "unproved"}],
    ),
    "before the copy's report": (
        "before",
        OFFSITE,
        {"method": "PUT", "body": '"outcome"'},
        [{PRIMARY: "verified", OFFSITE: "unproved"}],
    ),
    "before retention": (
        "after",
        OFFSITE,
        {"method": "PUT", "body": '"outcome"'},
        [BOTH],
    ),
}


@pytest.mark.parametrize("stage", STAGES)
def test_killed(
    two: Shelf,
    proxy: FaultProxy,
    nursery: Nursery,
    stage: str,
    request: pytest.FixtureRequest,
    tmp_path: Path,
) -> None:
    when, place, match, left = STAGES[stage]
    large = "skip" in match  # the second block, of a database that has two
    database: SqliteSource = request.getfixturevalue("database" if large else "small")
    path = tmp_path / ("company.db" if large else "small.db")
    two.take(database, job(OTHER, by=-DAY))
    match = {"operation": "blob"} | match if "body" in match else match
    held = proxy.hold(when, path=inside(two, place), service="blob", **match)
    nursery.kill(victim(two, proxy.connection_string, path), held)

    assert two.states() == [*left, BOTH], stage
    proved = [one.id for one in of_job(two, JOB) if one.verified]

    again = two.take(database, job(JOB, attempt=2, by=LATER))
    assert two.states() == [BOTH, BOTH]
    assert [one.summary.job_id for one in two.backups()] == [JOB, OTHER]
    assert again["id"] in (proved or [again["id"]]), "what is proved is not taken again"
    whole(two)
    assert scratch(tmp_path) == []
    prove(two, database, again["id"], OFFSITE)


@pytest.mark.parametrize("step", ["in_dump", "after_dump", "in_restore"])
def test_killed_with_postgresql(
    shelf: Shelf,
    postgres_source: PostgresSource,
    shop: str,
    postgres: Postgres,
    nursery: Nursery,
    step: str,
) -> None:
    way = shelf.connection_string
    nursery.kill(victim(shelf, way, shop, folder=str(postgres.bin), step=step))
    assert shelf.states() == ([{PRIMARY: "unproved"}] if step == "in_restore" else [])
    if step == "in_restore":
        assert len(scratch_databases(postgres)) == 1
    _until_gone(postgres)
    shelf.take(postgres_source, job(JOB, attempt=2, by=LATER))
    assert shelf.states() == [{PRIMARY: "verified"}]
    whole(shelf)
    assert scratch_databases(postgres) == []


def _until_gone(postgres: Postgres) -> None:
    """Until the server has noticed that who was connected is no more."""
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
        for _ in range(100_000):  # each is a question to the server: no time is measured
            row = connection.execute(
                "SELECT count(*) FROM pg_stat_activity "
                "WHERE datname IS NOT NULL AND pid <> pg_backend_pid()"
            ).fetchone()
            if row == (0,):
                return
    raise AssertionError("somebody is still connected")


@pytest.mark.parametrize("deleted", [1, 3, 6])
def test_killed_in_retentions_removal(
    two: Shelf,
    small: SqliteSource,
    proxy: FaultProxy,
    nursery: Nursery,
    tmp_path: Path,
    deleted: int,
) -> None:
    """A backup is four blobs at each of two destinations."""
    for number in (3, 2):
        two.take(small, job(f"nightly:{number}", by=-number * DAY))
    held = proxy.hold("before", method="DELETE", service="blob", skip=deleted)
    plan = {"retention": {"count": 1}}
    path = tmp_path / "small.db"
    nursery.kill(victim(two, proxy.connection_string, path, plan=plan), held)

    newest, *older = two.states()
    assert newest == BOTH
    half = older[0]
    assert (
        half
        == {
            1: {PRIMARY: "unproved", OFFSITE: "verified"},
            3: {PRIMARY: "unproved", OFFSITE: "verified"},
            6: {OFFSITE: "unproved"},
        }[deleted]
    )

    result = two.take_all([small], job("nightly:2027", by=DAY), retention={"count": 1})
    assert len(result["removed"]) == 3
    assert [one.summary.job_id for one in two.backups()] == ["nightly:2027"]
    whole(two)


def test_half_removed_is_not_counted_as_proved(shelf: Shelf, small: SqliteSource) -> None:
    """Nor is it removed while retention would keep it if it were: somebody lost its report."""
    taken = [shelf.take(small, job(f"nightly:{n}", by=-n * DAY)) for n in (3, 2, 1)]
    _remove_report(shelf, str(taken[1]["blob"]))
    result = shelf.take_all([small], job(), retention={"count": 3})
    assert result["removed"] == [], "three that are proved, and one that was"
    assert shelf.states() == [{PRIMARY: "verified"}] * 2 + [{PRIMARY: "unproved"}] + [
        {PRIMARY: "verified"}
    ]
    result = shelf.take_all([small], job("nightly:2027", by=DAY), retention={"count": 3})
    assert sorted(result["removed"]) == sorted([taken[0]["id"], taken[1]["id"]])


def _remove_report(shelf: Shelf, blob: str) -> None:
    with shelf.container() as container:
        for name in shelf.everything():
            if name.startswith(blob) and name.endswith(".verified.json"):
                container.delete_blob(name)
