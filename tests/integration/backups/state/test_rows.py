"""Rows as they are dumped and written: every type, odd keys, and what passes."""

from __future__ import annotations

import json
import math
import sqlite3
import uuid
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from azure.data.tables import EdmType, EntityProperty

from local.azurite import Azurite
from shared.backups.state import write as state_write
from shared.backups.state.file import Row, created, opened
from shared.storage.names import Names
from shared.storage.tables.batch import Insert
from tests import sdk
from tests.context import job_of
from tests.integration.backups.state.setup import busy, dumped, fresh, restored, rows, source, table
from tests.integration.engine.conftest import START, Engine


def test_every_type_of_a_table_and_garbled_rows_survive(
    engine: Engine, azurite: Azurite, tmp_path: Path
) -> None:
    made = engine.add()
    shard = engine.app.table.shard(made.id)
    odd: dict[str, Any] = {
        "PartitionKey": shard,
        "RowKey": f"job:{made.id}:é'😀",
        "small": 5,
        "int64": EntityProperty(5, EdmType.INT64),
        "big": EntityProperty(2**62, EdmType.INT64),
        "binary": b"\0\xff",
        "guid": uuid.uuid4(),
        "when": datetime(1999, 12, 31, 23, 59, 59, 123456, tzinfo=UTC),
        "exactly": EntityProperty("2026-01-02T03:04:05.1234567Z", EdmType.DATETIME),
        "double": 0.1,
        "whole": 3.0,
        "infinite": float("-inf"),
        "endless": float("inf"),
        "tiny": 5e-324,
        "low": EntityProperty(-(2**63), EdmType.INT64),
        "yes": True,
        "text": "a\n'\"💾",
        "empty": "",
    }
    table(engine).create_entity(odd)
    others = ("zzz", "x"), ("a", "job:y"), ("health", "finding:z")
    for partition, key in ((shard, "strange"), (shard, "version:"), *others):
        table(engine).create_entity({"PartitionKey": partition, "RowKey": key, "n": 1})
    garbled = {"PartitionKey": shard, "RowKey": f"schedule:{made.id}", "live": "{", "policy": 7}
    table(engine).update_entity(garbled)
    outbox = Names(engine.app.settings.prefix).notifications
    sdk.tables(engine.app).create_table_if_not_exists(outbox)
    letters = table(engine, outbox)
    letters.upsert_entity({"PartitionKey": "p", "RowKey": "r", "n": 1})
    content, contents = dumped(engine, tmp_path)
    assert contents.tables["messages"] == 1 and contents.tables["other"] == len(others)
    other = fresh(engine, azurite)
    restored(other, tmp_path, content)
    found = rows(other)
    assert found == rows(engine)
    back = found[(shard, odd["RowKey"])]
    assert back["exactly"].tables_service_value == "2026-01-02T03:04:05.1234567Z"
    assert {name: type(value) for name, value in back.items()} == {
        name: type(value) for name, value in rows(engine)[(shard, odd["RowKey"])].items()
    }
    there = Names(other.app.settings.prefix).notifications
    assert [dict(one) for one in table(other, there).list_entities()] == [
        {"PartitionKey": "p", "RowKey": "r", "n": 1}
    ]


def test_a_number_that_is_none_survives_too(
    engine: Engine, azurite: Azurite, tmp_path: Path
) -> None:
    """It is not equal to itself, so the proof compares what was written."""
    key = {"PartitionKey": engine.app.table.shard("x"), "RowKey": "odd"}
    table(engine).create_entity({**key, "none": float("nan")})
    content, contents = dumped(engine, tmp_path)
    assert source(engine, tmp_path).prove(iter([content]), job_of(clock=engine.clock)) == contents
    other = fresh(engine, azurite)
    restored(other, tmp_path, content)
    assert math.isnan(table(other).get_entity(*key.values())["none"])


def test_rows_whose_keys_alone_fill_a_transaction(engine: Engine, tmp_path: Path) -> None:
    """A key of 1 KiB takes six times as much in a transaction's text, twice."""
    prefix, wide = "日" * 480, "x" * 29_000
    path = tmp_path / "state.sqlite"
    with created(path) as file:
        for number in range(100):
            body = json.dumps({"text": wide})
            file.put(Row("schedules", prefix, f"{prefix}{number:03}", "other", body))
        wire = engine.app.connection.table(Names(engine.app.settings.prefix).table)
        state_write.write(wire, file.rows("schedules"), job_of())
    found = table(engine).query_entities(f"PartitionKey eq '{prefix}'")
    assert [one["RowKey"][-3:] for one in found] == [f"{n:03}" for n in range(100)]


def test_a_table_that_is_gone_is_no_row_that_somebody_else_wrote(
    engine: Engine, tmp_path: Path
) -> None:
    engine.add()
    content, _ = dumped(engine, tmp_path)
    path = tmp_path / "state.sqlite"
    path.write_bytes(content)
    with opened(path) as file:
        wire = engine.app.connection.table("nowhere")
        for row in file.rows("schedules", "schedule"):
            with pytest.raises(HttpResponseError) as raised:
                state_write.transact(wire, row.partition, [Insert(row.key, row.properties)])
            assert getattr(raised.value, "error_code", "") == "TableNotFound"
            with pytest.raises(HttpResponseError):
                state_write.write(wire, [row], job_of())


def test_what_passes_is_left_out(engine: Engine, tmp_path: Path) -> None:
    busy(engine)
    engine.app.meta.put("lock:x", "{}")
    note = {"PartitionKey": "s000", "RowKey": "alert:job_dead:x", "kind": "job_dead"}
    table(engine).create_entity(note)
    engine.app.meta.put("reconciled", START.isoformat())
    content, contents = dumped(engine, tmp_path)
    file = tmp_path / "state.sqlite"
    file.write_bytes(content)
    with closing(sqlite3.connect(file)) as connection:
        kept = connection.execute("SELECT row, kind, body FROM entities ORDER BY row").fetchall()
    assert [row for row, kind, _ in kept if kind == "meta"] == ["reconciled", "shards"]
    assert not [row for row, _, _ in kept if row.startswith(("alert:", "due:", "log:", "clock"))]
    assert json.loads(dict((row, body) for row, _, body in kept)["shards"])["value"] == "2"
    assert contents.tables["meta"] == 2
