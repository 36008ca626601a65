"""What runs when clocks change: cases written out by hand, expected instants in UTC.

Offsets are facts of the past, so no later release of the IANA data moves them.
"""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from shared.recurrence import Frequency, Recurrence, next_run, occurrences
from tests.unit.recurrence.reference import utc

# zone, expression, after, the occurrences that follow
SPRING = [
    (
        "America/New_York",
        "30 2 * * *",
        "2025-03-08 12:00",
        ["2025-03-09 07:00", "2025-03-10 06:30"],
    ),
    # Both missing times fall on the end of the gap: one run.
    (
        "America/New_York",
        "0,30 2 * * *",
        "2025-03-08 12:00",
        ["2025-03-09 07:00", "2025-03-10 06:00", "2025-03-10 06:30"],
    ),
    # The end of the gap is itself a fixed time: one run.
    (
        "America/New_York",
        "0 2,3 * * *",
        "2025-03-08 12:00",
        ["2025-03-09 07:00", "2025-03-10 06:00"],
    ),
    ("America/New_York", "*/30 2 * * *", "2025-03-08 12:00", ["2025-03-10 06:00"]),
    ("America/New_York", "0 * * * *", "2025-03-09 05:30", ["2025-03-09 06:00", "2025-03-09 07:00"]),
    ("Europe/Dublin", "30 1 * * *", "2025-03-29 12:00", ["2025-03-30 01:00", "2025-03-31 00:30"]),
    (
        "Africa/Casablanca",
        "30 2 * * *",
        "2025-04-05 12:00",
        ["2025-04-06 02:00", "2025-04-07 01:30"],
    ),
    ("Africa/El_Aaiun", "30 2 * * *", "2025-04-05 12:00", ["2025-04-06 02:00", "2025-04-07 01:30"]),
    # Half an hour is skipped.
    (
        "Australia/Lord_Howe",
        "15 2 * * *",
        "2025-10-04 12:00",
        ["2025-10-04 15:30", "2025-10-05 15:15"],
    ),
    # Two hours are skipped.
    (
        "Antarctica/Troll",
        "0 1,2 * * *",
        "2025-03-29 12:00",
        ["2025-03-30 01:00", "2025-03-30 23:00", "2025-03-31 00:00"],
    ),
    ("Pacific/Chatham", "0 3 * * *", "2025-09-27 00:00", ["2025-09-27 14:00", "2025-09-28 13:15"]),
]
AUTUMN = [
    (
        "America/New_York",
        "30 1 * * *",
        "2025-11-01 12:00",
        ["2025-11-02 05:30", "2025-11-03 06:30"],
    ),
    # From within the second pass, and from its very start, nothing more that day.
    ("America/New_York", "30 1 * * *", "2025-11-02 06:10", ["2025-11-03 06:30"]),
    ("America/New_York", "30 1 * * *", "2025-11-02 06:00", ["2025-11-03 06:30"]),
    (
        "America/New_York",
        "*/30 1 * * *",
        "2025-11-01 12:00",
        [
            "2025-11-02 05:00",
            "2025-11-02 05:30",
            "2025-11-02 06:00",
            "2025-11-02 06:30",
            "2025-11-03 06:00",
        ],
    ),
    (
        "America/New_York",
        "15 * * * *",
        "2025-11-02 04:20",
        ["2025-11-02 05:15", "2025-11-02 06:15", "2025-11-02 07:15"],
    ),
    ("Europe/Dublin", "30 1 * * *", "2025-10-25 12:00", ["2025-10-26 00:30", "2025-10-27 01:30"]),
    (
        "Africa/Casablanca",
        "30 2 * * *",
        "2025-02-22 12:00",
        ["2025-02-23 01:30", "2025-02-24 02:30"],
    ),
    (
        "Australia/Lord_Howe",
        "45 1 * * *",
        "2025-04-05 12:00",
        ["2025-04-05 14:45", "2025-04-06 15:15"],
    ),
    (
        "Australia/Lord_Howe",
        "*/20 1 * * *",
        "2025-04-05 12:00",
        [
            "2025-04-05 14:00",
            "2025-04-05 14:20",
            "2025-04-05 14:40",
            "2025-04-05 15:10",
            "2025-04-06 14:30",
        ],
    ),
    # cronsim never ends here.
    (
        "Pacific/Chatham",
        "*/15 3 * * *",
        "2025-04-05 13:00",
        [
            "2025-04-05 13:15",
            "2025-04-05 13:30",
            "2025-04-05 13:45",
            "2025-04-05 14:15",
            "2025-04-05 14:30",
            "2025-04-05 14:45",
            "2025-04-05 15:00",
            "2025-04-06 14:15",
        ],
    ),
]
MIDNIGHT = [
    (
        "America/Sao_Paulo",
        "0 0 * * *",
        "2018-11-03 12:00",
        ["2018-11-04 03:00", "2018-11-05 02:00"],
    ),
    (
        "America/Sao_Paulo",
        "0 0 * * 0",
        "2018-11-03 12:00",
        ["2018-11-04 03:00", "2018-11-11 02:00"],
    ),
    ("America/Sao_Paulo", "*/30 0 * * *", "2018-11-03 12:00", ["2018-11-05 02:00"]),
    ("America/Sao_Paulo", "*/30 1 * * *", "2018-11-03 12:00", ["2018-11-04 03:00"]),
    # 23:00 to 24:00 is repeated, on the day before.
    (
        "America/Sao_Paulo",
        "30 23 * * *",
        "2018-02-17 12:00",
        ["2018-02-18 01:30", "2018-02-19 02:30"],
    ),
    (
        "America/Sao_Paulo",
        "0 0 * * *",
        "2018-02-17 12:00",
        ["2018-02-18 03:00", "2018-02-19 03:00"],
    ),
    ("Asia/Beirut", "30 0 31 3 *", "2024-03-30 12:00", ["2024-03-30 22:00", "2025-03-30 21:30"]),
    ("Africa/Cairo", "0 0 * * 5", "2024-04-25 12:00", ["2024-04-25 22:00", "2024-05-02 21:00"]),
    ("Africa/Cairo", "30 23 * * *", "2024-10-31 12:00", ["2024-10-31 20:30", "2024-11-01 21:30"]),
]
OTHER_CHANGES = [
    # Samoa left out Friday, 30 December 2011.
    (
        "Pacific/Apia",
        "0 6 * * *",
        "2011-12-29 12:00",
        ["2011-12-29 16:00", "2011-12-30 10:00", "2011-12-30 16:00", "2011-12-31 16:00"],
    ),
    ("Pacific/Apia", "0 6 30 12 *", "2011-12-29 12:00", ["2011-12-30 10:00", "2012-12-29 16:00"]),
    ("Pacific/Apia", "0 * * * *", "2011-12-30 08:30", ["2011-12-30 09:00", "2011-12-30 10:00"]),
    ("Pacific/Apia", "0 12 * * 5", "2011-12-29 12:00", ["2011-12-30 10:00", "2012-01-05 22:00"]),
    ("Pacific/Apia", "*/30 12 * * 5", "2011-12-29 12:00", ["2012-01-05 22:00"]),
    # Kwajalein left out 21 August 1993.
    (
        "Pacific/Kwajalein",
        "0 6 * * *",
        "1993-08-20 12:00",
        ["1993-08-20 18:00", "1993-08-21 12:00", "1993-08-21 18:00"],
    ),
    # Changes of the standard offset.
    ("Asia/Pyongyang", "45 23 * * *", "2018-05-04 00:00", ["2018-05-04 15:00", "2018-05-05 14:45"]),
    ("America/Caracas", "45 2 * * *", "2016-05-01 00:00", ["2016-05-01 07:00", "2016-05-02 06:45"]),
    ("Europe/Moscow", "30 1 * * *", "2014-10-25 12:00", ["2014-10-25 21:30", "2014-10-26 22:30"]),
    ("Europe/Moscow", "30 * * * *", "2014-10-25 21:00", ["2014-10-25 21:30", "2014-10-25 22:30"]),
]


