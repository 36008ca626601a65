"""So many items a minute, evenly, whatever the pauses."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from shared.batch.pace import Pace


@given(
    per_minute=st.integers(1, 60_000),
    pauses=st.lists(st.floats(0, 20), max_size=60),
    free=st.integers(1, 32),
)
def test_never_more_begin_in_any_span_than_its_share_and_a_quarter_of_a_second(
    per_minute: int, pauses: list[float], free: int
) -> None:
    pace, now, began = Pace(per_minute, 0.0), 100.0, list[float]()
    for pause in pauses:
        now += pause
        number = pace.allowed(now, free)
        pace = pace.took(now, number)
        began += [now] * number
        if number == 0:
            assert pace.pause(now) > 0
    rate = per_minute / 60
    for first in range(0, len(began), 7):
        number = len(began) - first
        assert number <= (began[-1] - began[first] + 0.25) * rate + 2


def test_an_even_rate() -> None:
    pace, now, began = Pace(60), 0.0, 0
    for _ in range(6_000):  # a minute, looked at each hundredth of a second
        number = pace.allowed(now, 4)
        pace = pace.took(now, number)
        began += number
        now += 0.01
    assert began in (60, 61)
    assert Pace(None).allowed(0.0, 5) == 5 and Pace(None).pause(0.0) == 0.0
