"""Minutes of many processes add up, and one minute that is unlike the others decides nothing."""

from __future__ import annotations

from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.scaling.measures import BOUNDS, ENOUGH, MINUTES, Minute, measured, quantile

SECONDS = st.floats(0.0, 120.0)


def minute(*seconds: float) -> Minute:
    return reduce(Minute.with_request, seconds, Minute())


@given(st.lists(SECONDS), st.lists(SECONDS))
def test_two_processes_count_as_one(one: list[float], two: list[float]) -> None:
    both, whole = minute(*one).with_all(minute(*two)), minute(*one, *two)
    assert (both.requests, both.latency.counts) == (whole.requests, whole.latency.counts)
    assert both.latency.total == pytest.approx(whole.latency.total)


@given(st.lists(SECONDS, min_size=1), st.floats(0.01, 1.0))
def test_a_quantile_is_off_by_less_than_its_bucket(values: list[float], share: float) -> None:
    found = quantile(minute(*values).latency, share)
    ordered = sorted(values)
    true = ordered[min(len(ordered) - 1, -int(-share * len(ordered) // 1) - 1)]
    assert true / 1.42 - 0.001 <= found <= true * 1.42 + 0.001


@given(st.lists(SECONDS, min_size=1), st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_a_larger_share_takes_no_less(values: list[float], one: float, two: float) -> None:
    latency = minute(*values).latency
    assert quantile(latency, min(one, two)) <= quantile(latency, max(one, two))


def test_what_is_above_all_bounds_is_the_last_one() -> None:
    assert quantile(minute(1000.0).latency, 0.95) == BOUNDS[-1] > 100
    assert quantile(Minute().latency, 0.95) == 0.0


def test_one_minute_decides_neither_the_rate_nor_the_latency() -> None:
    calm, wild = minute(*[0.1] * 50), minute(*[9.0] * 5000)
    found = measured([calm, wild, calm, calm, calm], 0.0, 0)
    assert found.requests == (50, 5000, 50, 50, 50)
    assert found.requests_per_minute == 50
    assert found.p95_seconds is not None and found.p95_seconds < 0.2


def test_few_requests_say_nothing_of_latency() -> None:
    few, many = minute(*[9.0] * (ENOUGH - 1)), minute(*[9.0] * ENOUGH)
    assert measured([few] * MINUTES, 0.0, 0).p95_seconds is None
    assert measured([few, few, few, many, many], 0.0, 0).p95_seconds is None
    assert measured([few, few, many, many, many], 0.0, 0).p95_seconds is not None


def test_nothing_is_measured_as_nothing() -> None:
    found = measured([Minute()] * MINUTES, -1.0, 0)
    assert (found.requests_per_minute, found.p95_seconds, found.queue_wait_seconds) == (0, None, 0)
