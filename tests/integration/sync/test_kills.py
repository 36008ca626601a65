"""Processes that are killed in the middle of a sync (SIGKILL): the end is the same as without."""

from __future__ import annotations

import json
from typing import Any

import psycopg
import pytest

from shared.sync import running
from shared.sync.model import SyncRun
from tests.forked import Commands
from tests.integration.sync.conftest import Sides
from tests.integration.sync.test_containers import content, put
from tests.integration.sync.test_databases import manifests
from tests.integration.sync.test_tables import entities
from tests.integration.sync.test_tables import put as put_entity
from tests.integration.sync.world import described


def die(dying: Commands, sides: Sides, kill: int, attempt: int, plan: dict[str, Any]) -> None:
    """An attempt that is killed instead of that write."""
    what = {
        "world": described(sides.world),
        "kill": kill,
        "attempt": attempt,
        "plan": plan,
        "every": 10,
    }
    ended = dying.run(WHAT=json.dumps(what))
    assert ended.returncode == -9, ended.stderr


def report(sides: Sides, run: SyncRun) -> list[tuple[str, str]]:
    store = sides.world.store
    pieces = [store.report(run, number) for number in range(run.segments)]
    return sorted((line["name"], line["did"]) for piece in pieces for line in piece)


def test_containers(dying: Commands, sides: Sides, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "EVERY", 10)
    source, copy = sides.blobs
    plan: dict[str, Any] = {
        "source_id": "a",
        "destination_id": "b",
        "parallel": 2,
        "deletions": "delete",
    }
    plan["max_delete_percent"] = 50
    for number in range(15):
        put(source, f"{number:03}", str(number).encode())
    sides.world.run(9, **plan)
    for number in range(5):
        source.delete_blob(f"{number:03}")
    for number in range(30):
        put(source, f"new{number:03}", str(number).encode())
    for attempt, kill in enumerate((1, 14, 12), start=1):
        die(dying, sides, kill, attempt, plan)
    # a kill also ends the request of the other thread, which may have been done or not
    assert 15 + 21 <= len(content(copy)) <= 15 + 24
    done = sides.world.run(1, attempt=4, **plan)
    assert content(copy) == content(source)
    assert (done["copied"], done["same"], done["deleted"]) == (30, 10, 5)
    run = sides.world.store.run(None, "nightly-20300101T030000Z")
    copied = [(f"new{number:03}", "copied") for number in range(30)]
    assert report(sides, run) == [(f"{number:03}", "deleted") for number in range(5)] + copied


def test_tables(dying: Commands, sides: Sides, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "EVERY", 10)
    source, copy = sides.tables
    plan: dict[str, Any] = {
        "source_id": "s",
        "destination_id": "t",
        "parallel": 2,
        "deletions": "delete",
    }
    for number in range(60):
        put_entity(source, f"p{number // 10}", f"{number:03}", n=number)
    put_entity(copy, "p0", "gone")
    for attempt, kill in enumerate((2, 2, 1), start=1):
        die(dying, sides, kill, attempt, plan)
    sides.world.run(1, attempt=4, **plan | {"max_delete_percent": 50})
    assert entities(copy) == entities(source)


def test_databases(dying: Commands, database: psycopg.Connection[Any], sides: Sides) -> None:
    database.execute("CREATE TABLE orders (id int PRIMARY KEY, at timestamptz NOT NULL)")
    database.execute(
        "INSERT INTO orders SELECT n, '2026-01-01 12:00+00'::timestamptz + n * interval '1 s'"
        " FROM generate_series(1, 50) n"
    )
    plan: dict[str, Any] = {
        "source_id": "d",
        "destination_id": "b",
        "table": "orders",
        "part_rows": 10,
    }
    plan |= {"mode": "watermark", "watermark": "at", "overlap": 25}
    for attempt, kill in enumerate((1, 3, 2, 2, 1), start=1):
        die(dying, sides, kill, attempt, plan)
        assert not manifests(sides.blobs[1])
    done = sides.world.run(1, attempt=6, **plan)
    assert (done["copied"], done["files"]) == (50, 5)
    (manifest,) = manifests(sides.blobs[1])
    assert [part["rows"] for part in manifest["parts"]] == [10] * 5
    assert sides.world.run(1, attempt=7, **plan)["copied"] == 50  # told again, not done again
    assert sides.world.run(2, **plan)["copied"] == 0
    database.execute("INSERT INTO orders VALUES (99, '2026-01-01 12:00:30+00')")
    again = sides.world.run(3, **plan)
    assert (again["copied"], again["same"]) == (1, 26)
