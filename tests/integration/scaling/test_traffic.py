"""Requests are counted by minute over all processes, cheaply, and no request fails for it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from shared.scaling import traffic
from shared.scaling.measures import MINUTES
from shared.scaling.traffic import KEPT, Traffic
from shared.storage.queues.jobs import Message
from shared.storage.tables.batch import Upsert
from shared.storage.tables.facts import META
from shared.storage.tables.table import Table
from tests.integration.scaling.conftest import MINUTE, Office
from tests.unit.storage.script import Answer, Service


def rows(office: Office) -> list[dict[str, Any]]:
    table = office.app.connection.table(office.app.settings.prefix + "schedules")
    return [row for row in table.query("") if str(row["RowKey"]).startswith("traffic:")]


def requests(office: Office) -> list[int]:
    return [one.requests for one in office.process.minutes(office.clock.now())]


def test_two_processes_are_added_up(office: Office) -> None:
    other = office.another()
    for number in range(7):
        for _ in range(number):
            office.process.count(0.1)
            other.count(0.4)
        office.clock.advance(MINUTE)
        office.process.write()
        other.write()
    assert requests(office) == [2, 4, 6, 8, 10], "and not yet the last one"
    counts = [sum(one.latency.counts) for one in other.minutes(office.clock.now())]
    assert counts == [2, 4, 6, 8, 10]


def test_a_minute_costs_one_row_and_one_without_requests_none(office: Office) -> None:
    for _ in range(50):
        office.process.count(0.1)
        office.process.write()
    assert rows(office) == [], "the minute is not over"
    office.clock.advance(MINUTE)
    for _ in range(3):
        office.process.write()
    assert [row["requests"] for row in rows(office)] == [50]
    office.clock.advance(3 * MINUTE)
    office.process.write()
    assert len(rows(office)) == 1


def test_a_killed_process_loses_its_last_minute_alone(office: Office) -> None:
    office.answer(5, minutes=3)
    office.process.count(0.1)
    del office.process  # and what it has in memory
    office.clock.advance(5 * MINUTE)
    assert [row["requests"] for row in rows(office)] == [5, 5, 5]


def test_storage_that_fails_fails_no_request_and_is_asked_once_a_minute(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    """Its table is not there at first, which storage answers with an error."""
    late = office.app.connection.table(office.app.settings.prefix + "late")
    office.process = Traffic(late, office.clock)
    office.answer(3, minutes=2)
    for _ in range(10):
        office.process.write()
    assert caplog.text.count("traffic_unwritten") == 2
    office.answer(1, minutes=30)
    office.app.connection.create_table(late.name)
    office.answer(1, minutes=1)
    written = [row["requests"] for row in late.query("")]
    assert written == [1] * 11, "the last ten that could not be written, and the new one"


def test_a_process_that_never_writes_keeps_a_few_minutes(office: Office) -> None:
    """As one whose every answer is an error, for days."""
    for _ in range(60):
        office.process.count(0.1)
        office.clock.advance(MINUTE)
    office.process.write()
    assert len(rows(office)) == 11


def test_a_request_waits_for_one_short_attempt_at_most(office: Office) -> None:
    """The worker sends the answer when the invocation is done with what it does afterwards."""
    storage = Service(Answer(503))
    process = Traffic(storage.wire(), office.clock)
    process.count(0.1)
    office.clock.advance(MINUTE)
    process.write()
    ((connecting, reading),) = storage.timeouts
    assert (connecting, reading, storage.slept) == (2, 5, [])


def test_old_rows_are_removed_and_new_ones_stay(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.answer(1, minutes=3)
    office.clock.advance(KEPT - 2 * MINUTE)
    office.answer(1, minutes=3)
    table = office.app.connection.table(office.app.settings.prefix + "schedules")
    ahead = office.clock.now() + timedelta(days=3)
    table.transact(META, [Upsert(f"traffic:{ahead:%Y%m%dT%H%MZ}:x", {"requests": 1})])
    monkeypatch.setattr(traffic, "_AT_ONCE", 3)
    assert office.process.forget(office.clock.now()) == 3, "the rest another time"
    assert office.process.forget(office.clock.now()) == 1
    assert len(rows(office)) == 3
    assert office.process.forget(office.clock.now()) == 0


def test_a_garbled_row_is_left_out(office: Office) -> None:
    office.answer(4)
    table = office.app.connection.table(office.app.settings.prefix + "schedules")
    at = office.clock.now() - 3 * MINUTE
    garbled: list[dict[str, Any]] = [
        {"requests": 9},
        {"requests": "x", "latency": "900=1"},
        {"requests": "x", "latency": "", "seconds": "0"},
    ]
    for number, row in enumerate(garbled):
        key = f"traffic:{at:%Y%m%dT%H%MZ}:bad{number}"
        table.transact(META, [Upsert(key, row)])
    assert requests(office) == [4] * MINUTES


def test_off_counts_nothing(office: Office) -> None:
    table: Table = office.app.connection.table(office.app.settings.prefix + "schedules")
    off = Traffic(table, office.clock, on=False)
    off.count(0.1)
    office.clock.advance(MINUTE)
    off.write()
    assert rows(office) == []


def test_what_waits_invisibly_for_its_time_is_not_due(office: Office) -> None:
    now, queue = office.clock.now(), office.app.queue
    queue.send(Message(("a",), now), now + timedelta(hours=5))
    assert queue.due(now).messages == 0
    queue.send(Message(("b",), now), now)
    queue.send(Message(("c",), now, long=True), now)
    found = queue.due(now + timedelta(minutes=4))
    assert (found.messages, found.waited) == (2, timedelta(minutes=4))
