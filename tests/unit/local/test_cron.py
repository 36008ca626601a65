"""NCRONTAB as the real host reads it; croniter is the oracle where the two agree."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from croniter import croniter
from hypothesis import given
from hypothesis import strategies as st

from local.host import cron

NOON = datetime(2026, 11, 20, 12, 0, 0, 500, tzinfo=UTC)  # a Friday


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("* * * * * *", "2026-11-20 12:00:01"),
        ("*/15 * * * * *", "2026-11-20 12:00:15"),
        ("0 */5 * * * *", "2026-11-20 12:05:00"),
        ("*/5 * * * *", "2026-11-20 12:05:00"),
        ("0 0 6 * * *", "2026-11-21 06:00:00"),
        ("0 0 10,11 * * 1-5", "2026-11-23 10:00:00"),
        ("0 30 9 * Jan Mon", "2027-01-04 09:30:00"),
        ("0 0 0 1 january *", "2027-01-01 00:00:00"),
        ("0 40/10 12 * * *", "2026-11-20 12:40:00"),
        ("0 10-30/10 11-13 * * *", "2026-11-20 12:10:00"),
        ("0 0 0 29 2 *", "2028-02-29 00:00:00"),
        ("0 0 0 29 2 0", "2032-02-29 00:00:00"),
        ("59 59 11 * * *", "2026-11-21 11:59:59"),
    ],
)
def test_the_next_occurrence(expression: str, expected: str) -> None:
    found = cron.parse(expression).after(NOON)
    assert found == datetime.fromisoformat(expected).replace(tzinfo=UTC)


def test_a_day_must_fit_both_day_fields() -> None:
    assert cron.parse("0 0 0 13 * Fri").after(NOON) == datetime(2027, 8, 13, tzinfo=UTC)


def test_a_date_that_never_comes_is_none() -> None:
    assert cron.parse("0 0 0 31 2 *").after(NOON) is None


def test_an_occurrence_is_later_than_the_instant() -> None:
    noon = NOON.replace(microsecond=0)
    assert cron.parse("0 0 12 * * *").after(noon) == noon + timedelta(days=1)
    assert cron.parse("0 0 12 * * *").after(noon - timedelta(microseconds=1)) == noon


@pytest.mark.parametrize(
    ("expression", "told"),
    [
        ("", "has 0 fields"),
        ("0 0 0 * * * *", "has 7 fields"),
        ("60 * * * * *", "second '60': '60' is not one of 0 to 59"),
        ("0 0 24 * * *", "hour '24'"),
        ("0 0 0 0 * *", "day '0'"),
        ("0 0 0 * * 7", "weekday '7': '7' is not one of 0 to 6"),
        ("0 0 0 * foo *", "month 'foo'"),
        ("0 */0 * * * *", "the step '0' is not a number above 0"),
        ("0 30-10 * * * *", "the range '30-10' goes backwards"),
        ("0 1,,2 * * * *", "minute '1,,2'"),
    ],
)
def test_what_is_wrong_is_named(expression: str, told: str) -> None:
    with pytest.raises(ValueError, match=told.replace("*", r"\*")):
        cron.parse(expression)


_minutes = st.one_of(
    st.just("*"),
    st.integers(0, 59).map(str),
    st.integers(1, 30).map("*/{}".format),
    st.lists(st.integers(0, 59), min_size=2, max_size=4).map(lambda n: ",".join(map(str, n))),
)


@given(
    minute=_minutes,
    hour=st.one_of(st.just("*"), st.integers(0, 23).map(str), st.just("*/7")),
    day=st.one_of(st.just("*"), st.integers(1, 28).map(str)),
    month=st.one_of(st.just("*"), st.integers(1, 12).map(str)),
    at=st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1)),
)
def test_it_agrees_with_croniter(
    minute: str, hour: str, day: str, month: str, at: datetime
) -> None:
    expression = f"{minute} {hour} {day} {month} *"
    instant = at.replace(tzinfo=UTC)
    expected = croniter(expression, instant).get_next(datetime)
    assert cron.parse(f"0 {expression}").after(instant) == expected
