"""When people are told that runs are late, and that workflows fail: pure rules (O11)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.alerts import failing
from shared.alerts.failing import ENOUGH, Rate
from shared.alerts.lateness import LOOKS, Look, Seen, look

BOUNDS = (1.0, 60.0, 300.0)
NOW = datetime(2026, 11, 30, tzinfo=UTC)


def looks(*seen: tuple[int, int]) -> list[bool | None]:
    """What each look says, five minutes apart: (runs in time, runs that were late) since before."""
    found = look(None, (0, 0, 0, 0), BOUNDS, NOW)
    counts, said = [0, 0, 0, 0], list[bool | None]()
    for number, (good, late) in enumerate(seen, start=1):
        counts = [counts[0] + good, counts[1], counts[2] + late, counts[3]]
        before = Look.decode(found.after.encode())
        found = look(before, counts, BOUNDS, NOW + number * timedelta(minutes=5))
        said.append(found.late_now)
    return said


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        ([(90, 10), (90, 10)], [False, False]),  # a tenth is not more than a tenth
        ([(80, 20), (80, 20), (80, 20)], [None, True, True]),
        ([(80, 20), (100, 0), (80, 20)], [None, False, None]),  # not one after the other
        ([(0, 50), (0, 50), (92, 8), (99, 1)], [None, True, None, False]),
        ([(0, 5)] * 3, [None, None, None]),  # too few
        ([(0, 5)] * 8, [None, None, None, None, None, None, None, True]),  # together enough
        ([(80, 20), (80, 20), *[(0, 0)] * 12], [None, True, *[None] * 11, False]),
    ],
)
def test_runs_are_late_when_two_looks_say_so(
    seen: list[tuple[int, int]], said: list[bool | None]
) -> None:
    assert LOOKS == 2
    assert looks(*seen) == said


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), max_size=30))
def test_nobody_is_told_of_runs_that_were_in_time(seen: list[tuple[int, int]]) -> None:
    assert True not in looks(*[(good + late, 0) for good, late in seen])


def test_a_look_that_cannot_be_read_begins_anew() -> None:
    for text in ("", "{}", "[]", '{"at": "x", "counts": [1], "bad": 0}'):
        assert Look.decode(text) is None
    other = Look(at=NOW.isoformat(), counts=(1, 2))
    seen: Seen = look(other, (9, 9, 9, 9), BOUNDS, NOW)
    assert (seen.late_now, seen.after.counts) == (None, (9, 9, 9, 9))


@given(*[st.integers(0, 60)] * 4)
def test_the_last_day_decides_if_enough_runs_ended_in_it(
    ended: int, failed: int, more: int, more_failed: int
) -> None:
    failed, more_failed = min(ended, failed), min(more, more_failed)
    day, week = Rate(24, ended, failed), Rate(168, ended + more, failed + more_failed)
    found = failing.judged(day, week)
    if ended >= ENOUGH:
        assert found is day
    else:
        assert found is (week if ended + more >= ENOUGH else None)
    if found is not None:
        assert found.above == (found.failed / found.ended > 0.05)


def test_a_twentieth_is_not_above_five_percent() -> None:
    assert not Rate(24, 20, 1).above and Rate(24, 100, 6).above
    assert str(Rate(24, 100, 6)) == (
        "6 of 100 runs of workflows failed in the last 24 hours (6 %; the bound is 5 %)"
    )
