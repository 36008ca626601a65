"""Tokens for requests, and how long an address waits that sent wrong keys."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from shared.access.bucket import WINDOW, Bucket
from shared.access.patience import FIRST, FORGOTTEN, FREE, LONGEST, Wrong

NOW = datetime(2026, 3, 1, tzinfo=UTC)
STEPS = st.lists(st.integers(0, 90), max_size=60)


@given(st.integers(1, 5000), STEPS)
def test_no_more_comes_out_than_a_full_bucket_and_what_ran_in(limit: int, steps: list[int]) -> None:
    bucket, now, taken = Bucket.full(limit, NOW), NOW, 0
    for seconds in steps:
        now += timedelta(seconds=seconds)
        lot, bucket = bucket.filled(limit, now).take()
        taken += lot
        assert bucket.tokens >= 0
    ran_in = limit * ((now - NOW) / WINDOW)
    assert taken <= limit + ran_in + 1e-6


@given(st.integers(1, 5000))
def test_after_the_wait_there_is_a_token(limit: int) -> None:
    bucket = Bucket(limit, 0.0, NOW)
    assert bucket.take()[0] == 0
    later = NOW + timedelta(seconds=bucket.wait)
    assert bucket.filled(limit, later).take()[0] >= 1


def test_a_clock_that_goes_back_fills_nothing() -> None:
    bucket = Bucket(60, 0.0, NOW)
    assert bucket.filled(60, NOW - timedelta(seconds=30)).tokens == 0
    assert bucket.filled(60, NOW + timedelta(seconds=30)).tokens == 30
    ahead = Bucket(60, 0.0, NOW + timedelta(days=1))
    assert ahead.filled(60, NOW) == Bucket.full(60, NOW), "a wrong clock wrote that"


def test_a_limit_that_was_lowered_holds_at_once() -> None:
    assert Bucket.full(1000, NOW).filled(10, NOW).tokens == 10


def test_the_wait_grows_and_ends() -> None:
    wrong, waits, now = Wrong(), [], NOW
    for _ in range(FREE + 20):
        wrong = wrong.another(now)
        wait = wrong.waits(now)
        waits.append(wait)
        now += wait or timedelta()
        assert wrong.waits(now) is None
    assert waits[: FREE - 1] == [None] * (FREE - 1)
    assert waits[FREE - 1 : FREE + 3] == [FIRST, 2 * FIRST, 4 * FIRST, 8 * FIRST]
    assert waits[-1] == LONGEST
    assert wrong.another(now + FORGOTTEN).count == 1


def test_what_a_wrong_clock_wrote_locks_nobody_out() -> None:
    wrong = Wrong(9, NOW + timedelta(days=365), NOW + timedelta(days=365))
    assert wrong.waits(NOW) is None
    assert wrong.another(NOW).count == 1
