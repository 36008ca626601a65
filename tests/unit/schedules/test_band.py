"""What is usual of a number: planted anomalies are found, and noise is not one (N12)."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.schedules.band import (
    COUNTS,
    FEWEST,
    SEASON,
    SECONDS,
    SHIFT,
    WINDOW,
    Scale,
    Value,
    band,
    judge,
)

FIRST = date(2026, 1, 5)  # a Monday


def values(numbers: Sequence[float], per_day: int = 1) -> list[Value]:
    """One after another, so many a day."""
    return [
        Value(FIRST + timedelta(days=place // per_day), number)
        for place, number in enumerate(numbers)
    ]


def alarms(numbers: Sequence[float], per_day: int = 1, scale: Scale = COUNTS) -> list[int]:
    """The places of the values that were unusual when they came."""
    all_of = values(numbers, per_day)
    found = []
    for place in range(len(all_of)):
        judged = judge(all_of[max(0, place - WINDOW - 2 * SHIFT) : place + 1], scale)
        if judged is not None and judged.unusual:
            found.append(place)
    return found


def counts(mean: float, chance: random.Random) -> int:
    """A Poisson variate."""
    end, number = chance.expovariate(1), 0
    while end < mean:
        end, number = end + chance.expovariate(1), number + 1
    return number


NOISE: dict[str, tuple[Callable[[int, random.Random], float], Scale]] = {
    "seconds, evenly spread": (lambda _, r: r.lognormvariate(3, 0.1), SECONDS),
    "seconds, widely spread": (lambda _, r: r.lognormvariate(1, 1), SECONDS),
    "rows": (lambda _, r: round(r.gauss(1000, 200)), COUNTS),
    "a balance, below 0 as well": (lambda _, r: r.gauss(0, 200), COUNTS),
    "seldom anything": (lambda _, r: counts(0.2, r), COUNTS),
    "a few": (lambda _, r: counts(3, r), COUNTS),
    "some dozens": (lambda _, r: counts(30, r), COUNTS),
    "a counter": (lambda place, _: 1000 + 7 * place, COUNTS),
    "always the same": (lambda *_: 5, COUNTS),
    "nothing at weekends": (lambda place, r: r.gauss(1000, 100) * (place % 7 < 5), COUNTS),
}


@pytest.mark.parametrize("kind", NOISE)
@pytest.mark.parametrize("per_day", [1, 24])
def test_noise_gives_less_than_one_alarm_in_a_thousand_runs(kind: str, per_day: int) -> None:
    number, scale = NOISE[kind]
    if kind == "nothing at weekends" and per_day > 1:
        per_day = 1
    chance = random.Random(7)
    noise = values([number(place, chance) for place in range(3000)], per_day)
    found = 0
    for place, one in enumerate(noise):
        usual = band(noise[max(0, place - WINDOW) : place], one.day, scale)
        found += usual is not None and not usual.holds(one.number)
    assert found < 3


@pytest.mark.parametrize("spread", [0.0, 0.1, 0.3])
def test_a_tenth_of_a_second_and_no_rows_is_unusual(spread: float) -> None:
    chance = random.Random(3)
    seconds = [40 * chance.lognormvariate(0, spread) for _ in range(60)]
    rows = [round(1000 * chance.lognormvariate(0, spread)) for _ in range(60)]
    assert alarms([*seconds, 0.1], 1, SECONDS) == [60]
    assert alarms([*rows, 0]) == [60]
    assert alarms([*seconds, 2000], 1, SECONDS) == [60]


def test_one_backup_each_night_then_none() -> None:
    assert alarms([1] * 30 + [0]) == [30]


@given(st.lists(st.floats(0, 1e9), max_size=FEWEST - 1), st.floats(0, 1e9))
def test_nothing_is_said_of_few_runs(before: list[float], last: float) -> None:
    judged = judge(values([*before, last]))
    assert judged is not None and judged.band is None and not judged.unusual


@settings(max_examples=200)
@given(st.lists(st.floats(-1e12, 1e12), min_size=FEWEST, max_size=60))
def test_what_was_seen_before_is_usual(before: list[float]) -> None:
    found = band(values(before, 1000), FIRST)
    assert found is not None and found.low <= found.median <= found.high
    assert all(found.holds(one) for one in before)


def test_a_level_that_shifts_is_the_new_normal_after_some_runs() -> None:
    chance = random.Random(1)
    before = [round(chance.gauss(100, 5)) for _ in range(100)]
    after = [round(chance.gauss(900, 20)) for _ in range(60)]
    found = alarms(before + after)
    assert found == list(range(100, 100 + SHIFT))


def test_one_unusual_run_does_not_make_the_next_usual() -> None:
    assert alarms([100] * 40 + [0, 0, 100, 100]) == [40, 41]


def test_a_weekday_has_a_band_of_its_own_once_there_are_enough() -> None:
    week = [1000, 1010, 990, 1005, 995, 0, 0]
    numbers = week * SEASON
    assert alarms([*numbers, 0]) == [len(numbers)], "a Monday like a Sunday"
    assert alarms([*numbers, *week]) == []
    assert alarms([*week * 4, 0]) == [], "too few Mondays to say"
    judged = judge(values([*numbers, 0]))
    assert judged is not None and judged.band is not None and judged.band.weekday == 0


def test_what_was_nearly_always_0_may_be_any_number() -> None:
    assert alarms([0] * 100 + [5000]) == []
    assert alarms([0, 0, 50] * 20 + [5000]) == [60]


def test_a_cold_start_is_no_news() -> None:
    assert alarms([0.5] * 100 + [20.0, 0.01], 24, SECONDS) == []
    assert alarms([0.5] * 100 + [90.0], 24, SECONDS) == [100]
