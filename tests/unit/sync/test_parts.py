"""The small parts: lines of CSV, the pace, calls in order, and plans."""

from __future__ import annotations

import csv
import io
import threading
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from shared.clock import ManualClock
from shared.errors import Cancelled
from shared.sync.cells import line
from shared.sync.ordered import Later, in_order
from shared.sync.pace import Pace
from shared.sync.plan import Kind, Mode, SyncPlan, misfit, mode_of

AT = datetime(2030, 1, 1, tzinfo=UTC)
cells = st.lists(
    st.one_of(st.none(), st.text(st.characters(exclude_categories=["Cs"]))), min_size=2
)


@given(cells)
def test_a_line_reads_back_and_runs_nothing(values: list[str | None]) -> None:
    plain = [False] * len(values)
    kept = line(values, plain, escape=False).decode()
    assert next(csv.reader(io.StringIO(kept, newline=""))) == [one or "" for one in values]
    assert (
        kept
        == ",".join("" if one is None else '"' + one.replace('"', '""') + '"' for one in values)
        + "\r\n"
    )
    safe = line(values, plain, escape=True).decode()
    for cell in next(csv.reader(io.StringIO(safe, newline=""))):
        assert cell.lstrip(" ")[:1] not in ("=", "+", "-", "@", "\t", "\r", "\n") or not cell


class Stepping(ManualClock):
    """A clock on which a wait passes at once."""

    def wait(self, event: threading.Event, longest: timedelta) -> bool:
        self.advance(longest)
        return event.is_set()


def test_the_pace_holds_over_all_threads() -> None:
    clock, stop = Stepping(AT), threading.Event()
    pace = Pace(clock, stop, lambda: None, bytes_per_second=1000, items_per_second=2)
    for _ in range(10):
        pace.item()
        pace.send(500)
    # the last item may begin when the nine before it have had their time
    assert clock.monotonic() == pytest.approx(9 * 0.5 + 9 * 0.5 + 0.5)
    free = Pace(clock, stop, lambda: None)
    before = clock.monotonic()
    free.item(10**6)
    free.send(10**12)
    assert clock.monotonic() == before


def test_a_wait_ends_when_the_job_is_to_end() -> None:
    clock, stop = Stepping(AT), threading.Event()

    def check() -> None:
        if clock.monotonic() > 2:
            raise Cancelled("told to stop")

    pace = Pace(clock, stop, check, items_per_second=0.01)
    pace.item()
    with pytest.raises(Cancelled):
        pace.item()
    assert clock.monotonic() < 4


def test_results_come_in_order_and_no_call_is_left() -> None:
    first, running, most = threading.Event(), [0], [0]
    lock = threading.Lock()

    def call(number: int) -> int:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        if number == 0:
            first.wait(10)
        if number == 7:
            first.set()
        with lock:
            running[0] -= 1
        return number

    slow = {*range(0, 20, 2), 7}
    steps = [Later(partial(call, number)) if number in slow else number for number in range(20)]
    assert list(in_order(steps, 3, 10)) == list(range(20))
    assert most[0] <= 3

    def fails() -> int:
        raise ValueError("it failed")

    with pytest.raises(ValueError, match="it failed"):
        list(in_order([Later(fails), *steps], 3, 10))
    assert running[0] == 0


def test_plans_that_contradict_themselves() -> None:
    for wrong in (
        {"source_id": "a"},
        {"destination_id": "a"},
        {"source_id": "a", "destination_id": "a"},
        {"pair_id": "p", "source_id": "a", "destination_id": "b"},
        {"deletions": "delete", "mode": "key"},
        {"deletions": "delete", "filter": "n eq 1"},
        {"max_delete_percent": 101},
        {"parallel": 17},
        {"unknown": 1},
        {"prefix": "a\x00"},
    ):
        with pytest.raises(ValidationError):
            SyncPlan.model_validate(wrong)
    assert misfit(SyncPlan(), Kind.CONTAINER) is None
    assert mode_of(SyncPlan(), Kind.DATABASE) is Mode.FULL
    for kind, plan, field in (
        (Kind.DATABASE, {}, "table"),
        (Kind.DATABASE, {"table": "t", "mode": "etag"}, "mode"),
        (Kind.DATABASE, {"table": "t", "watermark": "at"}, "watermark"),
        (Kind.DATABASE, {"table": "t", "mode": "watermark"}, "watermark"),
        (Kind.DATABASE, {"table": "t", "deletions": "delete"}, "deletions"),
        (Kind.CONTAINER, {"filter": "x"}, "filter"),
        (Kind.CONTAINER, {"format": "parquet"}, "format"),
        (Kind.TABLE, {"protect_newer": True}, "protect_newer"),
    ):
        found = misfit(SyncPlan.model_validate(plan), kind)
        assert found is not None
        assert found[0] == field
