"""Every kind of recurrence through the API: made, changed, shown, run, and accounted for."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.schedules.conftest import Counter

# The test's clock shows 2026-03-01 12:00:01 UTC, a Sunday.
SEVERAL = {
    "frequency": "cron",
    "cron_expressions": ["0 9 * * 5L", "30 6 LW * *"],
    "exclude_cron_expressions": ["* * 31 3 *"],
    "timezone": "Europe/Berlin",
}
RULE = {
    "frequency": "rrule",
    "rrule": "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,TH;COUNT=4",
    "start_local": "2026-03-03T09:30:00",
    "timezone": "America/New_York",
}
KINDS: list[tuple[dict[str, Any], str]] = [
    ({"frequency": "cron", "cron_expression": "@daily"}, "2026-03-02T00:00:00Z"),
    ({"frequency": "cron", "cron_expression": "0 9 15W * *"}, "2026-03-16T09:00:00Z"),
    ({"frequency": "cron", "cron_expression": "0 9 L-3 * *"}, "2026-03-28T09:00:00Z"),
    (SEVERAL, "2026-03-27T08:00:00Z"),
    (RULE, "2026-03-03T14:30:00Z"),
    ({"frequency": "daily", "exclude_cron_expressions": ["* * 2-4 * *"]}, "2026-03-05T00:00:00Z"),
    (
        {
            "frequency": "once",
            "start_local": "2026-03-29T02:30:00",  # skipped
            "timezone": "Europe/Berlin",
        },
        "2026-03-29T01:00:00Z",
    ),
]


@pytest.mark.parametrize(("fields", "following"), KINDS)
def test_what_is_made_is_shown_again(
    counter: Counter, fields: dict[str, Any], following: str
) -> None:
    made = counter.made(**fields)
    assert fields.items() <= made.items() and made["next_run_at"] == following
    assert counter.read(made) | {"warnings": made["warnings"]} == made
    renamed = counter.changed(made, name="Other")
    assert fields.items() <= renamed.items() and renamed["next_run_at"] == following


def test_a_rule_runs_and_comes_to_its_end(counter: Counter) -> None:
    made = counter.made(**RULE | {"rrule": "FREQ=MINUTELY;INTERVAL=10;COUNT=3"})
    counter.engine.later(2 * 86400 + 2.5 * 3600 - 1)
    for _ in range(3):
        counter.engine.tick()
        assert [job.status.value for job in counter.engine.work()] == ["succeeded"]
        counter.engine.later(600)
    over = counter.read(made)
    assert (over["success_count"], over["next_run_at"], over["is_active"]) == (3, None, False)
    assert over["inactive_reason"] == "its rule has come to its end"
    path = f"/schedules/{made['id']}/occurrences?from=2026-03-01T12:00:00Z&to=2026-03-04T00:00:00Z"
    found = counter.told("GET", path)["occurrences"]
    assert [one["state"] for one in found] == ["succeeded"] * 3
    assert found[0]["due_at"] == "2026-03-03T14:30:00Z"


def test_a_change_replaces_what_cannot_stand_beside_it(counter: Counter) -> None:
    made = counter.made(**SEVERAL)
    one = counter.changed(made, cron_expression="0 9 * * *")
    assert (one["cron_expression"], one["cron_expressions"]) == ("0 9 * * *", [])
    assert one["exclude_cron_expressions"] == SEVERAL["exclude_cron_expressions"]
    two = counter.changed(made, cron_expressions=["0 9 * * *", "@weekly"])
    assert (two["cron_expression"], len(two["cron_expressions"])) == (None, 2)
    rule = counter.changed(made, **RULE)
    assert (rule["cron_expressions"], rule["rrule"]) == ([], RULE["rrule"])
    begun = counter.changed(made, start_time="2026-03-05T09:00:00Z")
    assert (begun["start_local"], begun["next_run_at"]) == (None, "2026-03-05T09:00:00Z")
    every = counter.changed(made, frequency="interval", interval_seconds=60)
    assert (every["rrule"], every["exclude_cron_expressions"]) == (None, [])
    free = counter.changed(made, frequency="daily", start_time=None)
    assert (free["start_time"], free["interval_seconds"]) == (None, None)


WRONG: list[tuple[dict[str, Any], str, str]] = [
    (SEVERAL | {"cron_expression": "0 9 * * *"}, "cron_expressions", "not both"),
    (SEVERAL | {"cron_expressions": ["0 9 * *"]}, "cron_expressions", "'0 9 * *': 4 fields"),
    (SEVERAL | {"cron_expressions": ["0 9 * * *"] * 21}, "cron_expressions", "20"),
    (SEVERAL | {"cron_expressions": []}, "cron_expression", "'cron' needs one"),
    (
        SEVERAL | {"exclude_cron_expressions": ["* * * * *"]},
        "exclude_cron_expressions",
        "leave nothing to run",
    ),
    (RULE | {"rrule": "FREQ=DAILY;COUNT=99999"}, "rrule", "COUNT '99999' is no whole number"),
    (RULE | {"rrule": "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"}, "rrule", "never comes"),
    (RULE | {"rrule": None}, "rrule", "needs one"),
    (RULE | {"start_local": None}, "start_time", "start_time or start_local"),
    (RULE | {"start_local": "2026-03-03T09:30:00Z"}, "start_local", "without an offset"),
    (RULE | {"start_local": "2026-02-30T09:30:00"}, "start_local", ""),
    (RULE | {"start_time": "2026-03-03T09:30:00Z"}, "start_local", "not both"),
    (
        RULE | {"rrule": "FREQ=DAILY;COUNT=3", "start_local": "2026-02-01T09:30:00"},
        "rrule",
        "by 2026-02-03T14:30:00Z, where its UNTIL or COUNT ends it",
    ),
    ({"frequency": "daily", "rrule": "FREQ=DAILY"}, "rrule", "use frequency 'rrule'"),
    (
        {"frequency": "once", "start_local": "2026-03-01T11:00:00"},
        "start_local",
        "2026-03-01T11:00:00Z has passed",
    ),
]


@pytest.mark.parametrize(("fields", "field", "said"), WRONG)
def test_what_is_wrong_is_named(
    counter: Counter, fields: dict[str, Any], field: str, said: str
) -> None:
    found, message = counter.refused(**fields)
    assert found == field and said in message
