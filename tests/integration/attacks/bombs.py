"""Requests that are small to send and would be large to answer, and bodies that no JSON should be:
each is refused, or answered at once."""

from __future__ import annotations

import json
from typing import Any

from tests.integration.attacks.attack import Attack
from tests.integration.attacks.others import AUDIT, CALENDARS, JOBS, SCHEDULES
from tests.integration.attacks.world import SCHEDULE

PREVIEW = f"POST {SCHEDULES}/preview"
_LIST = ",".join(map(str, range(60)))
_HOURS = ",".join(map(str, range(24)))


def _raw(**parts: str) -> bytes:
    """A schedule, with parts that are written as they are."""
    written = {name: json.dumps(value) for name, value in SCHEDULE.items()} | parts
    return ("{" + ",".join(f'"{name}":{value}' for name, value in written.items()) + "}").encode()


def _body(name: str, body: bytes, says: str, status: int = 422, **headers: str) -> Attack:
    sent = {one.replace("_", "-"): value for one, value in headers.items()}
    return Attack(name, f"POST {SCHEDULES}", status, says, body, sent)


def _when(name: str, says: str, status: int = 422, count: int = 100, **fields: Any) -> Attack:
    """A recurrence, as a preview is asked for: it is computed as at a creation, and shown."""
    query = f"{PREVIEW}?count={count}"
    return Attack(name, query, status, says, {**SCHEDULE, **fields})


def _rule(name: str, rule: str, says: str, status: int = 422, **fields: Any) -> Attack:
    when = {"frequency": "rrule", "rrule": rule, "start_time": "2026-03-02T09:00:00Z"}
    return _when(name, says, status, **(when | fields))


def _cron(name: str, says: str, status: int = 422, **fields: Any) -> Attack:
    return _when(name, says, status, frequency="cron", **fields)


BODIES = [
    _body("a million lists", b"[" * 1_000_000, "too many lists", 400),
    _body("a million objects", b'{"a":' * 190_000, "too many lists", 400),
    _body("lists in parameters", _raw(task_parameters='{"a":' + "[" * 500 + "]" * 500 + "}"),
          "more than 100 lists"),
    _body("lists too deep", _raw(task_parameters="[" * 400_000 + "]" * 400_000), "too many", 400),
    _body("an integer of 5,000 digits", _raw(interval_seconds="9" * 5000), "4,300 digits", 400),
    _body("an integer of 4,000 digits", _raw(interval_seconds="9" * 4000), "interval_seconds"),
    _body("an integer in a parameter", _raw(task_parameters='{"a":' + "9" * 4000 + "}"), "a:"),
    _body("a number beyond all", _raw(max_runs="1e400"), "max_runs"),
    _body("NaN", _raw(max_runs="NaN"), "max_runs"),
    _body("Infinity", _raw(task_parameters='{"a": Infinity}'), "task_parameters"),
    _body("minus zero", _raw(max_runs="-0"), "max_runs"),
    _body("a fraction", _raw(max_runs="1.5"), "max_runs"),
    _body("true as a number", _raw(max_runs="true"), "max_runs"),
    _body("half a surrogate pair", _raw(name='"\\ud800"'), "half of a surrogate pair"),
    _body("half a pair in a name", _raw(tags='{"\\udfff": "x"}'), "half of a surrogate pair"),
    _body("a null character", _raw(name='"a\\u0000b"'), "null character"),
    _body("a null character in a tag", _raw(tags='{"a\\u0000": "x"}'), "null character"),
    _body("a line break in a name", _raw(name='"a\\nX-Injected: 1"'), "control character"),
    _body("colors of a terminal", _raw(name='"\\u001b[31mred"'), "control character"),
    _body("a name of 900,000 letters", _raw(name='"' + "a" * 900_000 + '"'), "200"),
    _body("a field of 900,000 letters", b'{"' + b"a" * 900_000 + b'": 1}', "name"),
    _body("9,000 fields", json.dumps({f"f{n}": 1 for n in range(9000)}).encode(), "no such field"),
    _body("51 tags", _raw(tags=json.dumps({str(n): "" for n in range(51)})), "tags"),
    _body("40,000 tags", _raw(tags=json.dumps({str(n): "" for n in range(40_000)})), "tags"),
    _body("a million bytes and one", b" " * 1_000_001, "more than 1,000,000 bytes", 413),
    _body("ten million bytes", b" " * 10_000_000, "more than 1,000,000 bytes", 413),
    _body("a length that is a lie", b"{}", "", 422, content_length="2"),
    _body("no JSON", b"name=x", "not JSON"),
    _body("null", b"null", "JSON object"),
    _body("a list", b"[]", "JSON object"),
    _body("no UTF-8", b'{"name": "\xff"}', "not UTF-8", 400),
    _body("a form", b"name=x", "", 415, content_type="application/x-www-form-urlencoded"),
    _body("XML", b"<!DOCTYPE a [<!ENTITY b 'c'>]>", "", 415, content_type="application/xml"),
    _body("JSON that is called text", _raw(), "", 415, content_type="text/plain"),
]  # fmt: skip

