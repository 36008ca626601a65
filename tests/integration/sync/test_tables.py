"""Table to table."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from azure.data.tables import EdmType, EntityProperty, TableClient

from shared.errors import Refused
from tests.integration.sync.conftest import Sides

COPY: dict[str, Any] = {"source_id": "s", "destination_id": "t"}
TYPES: dict[str, Any] = {
    "text": "Ünïcödé 😀 '\"\\",
    "empty": "",
    "number": 7,
    "long": EntityProperty(2**40, EdmType.INT64),
    "double": 1.0,
    "nan": float("nan"),
    "true": True,
    "bytes": b"\x00\xff",
    "guid": UUID(int=5),
    "at": datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC),
}


def entities(side: TableClient) -> dict[tuple[str, str], dict[str, Any]]:
    return {
        (one["PartitionKey"], one["RowKey"]): {name: repr(value) for name, value in one.items()}
        for one in side.list_entities()
    }


def put(side: TableClient, partition: str, row: str, **more: Any) -> None:
    side.upsert_entity({"PartitionKey": partition, "RowKey": row, **more})


def test_entities_keep_their_types_and_are_written_once(sides: Sides) -> None:
    source, copy = sides.tables
    put(source, "types", "all", **TYPES)
    for number in range(230):
        put(source, f"p{number % 2}", f"{number:04} 'odd' ü%&", n=number)
    first = sides.world.run(1, verify="read_back", **COPY)
    assert (first["copied"], first["same"], first["failed"]) == (231, 0, 0)
    assert entities(copy) == entities(source)

    sides.world.reach.writes = 0
    assert sides.world.run(2, **COPY)["same"] == 231
    assert sides.world.reach.writes == 0

    put(source, "p0", "0000 'odd' ü%&", n=-1)
    put(copy, "p1", "0001 'odd' ü%&", n="another type")
    put(copy, "theirs", "1")
    third = sides.world.run(3, **COPY)
    assert (third["copied"], third["deleted"]) == (2, 0)
    with pytest.raises(Refused, match="1 of 232 copies"):
        sides.world.run(4, deletions="delete", max_delete_percent=0, **COPY)
    fourth = sides.world.run(5, deletions="delete", **COPY)
    assert (fourth["copied"], fourth["deleted"]) == (0, 1)
    assert entities(copy) == entities(source)


def test_prefix_filter_watermark_and_key(sides: Sides) -> None:
    source, copy = sides.tables
    for partition in ("a1", "a2", "b1"):
        put(source, partition, "1", n=1, seen=datetime(2026, 1, 1, tzinfo=UTC))
    assert sides.world.run(1, prefix="a", **COPY)["copied"] == 2
    assert sides.world.run(2, filter="n eq 2", **COPY)["copied"] == 0
    marked = COPY | {"mode": "watermark", "watermark": "seen"}
    first = sides.world.run(3, **marked)
    assert (first["copied"], first["same"]) == (1, 2)
    copy.delete_entity("a1", "1")
    put(source, "a0", "late", seen=datetime(2025, 12, 31, 23, 59, tzinfo=UTC))
    put(source, "a0", "new", seen=datetime(2026, 1, 2, tzinfo=UTC))
    second = sides.world.run(4, **marked)
    assert (second["copied"], second["same"]) == (2, 2)  # a1 has the same instant as the newest
    third = sides.world.run(5, **marked)
    assert (third["copied"], third["same"]) == (0, 1)
    # the parameters say another overlap; what was copied is known all the same
    fourth = sides.world.run(6, **marked, overlap=2 * 86400)
    assert (fourth["copied"], fourth["same"]) == (1, 4)
    appended = COPY | {"mode": "key"}
    sides.world.run(7, **appended)
    put(source, "a", "before")
    put(source, "z", "after")
    assert sides.world.run(8, **appended)["copied"] == 1


def test_a_race_at_the_destination_is_settled_one_by_one(sides: Sides) -> None:
    source, copy = sides.tables
    for number in range(5):
        put(source, "p", str(number), n=number)
    once: list[int] = []

    def meddle(request: Any) -> None:
        if request.method == "POST" and not once and "$batch" in request.url:
            once.append(1)
            put(copy, "p", "2", n=99)

    sides.world.reach.before = meddle
    assert sides.world.run(1, **COPY)["copied"] == 5
    assert once
    assert entities(copy) == entities(source)
