"""An idle tick asks for the same, however many schedules there are."""

from __future__ import annotations

import pytest

from bench.belfry import idling
from bench.belfry.stub import Table


def test_requests_and_bytes_do_not_grow_with_the_schedules() -> None:
    few, many = idling.on_stub(10), idling.on_stub(5_000)
    assert (few.requests, few.bytes) == (many.requests, many.bytes)
    assert few.requests == 9, "a query for each of eight shards, and the heartbeat"


def test_the_stub_answers_a_range_of_keys_a_page_at_a_time() -> None:
    table = Table([("s000", f"due:{number}") for number in range(5)] + [("s001", "due:0")])
    assert table.between("s000", "due:1", "due:4", 10) == ["due:1", "due:2", "due:3"]
    assert table.between("s000", "due:", "due;", 2) == ["due:0", "due:1"]
    assert table.between("s002", "due:", "due;", 2) == []


def test_the_stub_refuses_what_it_cannot_answer() -> None:
    with Table([]).session() as session, pytest.raises(ValueError, match="ranges of keys"):
        session.get("http://127.0.0.1:1/table()?$filter=RowKey eq 'x'")
