"""Several expressions and exclusions: the occurrences of each, once, without what is excluded."""

from __future__ import annotations

from datetime import datetime, timedelta
from time import thread_time
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from shared.recurrence import (
    Frequency,
    InvalidRecurrence,
    Recurrence,
    count_runs,
    last_run,
    last_runs,
    ncrontab,
    next_run,
    occurrences,
)
from tests.unit.recurrence.reference import (
    distinct_changes,
    expected_of_several,
    shown,
    utc,
)
from tests.unit.recurrence.strategies import expressions, near_changes
from tests.unit.recurrence.test_wakeups import fires

WINDOW = timedelta(hours=30)
OFTEN = st.sampled_from(
    ["*/30 * * * *", "30 2 * * *", "0,30 1-3 * * *", "0 * * * *", "15 0,2,3 * * *", "* 3 * * *"]
)


def several(named: list[str], excluded: list[str], zone: str = "UTC") -> Recurrence:
    try:
        return Recurrence(
            frequency=Frequency.CRON,
            cron_expressions=tuple(named),
            exclude_cron_expressions=tuple(excluded),
            timezone=zone,
        )
    except InvalidRecurrence as error:
        assume("step" not in error.message and "never" not in error.message)
        assume("leave nothing" not in error.message)
        raise


def plain(expression: str) -> bool:
    """Whether croniter reads it as crontab(5) does (see `test_next_properties`)."""
    return "*/" not in expression and ",*" not in expression


LISTS = st.lists(OFTEN | expressions().filter(plain), min_size=1, max_size=4)
EXCLUDED = st.lists(OFTEN | expressions().filter(plain), max_size=2)


@settings(max_examples=200, deadline=None)
@given(named=LISTS, excluded=EXCLUDED, near=near_changes(), seconds=st.integers(0, 30 * 3600))
def test_the_runs_are_those_of_the_definition(
    named: list[str], excluded: list[str], near: tuple[str, datetime], seconds: int
) -> None:
    """Minute by minute, around changes of clocks; and last and count agree."""
    zone, after = near
    until = after + WINDOW
    ours = several(named, excluded, zone)
    found = list(occurrences(ours, after, until))
    assert found == expected_of_several(named, excluded, shown(ZoneInfo(zone), after, until))
    middle = after + timedelta(seconds=seconds)
    for begin, end in ((after, until), (after, middle), (middle, until)):
        part = [at for at in found if begin < at <= end]
        assert count_runs(ours, begin, end) == len(part)
        assert last_run(ours, begin, end) == (part[-1] if part else None)
        assert last_runs(ours, begin, end, 3) == part[-3:]
    at = fires(ncrontab(ours, after.year))
    assert all(map(at, found))


NAMED = ["30 2 * * *", "0 3 * * *", "*/20 1 * * *", "45 0,23 * * *"]
OUT = ["0-29 1 * * *", "* * 13 * 5", "45 23 * * *"]


def test_the_rule_holds_at_the_changes_of_every_zone() -> None:
    ours = {}
    for name, change in distinct_changes(2020, 2037):
        begin, end = change.at - timedelta(hours=5), change.at + timedelta(hours=5)
        if name not in ours:
            ours[name] = several(NAMED, OUT, name)
        wanted = expected_of_several(NAMED, OUT, shown(ZoneInfo(name), begin, end))
        assert list(occurrences(ours[name], begin, end)) == wanted, (name, change)
        assert count_runs(ours[name], begin, end) == len(wanted), (name, change)


def test_one_expression_in_the_list_is_that_expression() -> None:
    one = several(["0 9 * * 1"], [], "Europe/Berlin")
    alone = Recurrence(
        frequency=Frequency.CRON, cron_expression="0 9 * * 1", timezone="Europe/Berlin"
    )
    begin, end = utc("2026-01-01"), utc("2027-01-01")
    assert list(occurrences(one, begin, end)) == list(occurrences(alone, begin, end))
    assert one.text == "0 9 * * 1" and several(["@daily", "@hourly"], []).text == "@daily; @hourly"


def test_a_skipped_time_is_excluded_by_what_is_written_not_by_where_it_runs() -> None:
    """02:30 is skipped, and would run at 03:00."""
    begin, end = utc("2025-03-09 00:00"), utc("2025-03-09 12:00")

    def found(*excluded: str) -> list[datetime]:
        return [*occurrences(several(["30 2 * * *"], [*excluded], "America/New_York"), begin, end)]

    assert found() == found("0 3 * * *") == [utc("2025-03-09 07:00")]
    assert found("* 2 9 3 *") == []


@pytest.mark.parametrize("frequency", [Frequency.HOURLY, Frequency.DAILY, Frequency.WEEKLY])
def test_exclusions_of_a_named_frequency(frequency: Frequency) -> None:
    ours = Recurrence(
        frequency=frequency, exclude_cron_expressions=("* * 24-26 12 *", "* 8-23 * * *")
    )
    begin, end = utc("2026-12-20"), utc("2027-01-10")
    bare = occurrences(Recurrence(frequency=frequency), begin, end)
    wanted = [at for at in bare if at.day not in (24, 25, 26) and at.hour < 8]
    assert list(occurrences(ours, begin, end)) == wanted and wanted