def ids(case: object) -> str | None:
    return case if isinstance(case, str) else None


@pytest.mark.parametrize(
    ("zone", "expression", "after", "then"), SPRING + AUTUMN + MIDNIGHT + OTHER_CHANGES, ids=ids
)
def test_runs_around_a_change(zone: str, expression: str, after: str, then: list[str]) -> None:
    rule = Recurrence(frequency=Frequency.CRON, cron_expression=expression, timezone=zone)
    expected = [utc(each) for each in then]
    assert list(occurrences(rule, utc(after), expected[-1])) == expected


def test_an_offset_of_odd_seconds() -> None:
    """Liberia was 44 minutes and 30 seconds behind until 7 January 1972, 00:00."""

    def runs(expression: str, after: str, until: str) -> list[str]:
        rule = Recurrence(
            frequency=Frequency.CRON, cron_expression=expression, timezone="Africa/Monrovia"
        )
        found = occurrences(rule, utc(after), utc(until))
        return [f"{each:%d %H:%M:%S}" for each in found]

    assert runs("0 6 * * *", "1972-01-06 00:00", "1972-01-07 12:00") == [
        "06 06:44:30",
        "07 06:00:00",
    ]
    assert runs("30 0 * * *", "1972-01-06 12:00", "1972-01-07 12:00") == ["07 00:44:30"]
    assert runs("*/15 * * * *", "1972-01-07 00:10", "1972-01-07 01:00") == [
        "07 00:14:30",
        "07 00:29:30",
        "07 00:45:00",
        "07 01:00:00",
    ]


