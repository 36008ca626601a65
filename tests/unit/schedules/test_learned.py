"""What runs teach, against the standard library."""

from __future__ import annotations

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.schedules import learned

VALUES = st.lists(st.floats(0, 1e6), min_size=1, max_size=60)


@given(VALUES)
def test_the_median_is_that_of_the_library(values: list[float]) -> None:
    assert learned.median(values) == pytest.approx(statistics.median(values))


@given(VALUES)
def test_mad_is_the_median_of_the_distances(values: list[float]) -> None:
    middle = statistics.median(values)
    expected = statistics.median([abs(value - middle) for value in values])
    assert learned.mad(values) == pytest.approx(expected)


@given(VALUES, st.integers(1, 100))
def test_a_quantile_is_the_smallest_value_that_enough_do_not_exceed(
    values: list[float], percent: int
) -> None:
    found = learned.quantile(values, percent / 100)
    enough = [v for v in values if sum(one <= v for one in values) * 100 >= percent * len(values)]
    assert found == min(enough)


def test_without_values_there_is_nothing() -> None:
    assert learned.median([]) is learned.mad([]) is learned.quantile([], 0.95) is None


@pytest.mark.parametrize("share", [0, -0.1, 1.01])
def test_a_share_is_checked(share: float) -> None:
    with pytest.raises(ValueError, match="above 0 and at most 1"):
        learned.quantile([1.0], share)