def test_exclusions_of_a_rule_and_count_counts_them() -> None:
    def ours(*excluded: str, rule: str = "FREQ=DAILY;COUNT=10") -> list[int]:
        each = Recurrence(
            frequency=Frequency.RRULE,
            rrule=rule,
            start_time=utc("2026-03-01 09:00:05"),
            exclude_cron_expressions=excluded,
        )
        begin, end = utc("2026-01-01"), utc("2026-05-01")
        found = list(occurrences(each, begin, end))
        assert count_runs(each, begin, end) == len(found)
        assert last_run(each, begin, end) == found[-1]
        assert all(map(fires(ncrontab(each, 2026)), found))
        return [at.day for at in found]

    assert ours() == list(range(1, 11))
    assert ours("* * 3-5 * *", "* * * * 0") == [2, 6, 7, 9, 10]
    assert ours("1 9 * * *", "* 0-8,10-23 * * *") == list(range(1, 11))
    assert ours("30 9 * * *", rule="FREQ=DAILY;BYMINUTE=0,30;COUNT=4") == [1, 2]


TWENTY = [f"{minute} 9 * * *" for minute in range(21)]


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"cron_expressions": ("61 * * * *",)}, "cron_expressions", "'61 .*': minute '61': 61 is"),
        ({"cron_expressions": ("0 9 * * *", 5)}, "cron_expressions", "texts with five fields"),
        ({"cron_expressions": "0 9 * * *"}, "cron_expressions", "at most 20"),
        ({"cron_expressions": tuple(TWENTY)}, "cron_expressions", "at most 20 expressions"),
        (
            {"cron_expression": "0 9 * * *", "cron_expressions": ("0 8 * * *",)},
            "cron_expressions",
            "cron_expression or cron_expressions, not both",
        ),
        ({}, "cron_expression", "'cron' needs one"),
        (
            {"frequency": Frequency.DAILY, "cron_expressions": ("0 9 * * *",)},
            "cron_expressions",
            "'daily' takes none; leave it out, or use frequency 'cron'",
        ),
        (
            {"cron_expression": "0 9 * * *", "exclude_cron_expressions": ("0 9 * *",)},
            "exclude_cron_expressions",
            "'0 9 \\* \\*': 4 fields",
        ),
        (
            {"cron_expression": "*/5 9 * * 1", "exclude_cron_expressions": ("* 8-10 * * 0-3",)},
            "exclude_cron_expressions",
            "they leave nothing to run",
        ),
        (
            {"cron_expression": "0 0 29 2 *", "exclude_cron_expressions": ("* * * 2 *",)},
            "exclude_cron_expressions",
            "they leave nothing to run",
        ),
        (
            {
                "frequency": Frequency.RRULE,
                "rrule": "FREQ=WEEKLY;BYDAY=MO",
                "start_time": utc("2026-03-02 09:00"),
                "exclude_cron_expressions": ("* * * * 1",),
            },
            "exclude_cron_expressions",
            "they leave nothing to run",
        ),
        (
            {
                "frequency": Frequency.INTERVAL,
                "interval_seconds": 60,
                "exclude_cron_expressions": ("0 9 * * *",),
            },
            "exclude_cron_expressions",
            "'interval' takes none, since it names no times of day",
        ),
    ],
)
def test_what_is_refused(fields: dict[str, Any], field: str, words: str) -> None:
    with pytest.raises(InvalidRecurrence, match=words) as caught:
        Recurrence(**{"frequency": Frequency.CRON} | fields)
    assert caught.value.field == field


def test_what_is_excluded_wholly_costs_nothing() -> None:
    """Nobody looks for the next of it until the year 9998."""
    ours = several(["0 9 * * *", "*/30 * * * *"], ["0 9 * * *"], "Europe/Berlin")
    began, at = thread_time(), utc("2026-01-01")
    for _ in range(1000):
        following = next_run(ours, at)
        assert following is not None
        at = following
    assert thread_time() - began < 1.0


def test_what_is_left_may_be_rare_or_far() -> None:
    leap_sundays = several(["0 0 29 2 *"], ["* * * * 1-6"])
    assert next_run(leap_sundays, utc("2026-01-01")) == utc("2032-02-29")
    assert next_run(leap_sundays, utc("2090-01-01")) == utc("2128-02-29")
    last_minute = several(["* * * * *"], ["0-58 * * * *", "* 0-22 * * *", "* * 1-30 * *"])
    assert next_run(last_minute, utc("2026-02-01")) == utc("2026-03-31 23:59")


def test_what_is_long_is_not_walked() -> None:
    ours = several(["* * * * *", "30 2 * * *"], ["* 3 * * *", "* * * * 0"], "Europe/Berlin")
    begin, end = utc("2016-01-01"), utc("2026-01-01")
    began = thread_time()
    counted = count_runs(ours, begin, end)
    assert counted > 4_000_000
    assert len(last_runs(ours, begin, end, 1000)) == 1000
    assert thread_time() - began < 1.0
