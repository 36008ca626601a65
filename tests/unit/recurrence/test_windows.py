"""`once`, `interval`, and the window from start_time to end_time (C1, C3)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from shared.recurrence import Frequency, Recurrence, next_run, occurrences
from tests.unit.recurrence.reference import utc

NINE = utc("2026-01-05 09:00")


def test_once_occurs_once() -> None:
    rule = Recurrence(frequency=Frequency.ONCE, start_time=NINE)
    assert next_run(rule, NINE - timedelta(days=400)) == NINE
    assert next_run(rule, NINE - timedelta.resolution) == NINE
    assert next_run(rule, NINE) is None


def test_a_fraction_of_a_second_is_rounded_up() -> None:
    fraction = NINE + timedelta(microseconds=1)
    rule = Recurrence(frequency=Frequency.ONCE, start_time=fraction)
    assert next_run(rule, NINE) == NINE + timedelta(seconds=1)
    every = Recurrence(frequency=Frequency.INTERVAL, interval_seconds=10, start_time=fraction)
    assert next_run(every, NINE) == NINE + timedelta(seconds=1)


def test_once_beyond_its_end_never_occurs() -> None:
    fraction = NINE + timedelta(milliseconds=1)
    end = NINE + timedelta(milliseconds=2)
    rule = Recurrence(frequency=Frequency.ONCE, start_time=fraction, end_time=end)
    assert next_run(rule, NINE) is None


def test_an_interval_counts_elapsed_time_from_its_start() -> None:
    start = datetime(2025, 11, 1, 12, tzinfo=ZoneInfo("America/New_York"))
    rule = Recurrence(
        frequency=Frequency.INTERVAL,
        interval_seconds=86400,
        start_time=start,
        timezone="America/New_York",
    )
    # 24 hours each, although the clocks go back in between.
    assert list(occurrences(rule, utc("2025-10-01"), utc("2025-11-03 17:00"))) == [
        utc("2025-11-01 16:00"),
        utc("2025-11-02 16:00"),
        utc("2025-11-03 16:00"),
    ]


def test_an_interval_without_a_start_counts_from_the_epoch() -> None:
    rule = Recurrence(frequency=Frequency.INTERVAL, interval_seconds=7)
    found = next_run(rule, NINE)
    assert found is not None
    assert found.timestamp() % 7 == 0
    assert timedelta(0) < found - NINE <= timedelta(seconds=7)
    assert next_run(rule, utc("1970-01-01")) == utc("1970-01-01") + timedelta(seconds=7)
    assert next_run(rule, utc("1969-12-31 23:59")) == utc("1969-12-31 23:59") + timedelta(seconds=4)


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata"])
def test_both_ends_of_the_window_count(zone: str) -> None:
    rule = Recurrence(
        frequency=Frequency.CRON,
        cron_expression="*/30 * * * *",
        timezone=zone,
        start_time=NINE,
        end_time=NINE + timedelta(hours=1),
    )
    found = list(occurrences(rule, utc("2020-01-01"), utc("2030-01-01")))
    assert found == [NINE, NINE + timedelta(minutes=30), NINE + timedelta(hours=1)]
    assert next_run(rule, NINE + timedelta(hours=1)) is None


def test_the_window_is_read_in_its_own_zone_even_in_a_repeated_hour() -> None:
    """Python compares two times of one zone by their clocks; the window goes by instants."""
    new_york = ZoneInfo("America/New_York")
    second_pass = datetime(2025, 11, 2, 1, 10, fold=1, tzinfo=new_york)
    rule = Recurrence(
        frequency=Frequency.HOURLY,
        timezone="America/New_York",
        start_time=datetime(2025, 11, 2, 1, 50, tzinfo=new_york),
        end_time=second_pass,
    )
    assert list(occurrences(rule, utc("2025-11-01"), utc("2025-11-03"))) == [
        utc("2025-11-02 06:00")
    ]


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "America/New_York"])
def test_the_ends_of_the_calendar(zone: str) -> None:
    rules = [
        Recurrence(frequency=Frequency.DAILY, timezone=zone),
        Recurrence(frequency=Frequency.HOURLY, timezone=zone),
        Recurrence(frequency=Frequency.CRON, cron_expression="0 0 29 2 *", timezone=zone),
        Recurrence(frequency=Frequency.INTERVAL, interval_seconds=3600, timezone=zone),
    ]
    for rule in rules:
        assert next_run(rule, datetime.min.replace(tzinfo=UTC)) is not None
        for hours in range(0, 40 * 24, 5):
            after = datetime(9998, 12, 31, 23, 59, tzinfo=UTC) - timedelta(hours=hours)
            found = next_run(rule, after)
            assert found is None or found > after
        assert next_run(rule, datetime.max.replace(tzinfo=UTC)) is None


def test_a_naive_time_is_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        next_run(Recurrence(frequency=Frequency.DAILY), datetime(2026, 1, 1))
    with pytest.raises(ValueError, match="aware"):
        rule = Recurrence(frequency=Frequency.DAILY)
        list(occurrences(rule, NINE, datetime(2026, 1, 1)))
