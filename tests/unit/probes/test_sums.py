"""Percentiles and sums: whatever is merged, in any order, says the same as all of it at once."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from shared.probes.model import Measured, Standing
from shared.probes.rows import Day
from shared.probes.sketch import LAST, Sketch
from shared.probes.summaries import each_day, spans
from shared.probes.tallies import Tally, total

times = st.floats(min_value=0, max_value=500_000)
some = st.lists(times, max_size=60)
found = st.builds(
    Measured,
    status=st.sampled_from([Standing.UP, Standing.DEGRADED, Standing.DOWN]),
    milliseconds=st.none() | times,
)


def sketch(values: list[float]) -> Sketch:
    made = Sketch()
    for one in values:
        made = made.plus(one)
    return made


def tally(results: list[Measured]) -> Tally:
    made = Tally()
    for one in results:
        made = made.plus(one)
    return made


@given(st.lists(times, min_size=1, max_size=200), st.sampled_from([50.0, 95.0, 99.0, 100.0]))
def test_a_percentile_is_within_five_percent(values: list[float], percent: float) -> None:
    exact = sorted(values)[max(0, math.ceil(len(values) * percent / 100) - 1)]
    near = sketch(values).percentile(percent)
    assert near is not None and abs(near - max(exact, 1)) <= 0.05 * max(exact, 1) + 0.1


@given(some, some, some)
def test_sketches_merge_in_any_order(
    one: list[float], two: list[float], three: list[float]
) -> None:
    a, b, c = map(sketch, (one, two, three))
    assert a.merged(b).merged(c) == c.merged(a.merged(b)) == sketch(one + two + three)
    assert a.merged(Sketch()) == a


@given(st.lists(st.lists(found, max_size=20), max_size=6))
def test_sums_of_parts_are_the_sum_of_all(parts: list[list[Measured]]) -> None:
    whole = tally([one for part in parts for one in part])
    assert total(map(tally, parts)) == whole
    assert Tally.of(whole.text()) == whole
    assert whole.runs == sum(map(len, parts))
    assert whole.uptime is None or 0 <= whole.uptime <= 100


def test_a_sketch_stays_small_whatever_it_is_given() -> None:
    made = sketch([float(one) ** 3 for one in range(2000)])
    assert max(made.counts) == LAST and len(made.counts) <= LAST + 1
    assert Sketch().percentile(50) is None


def test_only_what_was_never_down_is_up_for_all_of_the_time() -> None:
    assert Tally(up=999_999, down=1).uptime == 99.999
    assert Tally(up=10, degraded=5).uptime == 100
    assert Tally().uptime is None


def test_spans_end_now_and_begin_with_a_full_hour_or_day() -> None:
    now = datetime(2026, 3, 10, 12, 30, tzinfo=UTC)
    today, yesterday = date(2026, 3, 10), date(2026, 3, 9)
    one = Tally(up=1)
    recent = [
        Day(day=yesterday, total=Tally(up=3), hours={12: one, 13: one, 23: one}),
        Day(day=today, total=Tally(up=2), hours={0: one, 12: one}),
    ]
    old = [Day(day=today - timedelta(days=n), total=one) for n in (6, 7, 29, 30, 89, 90)]
    made = spans([*recent, *old], recent, now)
    assert {name: tally.runs for name, tally in made.items()} == {
        "24h": 4,  # from 13:00 yesterday on
        "7d": 6,
        "30d": 8,
        "90d": 10,
    }
    days = each_day([*recent, *old], now)
    assert len(days) == 90 and days[-1] == (today, 100.0) and days[0][1] == 100.0
    assert sum(uptime is not None for _, uptime in days) == 7