@pytest.mark.parametrize(
    ("frequency", "then"),
    [
        (Frequency.HOURLY, ["2025-11-02 05:00", "2025-11-02 06:00", "2025-11-02 07:00"]),
        (Frequency.DAILY, ["2025-11-03 05:00", "2025-11-04 05:00"]),
        (Frequency.WEEKLY, ["2025-11-03 05:00", "2025-11-10 05:00"]),
        (Frequency.MONTHLY, ["2025-12-01 05:00", "2026-01-01 05:00"]),
    ],
)
def test_the_named_frequencies_across_autumn(frequency: Frequency, then: list[str]) -> None:
    rule = Recurrence(frequency=frequency, timezone="America/New_York")
    expected = [utc(each) for each in then]
    assert list(occurrences(rule, utc("2025-11-02 04:30"), expected[-1])) == expected


def test_after_may_be_in_any_zone_and_on_either_pass() -> None:
    rule = Recurrence(
        frequency=Frequency.CRON, cron_expression="*/30 1 * * *", timezone="America/New_York"
    )
    new_york, tokyo = ZoneInfo("America/New_York"), ZoneInfo("Asia/Tokyo")
    first = utc("2025-11-02 05:30")
    for after in (first, first.astimezone(tokyo), first.astimezone(new_york)):
        assert next_run(rule, after) == utc("2025-11-02 06:00")
    second = first.astimezone(new_york).replace(fold=1)
    assert next_run(rule, second) == utc("2025-11-03 06:00")


def test_the_instant_itself_is_not_later_than_itself() -> None:
    rule = Recurrence(frequency=Frequency.DAILY)
    midnight = utc("2025-06-02 00:00")
    assert next_run(rule, midnight - timedelta.resolution) == midnight
    assert next_run(rule, midnight) == utc("2025-06-03 00:00")
    assert next_run(rule, midnight + timedelta.resolution) == utc("2025-06-03 00:00")


@pytest.mark.parametrize("microseconds", [0, 1, 500_000, 999_999])
def test_within_the_first_second_of_an_hour_that_will_repeat(microseconds: int) -> None:
    rule = Recurrence(
        frequency=Frequency.CRON, cron_expression="0 * * * *", timezone="America/New_York"
    )
    start = utc("2025-11-02 05:00") + timedelta(microseconds=microseconds)
    assert next_run(rule, start) == utc("2025-11-02 06:00")
