"""Rules of RFC 5545 name what python-dateutil says, where no clocks change; and their ends."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice
from time import thread_time
from typing import Any

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
    last_runs,
    next_run,
    occurrences,
)
from tests.unit.recurrence.reference import utc
from tests.unit.recurrence.strategies import read_alike, rules

START = datetime(2024, 1, 1)
STARTS = st.integers(0, 900 * 86400).map(lambda seconds: START + timedelta(seconds=seconds))
STILL = {"UTC": timedelta(0), "Asia/Kolkata": timedelta(hours=5, minutes=30)}
"""Zones without changes, and how far they are ahead."""


def rule(text: str, start: datetime, zone: str = "UTC", **more: Any) -> Recurrence:
    try:
        return Recurrence(
            frequency=Frequency.RRULE, rrule=text, start_local=start, timezone=zone, **more
        )
    except InvalidRecurrence as error:
        assume("never" not in error.message and "400 years" not in error.message)
        raise


def by_dateutil(text: str, start: datetime, after: datetime, until: datetime) -> list[datetime]:
    """Later than `after`, not later than `until`; its own `between` stops one short of the end."""
    found = rrulestr(text, dtstart=start).between(after, until + timedelta(seconds=1))
    return [at for at in found if at <= until]


def span_of(text: str) -> timedelta:
    """About so long that there are neither none nor thousands."""
    lengths = {"YEARLY": 8000, "MONTHLY": 1500, "WEEKLY": 800, "DAILY": 400, "HOURLY": 20}
    return timedelta(days=next((v for k, v in lengths.items() if k in text), 2))


@settings(max_examples=250, deadline=None)
@given(
    text=rules(),
    start=STARTS,
    wait=st.integers(-86400, 400 * 86400),
    zone=st.sampled_from(sorted(STILL)),
    end=st.sampled_from(["", "", ";COUNT=1", ";COUNT=7", ";COUNT=150"]),
)
def test_what_dateutil_finds_where_no_clocks_change(
    text: str, start: datetime, wait: int, zone: str, end: str
) -> None:
    assume(read_alike(text, start))
    ahead, after = STILL[zone], start + timedelta(seconds=wait)
    until = after + span_of(text)
    ours = rule(text + end, start, zone)
    wanted = [
        (at - ahead).replace(tzinfo=UTC) for at in by_dateutil(text + end, start, after, until)
    ]
    begin, over = ((at - ahead).replace(tzinfo=UTC) for at in (after, until))
    assert list(occurrences(ours, begin, over)) == wanted
    assert count_runs(ours, begin, over) == len(wanted)
    assert last_run(ours, begin, over) == (wanted[-1] if wanted else None)
    assert last_runs(ours, begin, over, 5) == wanted[-5:]


EXAMPLES = [
    # From RFC 5545, 3.8.5.3, all from 1997-09-02 09:00 in New York, a Tuesday.
    ("FREQ=DAILY;COUNT=10", ["09-02", "09-03", "09-04"]),
    ("FREQ=DAILY;UNTIL=19971224T000000Z", ["09-02", "09-03", "09-04"]),
    ("FREQ=DAILY;INTERVAL=10;COUNT=5", ["09-02", "09-12", "09-22", "10-02", "10-12", None]),
    ("FREQ=WEEKLY;INTERVAL=2;WKST=SU", ["09-02", "09-16", "09-30", "10-14"]),
    (
        "FREQ=WEEKLY;INTERVAL=2;COUNT=8;WKST=SU;BYDAY=TU,TH",
        ["09-02", "09-04", "09-16", "09-18", "09-30", "10-02", "10-14", "10-16", None],
    ),
    ("FREQ=MONTHLY;COUNT=10;BYDAY=1FR", ["09-05", "10-03", "11-07", "12-05"]),
    (
        "FREQ=MONTHLY;INTERVAL=2;COUNT=10;BYDAY=1SU,-1SU",
        ["09-07", "09-28", "11-02", "11-30", "01-04", "01-25"],
    ),
    ("FREQ=MONTHLY;COUNT=6;BYDAY=-2MO", ["09-22", "10-20", "11-17", "12-22", "01-19", "02-16"]),
    ("FREQ=MONTHLY;BYMONTHDAY=-3", ["09-28", "10-29", "11-28", "12-29", "01-29", "02-26"]),
    ("FREQ=MONTHLY;COUNT=10;BYMONTHDAY=1,-1", ["09-30", "10-01", "10-31", "11-01"]),
    ("FREQ=MONTHLY;INTERVAL=18;COUNT=10;BYMONTHDAY=10,11", ["09-10", "09-11", "03-10", "03-11"]),
    ("FREQ=YEARLY;COUNT=10;BYMONTH=6,7", ["06-02", "07-02", "06-02", "07-02"]),
    ("FREQ=YEARLY;BYDAY=20MO", ["05-18", "05-17", "05-15"]),
    ("FREQ=YEARLY;BYMONTH=3;BYDAY=TH", ["03-05", "03-12", "03-19", "03-26", "03-04"]),
    ("FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13", ["02-13", "03-13", "11-13", "08-13", "10-13"]),
    ("FREQ=MONTHLY;BYDAY=SA;BYMONTHDAY=7,8,9,10,11,12,13", ["09-13", "10-11", "11-08"]),
    (
        "FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8",
        ["11-04", "11-06", "11-08"],
    ),
    ("FREQ=MONTHLY;COUNT=3;BYDAY=TU,WE,TH;BYSETPOS=3", ["09-04", "10-07", "11-06", None]),
    ("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2", ["09-29", "10-30", "11-27", "12-30"]),
    ("RRULE:FREQ=MONTHLY;BYMONTHDAY=15,30;COUNT=5", ["09-15", "09-30", "10-15", "10-30", "11-15"]),
]


@pytest.mark.parametrize(("text", "days"), EXAMPLES)
def test_examples_of_the_rfc(text: str, days: list[str | None]) -> None:
    ours = rule(text, datetime(1997, 9, 2, 9), "America/New_York")
    found = list(islice(occurrences(ours, utc("1990-01-01"), utc("2020-01-01")), len(days)))
    local = [f"{at - timedelta(hours=4):%m-%d}" for at in found]
    assert local + [None] * (len(days) - len(found)) == days


def test_the_week_s_start_decides_which_weeks_count() -> None:
    """The last example of the RFC."""
    for first, days in (("MO", [5, 10, 19, 24]), ("SU", [5, 17, 19, 31])):
        text = f"FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST={first}"
        found = occurrences(
            rule(text, datetime(1997, 8, 5, 9)), utc("1997-01-01"), utc("1998-01-01")
        )
        assert [at.day for at in found] == days


@pytest.mark.parametrize(
    ("until", "last"),
    [
        ("20260310", "2026-03-10 08:00"),  # that day is included
        ("20260310T090000", "2026-03-10 08:00"),  # by the clocks of Berlin
        ("20260310T085959", "2026-03-09 08:00"),
        ("20260310T080000Z", "2026-03-10 08:00"),
        ("20260310T075959Z", "2026-03-09 08:00"),
        ("20260329T023000", "2026-03-28 08:00"),  # skipped: the end of the gap
    ],
)
def test_until(until: str, last: str) -> None:
    ours = rule(f"FREQ=DAILY;UNTIL={until}", datetime(2026, 3, 1, 9), "Europe/Berlin")
    found = list(occurrences(ours, utc("2026-01-01"), utc("2027-01-01")))
    assert found[0] == utc("2026-03-01 08:00") and found[-1] == utc(last)
    assert next_run(ours, utc(last)) is None and ours.ends_by_rule
    assert count_runs(ours, utc("2026-01-01"), utc("2027-01-01")) == len(found)


def test_whichever_end_comes_first() -> None:
    start = datetime(2026, 3, 1, 9)
    by_rule = rule("FREQ=DAILY;COUNT=3", start, end_time=utc("2026-03-05"))
    assert by_rule.last == utc("2026-03-03 09:00") and by_rule.ends_by_rule
    by_time = rule("FREQ=DAILY;COUNT=30", start, end_time=utc("2026-03-05"))
    assert by_time.last == utc("2026-03-05") and not by_time.ends_by_rule
    assert len(list(occurrences(by_time, utc("2026-01-01"), utc("2027-01-01")))) == 4


def test_a_rule_begins_at_an_instant_s_wall_time() -> None:
    """And with its seconds."""
    start = utc("2026-01-05 14:00:07")  # a Monday, 09:00:07 there
    ours = Recurrence(
        frequency=Frequency.RRULE,
        rrule="FREQ=WEEKLY;INTERVAL=2",
        start_time=start,
        timezone="America/New_York",
    )
    found = list(islice(occurrences(ours, utc("2026-01-01"), utc("2027-01-01")), 6))
    assert found[0] == start
    assert found[-1] == utc("2026-03-16 13:00:07")
    local = rule("FREQ=WEEKLY;INTERVAL=2", datetime(2026, 1, 5, 9, 0, 7), "America/New_York")
    assert found == list(islice(occurrences(local, utc("2026-01-01"), utc("2027-01-01")), 6))


WRONG = [
    ("", "give a rule, such as FREQ=WEEKLY"),
    ("   ", "give a rule"),
    ("INTERVAL=2", "give FREQ, one of YEARLY, MONTHLY"),
    ("FREQ=FORTNIGHTLY", "FREQ 'FORTNIGHTLY' is none of YEARLY"),
    ("FREQ=SECONDLY", "use frequency 'interval'"),
    ("FREQ=DAILY;FREQ=DAILY", "FREQ is given twice"),
    ("FREQ=DAILY;INTERVAL", "INTERVAL has no value"),
    ("FREQ=DAILY;INTERVAL=0", "INTERVAL '0' is no whole number from 1 to 10000"),
    ("FREQ=DAILY;INTERVAL=1.5", "INTERVAL '1.5' is no whole number"),
    ("FREQ=DAILY;INTERVAL=99999", "from 1 to 10000"),
    ("FREQ=DAILY;COUNT=0", "COUNT '0' is no whole number from 1 to 10000"),
    ("FREQ=DAILY;COUNT=10001", "from 1 to 10000"),
    ("FREQ=DAILY;COUNT=5;UNTIL=20301231", "COUNT or UNTIL, not both"),
    ("FREQ=DAILY;UNTIL=tomorrow", "UNTIL 'TOMORROW' is no date such as 20301231"),
    ("FREQ=DAILY;UNTIL=20300231", "UNTIL '20300231' is no date"),
    ("FREQ=DAILY;UNTIL=20301231T250000", "no time such as"),
    ("FREQ=DAILY;UNTIL=99990101", "1900 to 9000"),
    ("FREQ=WEEKLY;BYDAY=XX", "BYDAY 'XX' is none of MO, TU"),
    ("FREQ=WEEKLY;BYDAY=1MO", "BYDAY takes numbers with YEARLY and MONTHLY only, not with WEEKLY"),
    ("FREQ=MONTHLY;BYDAY=0MO", "BYDAY '0MO'"),
    ("FREQ=MONTHLY;BYDAY=6MO", "no month has a day number 6; the largest is 5"),
    ("FREQ=YEARLY;BYDAY=54MO", "BYDAY '54MO'"),
    ("FREQ=YEARLY;BYMONTH=2;BYDAY=20MO", "the largest is 5"),
    ("FREQ=WEEKLY;BYMONTHDAY=5", "BYMONTHDAY cannot stand with WEEKLY"),
    ("FREQ=MONTHLY;BYMONTHDAY=0", "BYMONTHDAY '0' .* 1 to 31, or -31 to -1 from the end"),
    ("FREQ=MONTHLY;BYMONTHDAY=32", "BYMONTHDAY '32'"),
    ("FREQ=YEARLY;BYMONTH=13", "BYMONTH '13' is no whole number from 1 to 12"),
    ("FREQ=DAILY;BYHOUR=24", "BYHOUR '24' is no whole number from 0 to 23"),
    ("FREQ=DAILY;BYMINUTE=60", "from 0 to 59"),
    ("FREQ=DAILY;BYHOUR=9,", "BYHOUR ''"),
    ("FREQ=DAILY;BYSETPOS=1", "BYSETPOS needs another BY... part"),
    ("FREQ=MINUTELY;BYHOUR=9;BYSETPOS=2", "BYSETPOS picks from one time"),
    ("FREQ=DAILY;WKST=1", "WKST '1' is none of MO"),
    ("FREQ=DAILY;BYSECOND=5", "BYSECOND is not supported; a rule takes FREQ, INTERVAL"),
    ("FREQ=YEARLY;BYWEEKNO=5", "BYWEEKNO is not supported"),
    ("FREQ=YEARLY;BYEASTER=5", "'BYEASTER' is no part of a rule"),
    ("DTSTART:20260101T090000\nRRULE:FREQ=DAILY", "one rule and nothing else; its start is start_"),
    ("FREQ=DAILY\nEXDATE:20260101", "one rule and nothing else"),
    ("FREQ=DAILY;BYHOUR=९", "ASCII"),
    ("FREQ=DAILY;BYHOUR=" + "9," * 300 + "9", "at most 500 characters"),
    ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "BYMONTHDAY never comes .* latest day there is 29"),
    ("FREQ=YEARLY;BYMONTH=4,6;BYMONTHDAY=31", "the latest day there is 30"),
    (
        "FREQ=HOURLY;INTERVAL=24;BYHOUR=5",
        "never comes within 400 years of its start, 2026-03-01 09",
    ),
    ("FREQ=HOURLY;INTERVAL=168;BYDAY=MO", "never comes"),
    ("FREQ=MINUTELY;INTERVAL=1440;BYMINUTE=5", "never comes"),
    ("FREQ=DAILY;INTERVAL=7;BYDAY=MO", "never comes"),
    ("FREQ=MONTHLY;INTERVAL=12;BYMONTH=4", "never comes"),
    ("FREQ=MONTHLY;BYDAY=MO;BYSETPOS=9", "never comes"),
    ("FREQ=YEARLY;COUNT=1000", "COUNT is reached in more than 400 years; give a smaller one"),
]


@pytest.mark.parametrize(("text", "words"), WRONG)
def test_a_wrong_rule_is_refused_in_little_time(text: str, words: str) -> None:
    began = thread_time()
    with pytest.raises(InvalidRecurrence, match=words) as caught:
        Recurrence(frequency=Frequency.RRULE, rrule=text, start_time=utc("2026-03-01 09:00"))
    assert caught.value.field == "rrule" and len(caught.value.message) < 400
    assert thread_time() - began < 5.0  # a search through 400 years, on a busy machine


@settings(max_examples=500, deadline=None)
@given(st.text(max_size=40) | st.text(alphabet="FREQ=DAILYWK;BYHO,1-+2MTU0", max_size=60))
def test_any_text_as_a_rule(text: str) -> None:
    for tried in (text, f"FREQ=DAILY;{text}"):
        try:
            ours = Recurrence(
                frequency=Frequency.RRULE, rrule=tried, start_time=utc("2026-03-01 09:00")
            )
        except InvalidRecurrence as error:
            assert error.field == "rrule" and len(error.message) < 400
        else:
            assert next_run(ours, utc("2026-01-01")) is not None


@pytest.mark.parametrize(
    ("text", "within"),
    [
        ("FREQ=DAILY", timedelta(days=1)),
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,TH", timedelta(days=14)),
        ("FREQ=MONTHLY;INTERVAL=7;BYDAY=-1FR", timedelta(days=220)),
        ("FREQ=MINUTELY;INTERVAL=7", timedelta(minutes=7)),
        ("FREQ=DAILY;COUNT=10000", timedelta(days=1)),
        ("FREQ=MINUTELY;INTERVAL=10000;COUNT=10000", timedelta(days=7)),
    ],
)
def test_a_start_long_ago_costs_nothing(text: str, within: timedelta) -> None:
    start = datetime(1999, 1, 5, 9) if "COUNT" not in text else datetime(2025, 1, 5, 9)
    ours = rule(text, start, "Europe/Berlin")
    at = utc("2026-03-01 12:00")
    assert next_run(ours, at) is not None
    began = thread_time()
    for _ in range(100):
        found = next_run(ours, at)
        assert found is not None and found - at <= within
        at = found
    assert thread_time() - began < 1.0  # walking from the start takes hours
