"""Thresholds of vaccinations and weeks of reputations, for any order of runs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.care.rules import reputation
from shared.care.rules.reputation import Change, Standing, end_of, last_week, settle, weeks
from shared.care.rules.vaccinations import day_of, threshold, useful_until
from shared.settings import CareSettings

DAY, WEEK = timedelta(days=1), timedelta(days=7)
SUNDAY = date(2026, 11, 29)
EXPIRES = date(2026, 12, 31)
RULES = CareSettings()
Runs = st.lists(st.integers(-5, 45), max_size=12)


@given(Runs, st.sets(st.integers(1, 40), min_size=1, max_size=5))
def test_each_threshold_is_told_once_and_none_that_was_passed_by(
    days_left: Sequence[int], thresholds: set[int]
) -> None:
    """Runs on any days, in any order; recomputed day by day."""
    most_first = sorted(thresholds, reverse=True)
    told: dict[int, int] = {}
    for left in sorted(days_left, reverse=True):
        held = threshold(EXPIRES, EXPIRES - left * DAY, most_first)
        if held is not None:
            told.setdefault(held, left)
    wanted: dict[int, int] = {}
    steps = [*most_first[1:], 0]
    for upper, lower in zip(most_first, steps, strict=True):
        inside = [left for left in days_left if lower < left <= upper]
        if inside:
            wanted[upper] = max(inside)
    assert told == wanted


@pytest.mark.parametrize(
    ("days", "until"), [(30, date(2026, 12, 17)), (14, date(2026, 12, 24)), (7, EXPIRES)]
)
def test_a_message_is_of_use_until_the_next_one(days: int, until: date) -> None:
    zone = ZoneInfo("America/Sao_Paulo")
    end = useful_until(EXPIRES, days, (30, 14, 7), zone)
    assert day_of(end, zone) == until and day_of(end - datetime.resolution, zone) == until - DAY


@given(
    st.lists(st.integers(0, 3), min_size=1, max_size=40),
    st.none() | st.tuples(st.integers(0, 100), st.integers(0, 200)),
    st.lists(st.integers(1, 6), max_size=20),
)
def test_weeks_at_once_are_as_weeks_one_by_one(
    counts: Sequence[int], known: tuple[int, int] | None, runs: Sequence[int]
) -> None:
    """Whatever runs were missed, and how often a week was settled."""
    all_ = [SUNDAY + n * WEEK for n in range(len(counts))]
    no_shows = {week: count for week, count in zip(all_, counts, strict=True) if count}
    before = None if known is None else Standing(known[0], SUNDAY - known[1] * DAY)
    whole, changes = settle(before, all_, no_shows, (), RULES)

    standing, done = before, list[Change]()
    settled: date = SUNDAY - WEEK
    for step in [*runs, len(counts)]:
        last = min(settled + step * WEEK, all_[-1])
        for _ in range(2):
            due = weeks(settled, last)
            seen = {one.week_on for one in done}
            standing, new = settle(standing, due, no_shows, seen, RULES)
            done += new
        settled = last
    assert (standing, done) == (whole, changes)
    assert all(0 <= one.after <= reputation.TOP for one in done)
    assert len({one.week_on for one in done}) == len(done)


@given(
    st.datetimes(datetime(2015, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC)),
    st.sampled_from(("UTC", "Asia/Tokyo", "America/New_York", "America/Sao_Paulo")),
)
def test_the_last_week_ended_on_that_sunday_or_the_one_before(at: datetime, name: str) -> None:
    zone = ZoneInfo(name)
    week = last_week(at, zone)
    assert week.strftime("%A") == "Sunday"
    assert end_of(week, zone) < at < end_of(week + WEEK, zone) + timedelta(hours=1)


def test_after_a_long_pause_at_most_a_year_is_made_up_for() -> None:
    assert weeks(None, SUNDAY) == [SUNDAY]
    assert weeks(SUNDAY, SUNDAY) == weeks(SUNDAY + WEEK, SUNDAY) == []
    assert weeks(SUNDAY - 2 * WEEK, SUNDAY) == [SUNDAY - WEEK, SUNDAY]
    made_up = weeks(date(2020, 1, 5), SUNDAY)
    assert (len(made_up), made_up[-1]) == (reputation.MOST_WEEKS, SUNDAY)
