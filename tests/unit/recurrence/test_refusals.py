"""A wrong recurrence is refused with the field at fault, and a message that says what is right."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.errors import Invalid
from shared.recurrence import Frequency, InvalidRecurrence, Recurrence, next_run
from tests.unit.recurrence.reference import utc
from tests.unit.recurrence.strategies import expressions

NINE = utc("2026-01-05 09:00")
NO_ZONES = {
    "localtime",
    "Factory",
    "posixrules",
    "leapseconds",
    "tzdata.zi",
    "zone.tab",
    "posix/UTC",
    "right/UTC",
}
"""Files of the tz database."""
FIELDS = {
    "frequency",
    "timezone",
    "cron_expression",
    "interval_seconds",
    "start_time",
    "end_time",
}


def refusal(**fields: Any) -> InvalidRecurrence:
    with pytest.raises(InvalidRecurrence) as caught:
        Recurrence(**fields)
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, Invalid)
    assert str(caught.value) == f"{caught.value.field}: {caught.value.message}"
    return caught.value


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("", "five fields: minute, hour, day of month, month, day of week"),
        ("   ", "five fields"),
        ("0 0 3 * * *", "six fields; Belfry takes five: minute, hour, .*; drop the seconds"),
        ("0 0 3 * * * 2030", "7 fields; Belfry takes five"),
        ("0 3 * *", "4 fields; Belfry takes five"),
        ("daily", "one field; Belfry takes five"),
        ("@reboot", "'@reboot' is none of @hourly, @daily, .*, @annually; or give five fields"),
        ("@daily 5", "'@daily' is none of"),
        ("60 * * * *", "minute '60': 60 is out of range; the minute is 0-59"),
        ("0 24 * * *", "hour '24': 24 is out of range; the hour is 0-23"),
        ("0 0 0 * *", "day of month '0': 0 is out of range; the day of month is 1-31"),
        ("0 0 * 13 *", "month '13': 13 is out of range; the month is 1-12 or JAN-DEC"),
        ("0 0 * * 8", "day of week '8': 8 is out of range; the day of week is 0-6 or SUN-SAT"),
        ("0 0 * * FRIDAY", "day of week 'friday': the day of week is 0-6 or SUN-SAT"),
        ("0 0 * * 1#6", "day of week '1#6'"),
        ("*/0 * * * *", "minute '\\*/0'"),
        ("-5 * * * *", "minute '-5'"),
        ("? * * * *", "minute '\\?'"),
        ("1,,2 * * * *", "minute '1,,2'"),
        ("0 0 31 2 *", "day of month '31' in month '2' never occurs; the latest day there is 29"),
        ("0 0 31 4,JUN *", "'31' in month '4,jun' never occurs; the latest day there is 30"),
        ("5-5 * * * *", "minute '5-5': .* write '5' for that one, '\\*' for all"),
        ("0 0 * * 7-0", "day of week '7-0': .* itself"),
        ("0 22-6/3 * * *", "hour '22-6/3': a step over a range that wraps around; .* list"),
        ("R * * * *", "minute 'r': .* random"),
        ("0 H(0-7) * * *", "hour 'h\\(0-7\\)': .* random"),
        ("0 0 W15 * *", "day of month 'w15': write '15W' for the weekday nearest to the 15th"),
        ("0 0 32W * *", "day of month '32w': write '15W'"),
        ("0 0 1-15W * *", "day of month '1-15w': write '15W'"),
        ("0 0 15W,WL * *", "day of month 'wl': .* 'LW' for the last of the month"),
        ("0 0 31W 2,4 *", "'31w' in month '2,4' never occurs; the latest day there is 30"),
        ("0 0 L-0 * *", "day of month 'l-0': write 'L-1' for the day before the last one"),
        ("0 0 L-31 * *", "day of month 'l-31': .* up to 'L-30'"),
        ("0 0 L-29 2 *", "'l-29' in month '2' never occurs"),
        ("0 0 * * 8L", "day of week '8l': 8 is out of range"),
        ("0 0 * * L", "day of week 'l'"),
        ("0 0 * * 5#0", "day of week '5#0'"),
        ("0 0 * * 1#2,MON#6", "day of week '1#2,mon#6': .* or as 5L or 5#2"),
        ("0 0 * * 7/2", "day of week '7/2': write Sunday as 0"),
        ("*/99 * * * *", "minute '\\*/99': a step of 99 .* 59, and 60 means once an hour$"),
        ("*/61 * * * *", "the largest that does is 59, and 60 means once an hour$"),
        ("*/1000 * * * *", "minute '\\*/1000': a step of 1000 .* 59, and 60 means once an hour$"),
        ("0 */25 * * *", "hour '\\*/25': a step of 25 .* 23, and 24 means once a day$"),
        ("0 0 */32 * *", "day of month '\\*/32': .* 30, and 31 means once a month$"),
        ("0 0 1 */13 *", "month '\\*/13': .* 11, and 12 means once a year$"),
        ("0 0 * * */8", "day of week '\\*/8': .* 6, and 7 means once a week$"),
        ("5/99 * * * *", "minute '5/99': .* 54, and 60 means once an hour$"),
        ("30/45 * * * *", "minute '30/45': .* 29, and 60 means once an hour$"),
        ("0-10/11 * * * *", "minute '0-10/11': .* 10, and 60 means once an hour$"),
        ("0 9-17/9 * * *", "hour '9-17/9': .* 8, and 24 means once a day$"),
        ("59/2 * * * *", "minute '59/2': .* write '59' for that one, and 60 means once an hour$"),
        ("0 0 * * mon-fri/5", "day of week 'mon-fri/5': .* 4, and 7 means once a week$"),
        ("0 0 1 jan-mar/3 *", "month 'jan-mar/3': .* 2, and 12 means once a year$"),
        ("0 0 1-L/40 * *", "day of month '1-l/40': .* 30, and 31 means once a month$"),
        ("0 0 * * 0-7/8", "day of week '0-7/8': .* 6, and 7 means once a week$"),
        ("1,*/99 * * * *", "minute '\\*/99': a step of 99"),
        ("*/99 0 L * *", "minute '\\*/99': a step of 99"),
        ("0 ३ * * *", "ASCII"),
        ("1," * 300 + "1 * * * *", "at most 500 characters"),
        (5, "text with five fields"),
        (None, "'cron' needs one"),
    ],
)
def test_expressions(expression: Any, words: str) -> None:
    error = refusal(frequency=Frequency.CRON, cron_expression=expression)
    assert error.field == "cron_expression"
    assert re.search(words, error.message), error.message


@pytest.mark.parametrize(
    "expression",
    [
        "*/60 * * * *",  # once an hour, as it says; so are the next ones
        "30/60 * * * *",
        "0-59/60 * * * *",
        "0 */24 * * *",
        "0 9-17/24 * * *",
        "0 0 */31 * *",
        "0 0 1 */12 *",
        "0 0 * * */7",
        "*/59 * * * *",  # uneven, and what crontab(5) says
        "*/45 * * * *",
        "5/54 * * * *",
        "0-10/10 * * * *",
        "0 0 * * 1-7/6",
        "0 0 * * 0-7/7",
        "0 0 25-L/3 * *",
        "*/1 * * * *",
    ],
)
def test_a_step_that_is_taken_or_is_a_whole_round_is_no_mistake(expression: str) -> None:
    assert Recurrence(frequency=Frequency.CRON, cron_expression=expression).cron is not None


@settings(max_examples=800, deadline=None)
@given(expressions())
def test_the_largest_step_that_a_refusal_names_is_taken(expression: str) -> None:
    for _ in range(20):  # at most as many steps as there are parts
        try:
            Recurrence(frequency=Frequency.CRON, cron_expression=expression)
        except InvalidRecurrence as error:
            wrong = re.search(r"'(\S+)/(\d+)': a step .* (?:is|write) '?(\w+)", error.message)
            if wrong is None:
                return  # it is refused for something else
            part, step, right = wrong.groups()
            single = "write" in error.message
            meant = right if single else f"{part}/{right}"
            one = re.compile(rf"(?<![^ ,]){re.escape(part)}/{step}(?![^ ,])", re.IGNORECASE)
            assert one.search(expression)
            expression = one.sub(meant, expression)
        else:
            return
    pytest.fail(f"still refused: {expression}")


def test_what_is_stored_can_be_read_though_it_would_be_refused_now() -> None:
    often = Recurrence(frequency=Frequency.CRON, cron_expression="*/99 * * * *", stored=True)
    assert next_run(often, NINE) == NINE + timedelta(hours=1)
    with pytest.raises(InvalidRecurrence):
        replace(often, timezone="Europe/Berlin")
    with pytest.raises(InvalidRecurrence):
        Recurrence(frequency=Frequency.CRON, cron_expression="61 * * * *", stored=True)


@pytest.mark.parametrize(
    ("zone", "words"),
    [
        ("Europe/Berln", "no zone 'Europe/Berln'; did you mean Europe/Berlin\\?"),
        ("america/new_york", "did you mean America/New_York\\?"),
        ("America/New York", "did you mean America/New_York\\?"),
        ("Tokyo", "did you mean Asia/Tokyo\\?"),
        ("PST", "no zone 'PST'; an IANA name is such as Europe/Berlin"),
        ("", "name of an IANA zone"),
        (None, "name of an IANA zone"),
        (["UTC"], "name of an IANA zone"),
        ("America", "no zone 'America'"),
        ("../../etc/passwd", "no zone"),
        ("/etc/passwd", "no zone"),
        ("a\0b", "no zone"),
        ("x" * 5000, "no zone 'x{60}'"),
        (
            "localtime",
            "no zone 'localtime': it is whatever a machine is set to; give .*Berlin or UTC$",
        ),
        ("LocalTime", "no zone 'LocalTime': it is whatever a machine is set to"),
        ("Factory", "no zone 'Factory': it stands for a clock that nobody has set; give the IANA"),
        ("posixrules", "no zone 'posixrules': it is a file of the tz database; give the IANA name"),
        ("leapseconds", "no zone 'leapseconds'; an IANA name is such as"),
        ("Etc/Localtime", "no zone 'Etc/Localtime'; an IANA name is such as"),
        ("posix/Europe/Berlin", "did you mean Europe/Berlin\\?"),
        ("right/UTC", "no zone 'right/UTC'; did you mean UTC\\?"),
        ("right/Factory", "no zone 'right/Factory'; an IANA name is such as"),
        ("europe/berlin", "no zone 'europe/berlin'; did you mean Europe/Berlin\\?"),
        ("US/pacific", "no zone 'US/pacific'; did you mean US/Pacific\\?"),
        ("utc", "no zone 'utc'; did you mean UTC\\?"),
        ("etc/gmt+2", "no zone 'etc/gmt\\+2'; did you mean Etc/GMT\\+2\\?"),
        ("+02:00", "that is an offset; give a place.*, or Etc/GMT-2, which is always UTC\\+2"),
        ("UTC+2", "an offset; give a place.*, or Etc/GMT-2, which is always UTC\\+2"),
        ("GMT-0800", "an offset; give a place.*, or Etc/GMT\\+8, which is always UTC-8"),
        ("utc+5:30", "that is an offset; give a place, such as Europe/Berlin$"),
        ("UTC+15", "that is an offset; give a place, such as Europe/Berlin$"),
        ("gmt+0", "an offset; give a place.*, or UTC$"),
    ],
)
def test_zones(zone: Any, words: str) -> None:
    error = refusal(frequency=Frequency.DAILY, timezone=zone)
    assert error.field == "timezone"
    assert re.search(words, error.message), error.message


def test_the_zones_are_those_of_the_tz_database_with_its_links() -> None:
    for name in available_timezones() - NO_ZONES:
        assert Recurrence(frequency=Frequency.DAILY, timezone=name).timezone == name
    assert {"US/Pacific", "Europe/Kiev", "EST5EDT", "Etc/GMT+2"} <= available_timezones()
    for name in NO_ZONES:
        assert refusal(frequency=Frequency.DAILY, timezone=name).field == "timezone"


@settings(max_examples=400, deadline=None)
@given(st.sampled_from([*sorted(available_timezones()), *NO_ZONES]), st.data())
def test_a_suggestion_is_a_zone(name: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(name)))
    text = data.draw(st.sampled_from([name, name.upper(), name[:at] + name[at + 1 :], name[:at]]))
    try:
        Recurrence(frequency=Frequency.DAILY, timezone=text)
    except InvalidRecurrence as error:
        for meant in re.findall(r"did you mean (.+)\?|or (Etc/\S+|UTC)", error.message):
            assert Recurrence(frequency=Frequency.DAILY, timezone=meant[0] or meant[1])


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        (
            {"frequency": "fortnightly"},
            "frequency",
            "'fortnightly' is none of: once, hourly, daily",
        ),
        ({"frequency": None}, "frequency", "none of"),
        ({"frequency": Frequency.ONCE}, "start_time", "'once' needs"),
        (
            {"frequency": Frequency.DAILY, "cron_expression": "0 0 * * *"},
            "cron_expression",
            "'daily' takes none",
        ),
        (
            {"frequency": Frequency.DAILY, "interval_seconds": 60},
            "interval_seconds",
            "'daily' takes none",
        ),
        ({"frequency": Frequency.INTERVAL}, "interval_seconds", "whole number of seconds, 1 to"),
        ({"frequency": Frequency.INTERVAL, "interval_seconds": 0}, "interval_seconds", "1 to"),
        ({"frequency": Frequency.INTERVAL, "interval_seconds": 1.5}, "interval_seconds", "whole"),
        ({"frequency": Frequency.INTERVAL, "interval_seconds": True}, "interval_seconds", "whole"),
        ({"frequency": Frequency.INTERVAL, "interval_seconds": 10**30}, "interval_seconds", "1 to"),
        (
            {"frequency": Frequency.DAILY, "start_time": datetime(2026, 1, 1)},
            "start_time",
            "with its offset",
        ),
        (
            {"frequency": Frequency.DAILY, "end_time": datetime(2026, 1, 1)},
            "end_time",
            "with its offset",
        ),
        ({"frequency": Frequency.DAILY, "end_time": "2026-01-01"}, "end_time", "with its offset"),
        (
            {"frequency": Frequency.DAILY, "start_time": datetime.max.replace(tzinfo=UTC)},
            "start_time",
            "1900 to 9000",
        ),
        (
            {"frequency": Frequency.DAILY, "start_time": NINE, "end_time": NINE},
            "end_time",
            "later than start_time",
        ),
        (
            {
                "frequency": Frequency.DAILY,
                "start_time": NINE,
                "end_time": NINE - timedelta(seconds=1),
            },
            "end_time",
            "later than start_time",
        ),
    ],
)
def test_other_fields(fields: dict[str, Any], field: str, words: str) -> None:
    error = refusal(**fields)
    assert error.field == field
    assert re.search(words, error.message), error.message


def accepted_or_refused(field: str, **fields: Any) -> None:
    try:
        rule = Recurrence(**fields)
    except InvalidRecurrence as error:
        assert error.field == field
        assert error.message
        assert len(error.message) < 400
    else:
        found = next_run(rule, NINE)
        assert found is None or found > NINE


CRONLIKE = st.text(alphabet="0123456789*/-,#?lLwWhHrRsunmoja @()", max_size=12)


@settings(max_examples=800, deadline=None)
@given(st.text(max_size=40) | st.lists(CRONLIKE, min_size=5, max_size=5).map(" ".join))
def test_any_text_as_an_expression(text: str) -> None:
    accepted_or_refused("cron_expression", frequency=Frequency.CRON, cron_expression=text)


@settings(max_examples=600, deadline=None)
@given(expressions(), st.integers(0, 4), CRONLIKE)
def test_one_field_gone_wrong(expression: str, index: int, text: str) -> None:
    fields = expression.split()
    fields[index] = text or "*"
    accepted_or_refused(
        "cron_expression", frequency=Frequency.CRON, cron_expression=" ".join(fields)
    )


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=30) | st.sampled_from(["Europe", "UTC", "Etc/GMT+3"]).map(str))
def test_any_text_as_a_zone(text: str) -> None:
    accepted_or_refused("timezone", frequency=Frequency.DAILY, timezone=text)