TIMES = [
    _rule("a rule that never comes", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "never comes"),
    _rule("a rule that comes in centuries", "FREQ=YEARLY;INTERVAL=9999", "", 200),
    _rule(
        "a rule that comes every 28 years",
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29;BYDAY=MO", '"runs":[{', 200,
    ),
    _rule(
        "a rule that never comes by its interval",
        "FREQ=YEARLY;INTERVAL=2;BYMONTH=2;BYMONTHDAY=29", "never comes",
        start_time="2027-03-01T00:00:00Z",
    ),
    _rule("a rule that was over", "FREQ=DAILY;UNTIL=20260101", "never_runs", 200),
    _rule("a count beyond all", "FREQ=DAILY;COUNT=999999999", "COUNT"),
    _rule("a count of leap days", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29;COUNT=9999", "COUNT"),
    _rule("an interval beyond all", f"FREQ=DAILY;INTERVAL={'9' * 400}", "INTERVAL"),
    _rule("no interval", "FREQ=DAILY;INTERVAL=0", "INTERVAL"),
    _rule("seconds", "FREQ=SECONDLY", "SECONDLY"),
    _rule("positions of nothing", "FREQ=DAILY;BYSETPOS=366", "BYSETPOS"),
    _rule("a position that is never there", "FREQ=MONTHLY;BYDAY=MO;BYSETPOS=9", "never comes"),
    _rule("a rule in a rule", "FREQ=DAILY\nRRULE:FREQ=DAILY", "one rule"),
    _rule("another start", "DTSTART:19000101T000000Z RRULE:FREQ=DAILY", "one rule"),
    _rule("501 letters", "FREQ=DAILY;BYDAY=" + "MO," * 161 + "M", "500"),
    _rule(
        "minutes since 1900", "FREQ=MINUTELY;INTERVAL=7", '"runs":[{', 200,
        start_time="1900-01-01T00:00:00Z",
    ),
    _rule(
        "minutes of which all are left out", "FREQ=MINUTELY", "leave nothing",
        exclude_cron_expressions=["*/2 * * * *", "1-59/2 * * * *"],
    ),
    _rule(
        "minutes of which one in four years is left", "FREQ=MINUTELY",
        '"due_at":"2032-02-29T00:00:00Z"', 200, count=2,
        exclude_cron_expressions=["1-59 * * * *", "* 1-23 * * *", "* * * 1,3-12 *", "* * 1-28 2 *"],
    ),
    _rule(
        "every minute of a day, in words", f"FREQ=DAILY;BYHOUR={_HOURS};BYMINUTE={_LIST}",
        "leave nothing", exclude_cron_expressions=["* 0-11 * * *", "* 12-23 * * *"],
    ),
    _when("each 7 s after years", "too many to be moved", frequency="interval",
          interval_seconds=7, calendars=["closed"], calendar_rule="next"),
    _rule("each minute before years", "FREQ=MINUTELY", "too many to be moved",
          calendars=["closed"], calendar_rule="previous"),
    _when("each day after years", '"2028-11-26', 200, calendars=["closed"],
          calendar_rule="next"),
    _when("each second that years hold back", '"runs":[{', 200, frequency="interval",
          interval_seconds=1, calendars=["closed"]),
    Attack(
        "each 7 s from now on", f"PATCH {SCHEDULES}/<own moved>", 422, "too many to be moved",
        {"frequency": "interval", "interval_seconds": 7},
    ),
    Attack(
        "runs that are moved from now on", f"PATCH {SCHEDULES}/<own work>", 422,
        "too many to be moved",
        {"interval_seconds": 7, "calendars": ["closed"], "calendar_rule": "next"},
    ),
    _cron("30 February", "", cron_expression="0 0 30 2 *"),
    _cron("a list of 201 letters", "200", cron_expression=f"{_LIST},{_LIST} * * * *"),
    _cron("20 long lists", "", 200, cron_expressions=[f"{_LIST} * * * *"] * 20),
    _cron("21 expressions", "20", cron_expressions=["* * * * *"] * 21),
    _cron("10,000 expressions", "20", cron_expressions=["* * * * *"] * 10_000),
    _cron("all left out", "leave nothing", cron_expression="* * * * *",
          exclude_cron_expressions=["* * * * *"]),
    _cron("a step beyond all", "", cron_expression=f"*/{'9' * 150} * * * *"),
    _cron("a range backwards", "", 200, cron_expression="59-0 * * * *"),
    _cron("digits of another script", "", cron_expression="٣ * * * *"),
    _cron("six fields", "takes five", cron_expression="* * * * * *"),
    _cron("the sixth Monday", "", cron_expression="0 0 * * 1#6"),
    _cron("no day 32", "", cron_expression="0 0 32 * *"),
    _when("an interval of nothing", "interval_seconds", frequency="interval", interval_seconds=0),
    _when("a zone that is a path", "no zone", timezone="../../etc/passwd"),
    _when("a zone of 100,000 letters", "100", timezone="a" * 100_000),
    _when("a zone with a null", "null", timezone="Europe/\0"),
    _when("an end before its start", "end_time", start_time="2030-01-01T00:00:00Z",
          end_time="2029-01-01T00:00:00Z"),
    _when("the year 9999", "1900 to 9000", start_time="9999-12-31T23:59:59Z"),
    _when("the year 1", "1900 to 9000", start_time="0001-01-01T00:00:00Z"),
    _when("1,000,000 runs", "count", count=1_000_000, frequency="interval", interval_seconds=1),
]  # fmt: skip

SPANS = [
    Attack(
        "occurrences of all time",
        f"GET {SCHEDULES}/<own work>/occurrences?from=1900-01-01T00:00:00Z&to=9000-01-01T00:00:00Z",
        422, "to",
    ),
    Attack(
        "days of all time",
        f"GET {SCHEDULES}/statistics/daily?from=1900-01-01&to=9000-01-01", 422, "at most",
    ),
    Attack(
        "closed days of all time",
        f"GET {CALENDARS}/<own calendar>/days?from=1900-01-01&to=9000-01-01", 422, "at most",
    ),
    Attack(
        "a preview in the year 9000",
        f"GET {SCHEDULES}/<own work>/preview?count=100&from=9000-12-31T23:59:59Z", 200,
    ),
    Attack(
        "a backfill of all time", f"POST {SCHEDULES}/<own work>/backfill", 422, "",
        {"from": "1970-01-01T00:00:00Z", "to": "2026-03-01T12:00:00Z", "rule": "present"},
    ),
    Attack(
        "what a backfill of ten years would be", f"POST {SCHEDULES}/<own work>/backfill", 200,
        '"total":', {"from": "2016-03-01T12:00:00Z", "to": "2026-03-01T12:00:00Z",
                     "rule": "present", "dry_run": True},
    ),
    Attack("3,000 tags to filter by",
           f"GET {SCHEDULES}?" + "&".join(f"tags.a{n}=b" for n in range(3000)), 200, '"total":0'),
    Attack("3,000 parameters", f"GET {JOBS}?" + "&".join(f"a{n}=b" for n in range(3000)), 422),
    Attack("one parameter 3,000 times", f"GET {JOBS}?" + "&".join(["status=failed"] * 3000), 422,
           "given twice"),
    Attack("a filter of 60,000 letters", f"GET {AUDIT}?actor={'a' * 60_000}", 422, "actor"),
    Attack("10,000 languages", f"GET {SCHEDULES}/<own work>/preview", 422, "Accept-Language",
           headers={"accept-language": ",".join(["en;q=0.1"] * 10_000)}),
    Attack("1,001 closed days", f"POST {CALENDARS}", 422, "days",
           {"name": "x", "days": [{"day": "2026-03-02"}] * 1001}),
    Attack("40,000 wrong days", f"POST {CALENDARS}", 422, "days",
           {"name": "x", "days": [{"day": "x"}] * 40_000}),
    Attack("a country that is a path", f"POST {CALENDARS}", 422, "country",
           {"name": "x", "holidays": {"country": "../os"}}),
    Attack("a country that is an attribute", f"POST {CALENDARS}", 422, "country",
           {"name": "x", "holidays": {"country": "__class__"}}),
    Attack("an iCalendar file without an end", f"POST {CALENDARS}/<own calendar>/import", 422,
           "more than 2000 days",
           {"ics": "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART;VALUE=DATE:20260105\r\n"
                   "RRULE:FREQ=DAILY\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"}),
    Attack("an iCalendar file of a megabyte", f"POST {CALENDARS}/<own calendar>/import", 422,
           "ics", {"ics": "a" * 950_000}),
    Attack("a key for 1,001 projects", "POST /api/v1/keys", 422, "projects",
           {"name": "x", "role": "viewer", "projects": [*range(1001)]}),
]  # fmt: skip

BOMBS = [*BODIES, *TIMES, *SPANS]
