"""A rule at changes of clocks runs by the same rule as an expression; and a start by the clocks.

What it names comes from python-dateutil, which knows no zones here; what clocks show, from
`reference`.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from dateutil.rrule import rrulestr
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from shared.recurrence import (
    Frequency,
    InvalidRecurrence,
    Recurrence,
    count_runs,
    last_run,
    ncrontab,
    next_run,
    occurrences,
)
from tests.unit.recurrence.reference import (
    Listed,
    Match,
    distinct_changes,
    expected,
    shown,
    utc,
)
from tests.unit.recurrence.strategies import near_changes, read_alike, rules
from tests.unit.recurrence.test_wakeups import fires

DAY = timedelta(days=1)
OFTEN = st.sampled_from(
    [
        "FREQ=DAILY;BYHOUR=0,1,2,3,23;BYMINUTE=0,15,30,45",
        "FREQ=DAILY;INTERVAL=2;BYHOUR=2;BYMINUTE=30",
        "FREQ=WEEKLY;BYDAY=SA,SU,MO,FR;BYHOUR=1,2;BYMINUTE=0,30",
        "FREQ=MONTHLY;BYDAY=-1SU,1SU,2SU;BYHOUR=0,1,2,3;BYMINUTE=0,30;BYSETPOS=1,5,9,-1",
        "FREQ=HOURLY",
        "FREQ=HOURLY;INTERVAL=2;BYMINUTE=0,30",
        "FREQ=HOURLY;INTERVAL=5;BYMINUTE=15",
        "FREQ=MINUTELY;INTERVAL=7",
        "FREQ=MINUTELY;INTERVAL=45;BYHOUR=0,1,2,3",
    ]
)
COUNTS = st.sampled_from([None, None, 1, 3, 40])


def named(text: str, start: datetime, around: datetime) -> Listed:
    """An hour that is shown again comes after the start, though its wall time is before it. So for
    rules that follow elapsed time, dateutil starts two days or more before, in step."""
    short = "HOURLY" in text or "MINUTELY" in text
    if short:
        step = re.search(r"INTERVAL=(\d+)", text)
        start -= timedelta(hours=48) * int(step[1] if step else 1)
    found = rrulestr(text, dtstart=start).between(around - 2 * DAY, around + 2 * DAY, inc=True)
    return Listed(not short, frozenset(found))


@settings(max_examples=250, deadline=None)
@given(
    text=OFTEN | rules(),
    near=near_changes(),
    before=st.integers(0, 50 * 24 * 60),
    count=COUNTS,
    excluded=st.sampled_from([(), (), ("30 * * * *", "* 3 * * *")]),
)
def test_the_runs_are_those_of_the_definition(
    text: str, near: tuple[str, datetime], before: int, count: int | None, excluded: tuple[str, ...]
) -> None:
    zone, at = near
    at = at.replace(microsecond=0, second=0)
    wall = at.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    start = wall - timedelta(minutes=before)
    assume(read_alike(text, start))
    counted = text if count is None else f"{text};COUNT={count}"
    try:
        ours = Recurrence(
            frequency=Frequency.RRULE,
            rrule=counted,
            start_local=start,
            timezone=zone,
            exclude_cron_expressions=excluded,
        )
    except InvalidRecurrence as error:
        assume("400 years" not in error.message and "leave nothing" not in error.message)
        raise
    begin, end = at - timedelta(hours=20), at + timedelta(hours=20)
    one = named(text, start, wall)
    walls = Listed(one.fixed, one.walls, tuple(map(Match, excluded)))
    first, last = ours.first, ours.last
    wanted = [
        found
        for found in expected(walls, shown(ZoneInfo(zone), begin, end))
        if first is not None and found >= first and (last is None or found <= last)
    ]
    found = list(occurrences(ours, begin, end))
    assert found == wanted
    assert count_runs(ours, begin, end) == len(wanted)
    assert last_run(ours, begin, end) == (wanted[-1] if wanted else None)
    assert all(map(fires(ncrontab(ours, at.year)), found))
    if count is not None and not excluded:
        bare = Recurrence(frequency=Frequency.RRULE, rrule=text, start_local=start, timezone=zone)
        assert last is None or count_runs(bare, utc("1960-01-01"), last) == count


@pytest.mark.parametrize(
    "text", ["FREQ=DAILY;BYHOUR=0,1,2,3,23;BYMINUTE=0,30", "FREQ=HOURLY;BYMINUTE=0,20,40"]
)
def test_the_rule_holds_at_the_changes_of_every_zone(text: str) -> None:
    for name, change in distinct_changes(2025, 2028):
        start = (change.at - 3 * DAY).replace(tzinfo=None, second=0)
        ours = Recurrence(frequency=Frequency.RRULE, rrule=text, start_local=start, timezone=name)
        begin, end = change.at - timedelta(hours=5), change.at + timedelta(hours=5)
        around = change.at.astimezone(ZoneInfo(name)).replace(tzinfo=None)
        wanted = expected(named(text, start, around), shown(ZoneInfo(name), begin, end))
        assert list(occurrences(ours, begin, end)) == wanted, (name, change)
        assert count_runs(ours, begin, end) == len(wanted), (name, change)


def rule(text: str, start: str) -> Recurrence:
    return Recurrence(
        frequency=Frequency.RRULE,
        rrule=text,
        start_local=datetime.fromisoformat(start),
        timezone="America/New_York",
    )


@pytest.mark.parametrize(
    ("text", "start", "runs"),
    [
        ("FREQ=DAILY;COUNT=3", "2025-03-08T02:30", ["03-08 07:30", "03-09 07:00", "03-10 06:30"]),
        # Two times that are skipped make one run, and COUNT counts runs.
        (
            "FREQ=DAILY;BYMINUTE=0,30;COUNT=4",
            "2025-03-08T02:00",
            ["03-08 07:00", "03-08 07:30", "03-09 07:00", "03-10 06:00"],
        ),
        ("FREQ=DAILY;COUNT=2", "2025-11-02T01:30", ["11-02 05:30", "11-03 06:30"]),
        # Elapsed: on both passes.
        (
            "FREQ=HOURLY;COUNT=4",
            "2025-11-02T00:30",
            ["11-02 04:30", "11-02 05:30", "11-02 06:30", "11-02 07:30"],
        ),
        ("FREQ=HOURLY;COUNT=3", "2025-03-09T01:30", ["03-09 06:30", "03-09 07:30", "03-09 08:30"]),
        # A start that is skipped.
        ("FREQ=WEEKLY;COUNT=2", "2025-03-09T02:30", ["03-09 07:00", "03-16 06:30"]),
    ],
)
def test_a_rule_when_clocks_change(text: str, start: str, runs: list[str]) -> None:
    found = list(occurrences(rule(text, start), utc("2025-01-01"), utc("2026-01-01")))
    assert [f"{at:%m-%d %H:%M}" for at in found] == runs


@pytest.mark.parametrize(
    ("zone", "local", "runs"),
    [
        ("America/New_York", "2025-07-04T09:00:30", "2025-07-04 13:00:30"),
        ("America/New_York", "2025-03-09T02:30", "2025-03-09 07:00"),  # skipped: the end of the gap
        ("America/New_York", "2025-11-02T01:30", "2025-11-02 05:30"),  # twice: the first time
        ("Pacific/Apia", "2011-12-30T12:00", "2011-12-30 10:00"),  # a day that is left out
        ("UTC", "2025-07-04T09:00", "2025-07-04 09:00"),
    ],
)
def test_once_by_the_clocks_of_a_zone(zone: str, local: str, runs: str) -> None:
    once = Recurrence(
        frequency=Frequency.ONCE, start_local=datetime.fromisoformat(local), timezone=zone
    )
    at = utc(runs)
    assert once.first == at
    assert list(occurrences(once, utc("2000-01-01"), utc("2030-01-01"))) == [at]
    assert count_runs(once, utc("2000-01-01"), utc("2030-01-01")) == 1
    assert next_run(once, at) is None
    assert ncrontab(once, 2025) == f"{at.second} {at.minute} {at.hour} {at.day} {at.month} *"


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"start_local": utc("2026-01-01")}, "start_local", "without an offset"),
        ({"start_local": "2026-01-01T09:00"}, "start_local", "without an offset"),
        ({"start_local": datetime(2026, 1, 1, microsecond=1)}, "start_local", "whole seconds"),
        ({"start_local": datetime(9500, 1, 1)}, "start_local", "a year from 1900"),
        (
            {"start_local": datetime(2026, 1, 1), "start_time": utc("2026-01-01")},
            "start_local",
            "start_time or start_local, not both",
        ),
        (
            {"start_local": datetime(2026, 1, 1), "end_time": utc("2026-01-01")},
            "end_time",
            "later than start_local",
        ),
        ({}, "start_time", "'once' needs the time"),
        ({"frequency": Frequency.RRULE, "rrule": "FREQ=DAILY"}, "start_time", "as start_time or"),
        ({"frequency": Frequency.RRULE}, "rrule", "'rrule' needs one, such as"),
        (
            {"frequency": Frequency.DAILY, "rrule": "FREQ=DAILY"},
            "rrule",
            "use frequency 'rrule'",
        ),
    ],
)
def test_a_wrong_start_is_refused(fields: dict[str, object], field: str, words: str) -> None:
    with pytest.raises(InvalidRecurrence, match=words) as caught:
        Recurrence(**{"frequency": Frequency.ONCE} | fields)  # type: ignore[arg-type]
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("zone", "until", "last"),
    [
        # Clocks go from 24:00 back to 23:00: the day goes on for another hour.
        ("America/Sao_Paulo", "20180217", "2018-02-18 02:00"),
        ("America/Santiago", "20270403", "2027-04-04 03:00"),
        # They go from 02:00 to 03:00: 02:30 is over by then, and 03:00 is later than that.
        ("Europe/Berlin", "20260329T023000", "2026-03-29 00:00"),
        ("Pacific/Apia", "20111230", "2011-12-30 09:00"),  # that day is left out
        ("Europe/Berlin", "20261025T023000", "2026-10-25 00:00"),  # the first time
    ],
)
def test_until_where_clocks_change(zone: str, until: str, last: str) -> None:
    """For what follows elapsed time."""
    start = utc(last) - timedelta(hours=30)
    ours = Recurrence(
        frequency=Frequency.RRULE,
        rrule=f"FREQ=HOURLY;UNTIL={until}",
        start_time=start,
        timezone=zone,
    )
    found = list(occurrences(ours, start - DAY, start + 4 * DAY))
    assert found[-1] == utc(last) and len(found) == 31
    assert count_runs(ours, start - DAY, start + 4 * DAY) == 31


@pytest.mark.parametrize("text", ["FREQ=MINUTELY;INTERVAL=20", "FREQ=HOURLY;BYMINUTE=0,20,40"])
def test_a_start_between_minutes_loses_no_run_before_clocks_go_back(text: str) -> None:
    """In Berlin, 02:00 to 02:59 are shown twice, from 00:00 UTC on."""
    ours = Recurrence(
        frequency=Frequency.RRULE,
        rrule=text,
        start_local=datetime(2026, 10, 24, 9, 0, 7),
        timezone="Europe/Berlin",
    )
    begin, end = utc("2026-10-24 23:50"), utc("2026-10-25 02:10")
    found = list(occurrences(ours, begin, end))
    assert found == [utc("2026-10-25 00:00:07") + n * timedelta(minutes=20) for n in range(7)]
    assert count_runs(ours, begin, end) == 7
