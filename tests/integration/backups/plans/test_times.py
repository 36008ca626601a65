"""The time of a plan is a cron expression, and reads back as it was said."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.backups.client import Client
from tests.integration.backups.plans.setup import PLANS, TIMES, here


@pytest.mark.parametrize(
    ("asked", "cron"),
    [
        ({"frequency": "hourly"}, "0 * * * *"),
        ({"frequency": "daily", "schedule_time": "03:05"}, "5 3 * * *"),
        ({"frequency": "weekly", "schedule_time": "23:59", "day_of_week": 6}, "59 23 * * 6"),
        ({"frequency": "weekly", "schedule_time": "02:00"}, "0 2 * * 1"),
        ({"frequency": "monthly", "schedule_time": "02:00", "day_of_month": 28}, "0 2 28 * *"),
        ({"frequency": "monthly", "schedule_time": "02:00"}, "0 2 1 * *"),
        ({"frequency": "cron", "cron_expression": "*/5 2 * * 1-5"}, "*/5 2 * * 1-5"),
        ({"frequency": "cron", "cron_expression": "0 3 29 * *"}, "0 3 29 * *"),
        ({"frequency": "cron", "cron_expression": "0 3 1 * 1"}, "0 3 1 * 1"),
        ({"frequency": "cron", "cron_expression": "0 3 * 6 *"}, "0 3 * 6 *"),
        ({"frequency": "cron", "cron_expression": "0 3 5 6 *"}, "0 3 5 6 *"),
        ({"frequency": "cron", "cron_expression": "0 3 * 6 1"}, "0 3 * 6 1"),
        ({"frequency": "cron", "cron_expression": "0 3 5 * 1#2"}, "0 3 5 * 1#2"),
        ({"frequency": "cron", "cron_expression": "0 3 L * *"}, "0 3 L * *"),
        ({"frequency": "cron", "cron_expression": "0 */24 * * *"}, "0 */24 * * *"),
        ({"frequency": "cron", "cron_expression": "0 3 * * 1#2"}, "0 3 * * 1#2"),
        ({"frequency": "cron", "cron_expression": "0 3,15 * * *"}, "0 3,15 * * *"),
        ({"frequency": "cron", "cron_expression": "0 3 15W * *"}, "0 3 15W * *"),
        ({"frequency": "cron", "cron_expression": "0 3 * * 5L"}, "0 3 * * 5L"),
        (
            {
                "frequency": "daily",
                "schedule_time": "03:05",
                "exclude_cron_expressions": ["* * 24-26 12 *"],
            },
            "5 3 * * *",
        ),
        ({"frequency": "cron", "cron_expressions": ["0 3 * * 1-5", "0 5 L * *"]}, None),
    ],
)
def test_its_time_is_a_cron_expression_and_reads_back(
    one_for_all: Client, asked: dict[str, Any], cron: str | None
) -> None:
    made = one_for_all.told("POST", PLANS, {"name": "a", "source": "state"} | asked)
    assert asked.items() <= made.items()
    schedule = one_for_all.told("GET", f"/schedules/{made['schedule_id']}")
    assert schedule["cron_expression"] == cron
    again = {name: value for name, value in made.items() if name in TIMES and value is not None}
    assert one_for_all.told("PATCH", here(made), again) == made


@pytest.mark.parametrize(
    ("recurrence", "shown"),
    [
        ({"frequency": "cron", "cron_expression": "0 3 * * SUN"}, ("weekly", "03:00", 0, None)),
        ({"frequency": "weekly"}, ("weekly", "00:00", 1, None)),
        ({"frequency": "monthly"}, ("monthly", "00:00", None, 1)),
        ({"frequency": "daily"}, ("daily", "00:00", None, None)),
        ({"frequency": "hourly"}, ("hourly", None, None, None)),
        ({"frequency": "cron", "cron_expression": "@weekly"}, ("weekly", "00:00", 0, None)),
        ({"frequency": "cron", "cron_expressions": ["@daily"]}, ("daily", "00:00", None, None)),
        (
            {"frequency": "cron", "cron_expressions": ["0 3 * * 1", "@daily"]},
            ("cron", None, None, None),
        ),
        (
            {"frequency": "rrule", "rrule": "FREQ=DAILY", "start_local": "2026-03-03T09:30:00"},
            ("rrule", None, None, None),
        ),
        ({"frequency": "interval", "interval_seconds": 90}, ("interval", None, None, None)),
    ],
)
def test_a_schedule_that_was_made_elsewhere_is_a_plan_as_well(
    one_for_all: Client, recurrence: dict[str, Any], shown: tuple[Any, ...]
) -> None:
    body = {"name": "a", "task_type": "backup", "task_parameters": {"source": "state"}}
    made = one_for_all.told("POST", "/schedules", body | recurrence)
    plan = one_for_all.told("GET", f"{PLANS}/{made['id']}")
    assert tuple(plan[name] for name in TIMES[:4]) == shown
    assert plan["next_run_at"] == made["next_run_at"]
    changed = one_for_all.told(
        "PATCH", here(plan), {"frequency": "daily", "schedule_time": "05:00"}
    )
    assert (changed["frequency"], changed["schedule_time"]) == ("daily", "05:00")
