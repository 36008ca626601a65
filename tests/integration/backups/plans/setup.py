"""What the tests of `/api/v1/backups/plans` share: where a plan is, and the fields of its time."""

from __future__ import annotations

from typing import Any

PLANS = "/backups/plans"
TIMES = (
    "frequency",
    "schedule_time",
    "day_of_week",
    "day_of_month",
    "cron_expression",
    "cron_expressions",
)


def here(plan: dict[str, Any]) -> str:
    return f"{PLANS}/{plan['schedule_id']}"
