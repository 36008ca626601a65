"""Files that somebody else wrote: a calendar that is imported (RFC 5545), and schedules as code
(YAML). Whatever they hold, they are refused with what is wrong, soon, or mean little."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

import pytest

from belfry.code import reading
from belfry.problems import Exit, Failure
from shared.calendars.ics import MOST_BYTES, Span, imported
from shared.errors import Invalid
from tests.integration.attacks.bounded import cheap
from tests.unit.calendars.test_ics import ics

SPAN = Span(date(2026, 1, 1), date(2031, 12, 31))
DAY = "DTSTART;VALUE=DATE:20260105"
HOUR = "DTSTART:20260105T080000Z|DURATION:PT1H"
OLD = "DTSTART;VALUE=DATE:19000101"
DAYS = [f"{date(2026, 1, 1) + timedelta(number):%Y%m%d}" for number in range(1900)]
NESTED = "BEGIN:X\r\n" * 40_000 + "END:X\r\n" * 40_000

RULES: Sequence[tuple[str, str, str]] = [
    ("days without an end", ics(f"{DAY}|RRULE:FREQ=DAILY"), "more than 2000 days"),
    ("hours without an end", ics(f"{HOUR}|RRULE:FREQ=DAILY"), "spans of time"),
    ("a second without an end", ics(f"{HOUR}|RRULE:FREQ=SECONDLY"), "within a day"),
    ("seconds of a day", ics(f"{HOUR}|RRULE:FREQ=DAILY;BYSECOND=0,1,2"), "within a day"),
    ("minutes of a year", ics(f"{HOUR}|RRULE:FREQ=YEARLY;BYMINUTE=0,1,2"), "within a day"),
    ("a rule that never comes", ics(f"{DAY}|RRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30"), "never"),
    (
        "a rule that comes in centuries",
        ics("DTSTART;VALUE=DATE:20260105|RRULE:FREQ=YEARLY;INTERVAL=10000"),
        "",
    ),
    ("a count beyond all", ics(f"{DAY}|RRULE:FREQ=DAILY;COUNT=999999999"), "COUNT"),
    ("an interval beyond all", ics(f"{DAY}|RRULE:FREQ=DAILY;INTERVAL={'9' * 4000}"), "INTERVAL"),
    ("weeks of 300 days", ics(*[f"{OLD}|RRULE:FREQ=WEEKLY|DURATION:P300D"] * 400), "recur more"),
    ("5,000 rules", ics(*[f"{OLD}|RRULE:FREQ=YEARLY"] * 5000), "500 can be"),
    ("30,000 rules of one event", ics("|".join([DAY, *["RRULE:FREQ=YEARLY"] * 30_000])), "500 can"),
    (
        "rules that pick from years",
        ics(*[f"{OLD}|RRULE:FREQ=YEARLY;BYDAY=MO,TU;BYSETPOS={1 + n % 99}" for n in range(500)]),
        "",
    ),
    ("a rule of 600,000 letters", ics(f"{DAY}|RRULE:FREQ=YEARLY;BYDAY={'1MO,' * 150_000}1MO"), ""),
    (
        "rules whose times are all changed",
        ics(
            *[f"UID:a|DTSTART;VALUE=DATE:{day}|RECURRENCE-ID;VALUE=DATE:{day}" for day in DAYS],
            *[f"UID:a|{DAY}|RRULE:FREQ=DAILY;UNTIL=20310301"] * 400,
        ),
        "recur more",
    ),
    ("a flood of dates", ics(f"{DAY}|RDATE;VALUE=DATE:{','.join(DAYS * 50)}"), "recur more"),
    ("a flood of lines of dates", ics("|".join([DAY, *["RDATE:20260105"] * 45_000])), ""),
    (
        "a flood of periods",
        ics(f"{DAY}|RDATE;VALUE=PERIOD:{'20260105T000000Z/P1D,' * 40_000}20260105T000000Z/P1D"),
        "",
    ),
    (
        "a flood of exceptions",
        ics(f"{DAY}|RRULE:FREQ=WEEKLY|EXDATE;VALUE=DATE:{','.join(DAYS * 50)}"),
        "",
    ),
    ("a length of 800,000 digits", ics(f"{DAY}|DURATION:P{'9' * 800_000}D"), "cannot be read"),
    ("a length of centuries", ics(f"{DAY}|DURATION:P99999999W"), "cannot be read"),
    ("a time of 800,000 digits", ics(f"DTSTART:{'2' * 800_000}"), "cannot be read"),
    (
        "a zone of 800,000 letters",
        ics(f"DTSTART;TZID={'a' * 800_000}:20260105T090000"),
        "the name of a zone is too long",
    ),
    ("a zone that is a path", ics("DTSTART;TZID=../../etc/passwd:20260105T090000"), "no zone"),
    (
        "a zone that never ends",
        ics(DAY).replace(
            "BEGIN:VEVENT",
            "BEGIN:VTIMEZONE\r\nTZID:E\r\nBEGIN:STANDARD\r\nDTSTART:19000101T000000\r\n"
            "RRULE:FREQ=SECONDLY\r\nTZOFFSETFROM:+0000\r\nTZOFFSETTO:+0000\r\nEND:STANDARD\r\n"
            "END:VTIMEZONE\r\nBEGIN:VEVENT",
        ),
        "",
    ),
    ("5,001 events", ics(*[DAY] * 5001), "5000 can be"),
    ("events in events", ics("|".join(["BEGIN:VEVENT"] * 4000)), ""),
    ("parts in parts", ics(DAY).replace("BEGIN:VEVENT", f"{NESTED}BEGIN:VEVENT"), ""),
    ("calendars in calendars", "BEGIN:VCALENDAR\r\n" * 5000, ""),
    ("150,000 lines", "BEGIN:VCALENDAR\r\n" + "X:y\r\n" * 150_000, "lines"),
    ("a million bytes", "BEGIN:VCALENDAR\r\n" + "x" * MOST_BYTES, "bytes"),
    ("200,000 folds", ics(f"{DAY}|SUMMARY:" + "\r\n a" * 200_000), ""),
    ("200,000 parameters", ics(f"{DAY}|X-A{';A=B' * 200_000}:1"), ""),
    ("400,000 commas", ics(f"{DAY}|CATEGORIES:{',' * 400_000}"), ""),
    ("800,000 backslashes", ics(f"{DAY}|SUMMARY:" + "\\" * 800_000), ""),
    ("300,000 quotes", ics(f'{DAY}|X-A;A="' + '"' * 300_000 + ":1"), ""),
]


@pytest.mark.parametrize(("name", "text", "says"), RULES, ids=[name for name, _, _ in RULES])
def test_a_calendar_costs_little_and_closes_little(name: str, text: str, says: str) -> None:
    """Without `says`: it may be taken, or not."""
    with cheap():
        try:
            found = imported(text, "Europe/Berlin", SPAN)
        except Invalid as error:
            assert error.field == "ics" and says in error.message
            assert len(error.message) < 500 and "zoneinfo" not in error.message
        else:
            assert says == "" and len(found.days) + len(found.blackouts) <= 2000


def _laughs(levels: int) -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, levels)]
    return "\n".join(lines)


YAML: Sequence[tuple[str, str, str]] = [
    ("a billion laughs", _laughs(10), "aliases"),
    ("laughs in keys", "? &a [x, x]\n: *a\n", "aliases"),
    ("an alias of itself", "&a [*a]\n", "aliases"),
    ("an alias of nothing", "b: *a\n", "aliases"),
    ("an anchor alone", "a: &a 1\n", "aliases"),
    ("a merge", "x: &a {b: 1}\ny:\n  <<: *a\n", "aliases"),
    ("a merge of what stands there", "y:\n  <<: {b: 1}\n  b: 2\n", ""),
    ("code", "a: !!python/object/apply:os.system [id]\n", "the tag"),
    ("a module", "a: !!python/module:os\n", "the tag"),
    ("bytes", "a: !!binary aGk=\n", "the tag"),
    ("a tag of its own", "a: !own 1\n", "the tag"),
    ("a tag by a name", "%TAG ! tag:yaml.org,2002:python/\n---\na: !name:os.system x\n", "the tag"),
    ("31 lists in each other", f"a: {'[' * 31}{']' * 31}", "stand in each other"),
    ("100,000 open lists", f"a: {'[' * 100_000}", "stand in each other"),
    ("100,000 open objects", f"a: {'{a: ' * 100_000}", "stand in each other"),
    ("100,000 dashes", "- " * 100_000, "stand in each other"),
    ("100,000 questions", "? " * 100_000, "stand in each other"),
    ("a number of 5,000 digits", f"a: {'9' * 5000}\n", "too large"),
    ("a number beyond all", "a: 1.0e+999\n", "too large"),
    ("sixty to sixty", "a: 1:00:00:00:00:00:00:00:00:00\n", ""),
    ("a key of 900,000 letters", f"{'a' * 900_000}: 1\n", ""),
    ("900,000 spaces", f"a:{' ' * 900_000}b\n", ""),
    ("a text that does not end", f'a: "{"x" * 900_000}', "not YAML"),
    ("two documents", "a: 1\n---\na: 1\n", "not YAML"),
    ("another version", "%YAML 9.9\n---\na: 1\n", "not YAML"),
    ("a null character", "a: \0\n", "a character that YAML has not"),
    ("too much", f"# {'x' * reading.LARGEST}", "split it"),
]


@pytest.mark.parametrize(("name", "text", "says"), YAML, ids=[name for name, _, _ in YAML])
def test_schedules_as_code_cost_little(tmp_path: Path, name: str, text: str, says: str) -> None:
    path = tmp_path / "belfry.yaml"
    path.write_text(text)
    with cheap():
        try:
            reading.read(path)
        except Failure as failure:
            assert failure.code is Exit.WRONG
            assert says in failure.text and len(failure.text) < 500 + len(str(path))
        else:
            assert says == ""
