"""The time of a process is divided among what runs in it, and no second is counted twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.clock import ManualClock
from shared.engine.work.metering import Meter, Metering
from shared.schedules.spent import NOTHING
from shared.storage.counted import count

SECOND = timedelta(seconds=1)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2026, 11, 1, tzinfo=UTC))


def test_a_run_alone_uses_all_of_the_instance(clock: ManualClock) -> None:
    clock.advance(SECOND)
    meter = Meter(Metering(clock, 2))
    assert meter.spent == NOTHING
    with meter.running():
        clock.advance(3 * SECOND)
        assert meter.spent.gb_seconds == 6
    clock.advance(SECOND)
    assert meter.spent.gb_seconds == 6


def test_runs_at_the_same_time_share(clock: ManualClock) -> None:
    metering = Metering(clock, 1)
    first, second = Meter(metering), Meter(metering)
    with first.running():
        clock.advance(2 * SECOND)
        with second.running():
            clock.advance(4 * SECOND)
        clock.advance(SECOND)
    assert (first.spent.gb_seconds, second.spent.gb_seconds) == (5, 2)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 9)), max_size=60))
def test_the_shares_add_up_to_the_time_in_which_any_ran(
    steps: list[tuple[int, int]],
) -> None:
    """Each step begins or ends one of some runs, and lets some seconds pass."""
    clock = ManualClock(datetime(2026, 11, 1, tzinfo=UTC))
    metering = Metering(clock, 1)
    began: dict[int, float] = {}
    shares = busy = 0.0
    for which, seconds in steps:
        if which in began:
            shares += metering.end() - began.pop(which)
        else:
            began[which] = metering.begin()
        clock.advance(seconds * SECOND)
        busy += seconds if began else 0
    shares += sum(metering.end() - began.pop(which) for which in list(began))
    assert shares == pytest.approx(busy)


def test_a_task_that_raises_has_used_what_it_used(clock: ManualClock) -> None:
    metering = Metering(clock, 1)
    meter = Meter(metering)
    with pytest.raises(OSError), meter.running():
        count("tables")
        clock.advance(SECOND)
        raise OSError
    clock.advance(SECOND)
    spent = meter.spent
    assert (spent.gb_seconds, spent.table_requests, spent.blob_requests) == (1, 1, 0)
    after = Meter(metering)
    with after.running():  # it runs alone now
        clock.advance(SECOND)
    assert after.spent.gb_seconds == 1
