"""What is wrong with a plan is named as the caller wrote it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.backups.client import PLAN, Client
from tests.integration.backups.plans.setup import PLANS, TIMES, here

WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"source": "moon"}, "source", "database, crm, files, state, all"),
    ({"destinations": ["primary", "moon"]}, "destinations.1", "primary, offsite"),
    ({"retention": {"days": 0}}, "retention.days", "or more"),
    ({"retention": {"days": "9"}}, "retention.days", "a whole number"),
    (
        {"retention": {"fortnightly": 1}},
        "retention.fortnightly",
        "no such field; there are: days, count, hourly",
    ),
    ({"retention": {}}, "retention", "keeps nothing"),
    ({"retention_days": 0}, "retention_days", "or more"),
    ({"retention_days": 3, "retention": {"days": 3}}, "retention_days", "not both"),
    ({"schedule_time": "3:00"}, "schedule_time", "such as 03:00"),
    ({"schedule_time": "24:00"}, "schedule_time", "23:59"),
    ({"schedule_time": "03:00\n"}, "schedule_time", "23:59"),
    ({"frequency": "hourly", "schedule_time": "03:00"}, "schedule_time", "takes none"),
    ({"day_of_week": 1}, "day_of_week", "'daily' takes none"),
    ({"frequency": "weekly", "day_of_week": 7}, "day_of_week", "0 to 6; Sunday is 0"),
    ({"frequency": "weekly", "day_of_week": -1}, "day_of_week", "0 to 6; Sunday is 0"),
    ({"frequency": "weekly", "day_of_week": True}, "day_of_week", "0 to 6; Sunday is 0"),
    ({"frequency": "weekly", "day_of_week": "monday"}, "day_of_week", "0 to 6; Sunday is 0"),
    ({"enabled": "perhaps"}, "enabled", "give true or false"),
    ({"encrypt": [1]}, "encrypt", "give true or false"),
    ({"source": "all", "databases": ["a"]}, "databases", "only `databases: all`"),
    ({"source": "all", "schemas": ["a"]}, "schemas", "only `databases: all`"),
    ({"source": "all", "exclude_schemas": ["a"]}, "exclude_schemas", "only `databases: all`"),
    ({"source": "all", "without": ["index a.b"]}, "without", "only `databases: all`"),
    ({"source": "files", "without": ["index a.b"]}, "without", "files is no PostgreSQL server"),
    ({"source": "crm", "without": ["a.b"]}, "without.0", "match"),
    ({"source": "crm", "without": [f"index {n}{'é' * 200}" for n in range(9)]}, "without", "4000"),
    (
        {"frequency": "monthly", "day_of_month": 29},
        "day_of_month",
        "for the last day of each month",
    ),
    ({"cron_expression": "0 3 * * *"}, "cron_expression", "'daily' takes none"),
    ({"frequency": "cron", "cron_expression": "0 0 31 2 *"}, "cron_expression", "never"),
    ({"frequency": "cron", "cron_expression": "*/99 * * * *"}, "cron_expression", "a step of 99"),
    ({"frequency": "cron", "cron_expression": None}, "cron_expression", "needs one"),
    ({"frequency": "sometimes"}, "frequency", "hourly"),
    ({"frequency": "interval"}, "frequency", "hourly"),
    ({"timezone": "Europe/Berln"}, "timezone", "Europe/Berlin"),
    ({"databases": "some"}, "databases", "list of names"),
    ({"databases": []}, "databases", "list of names"),
    ({"databases": ["a"]}, "databases", "database is no PostgreSQL server"),
    ({"source": "files", "schemas": ["a"]}, "schemas", "files is no PostgreSQL server"),
    ({"source": "crm", "schemas": ["a"], "exclude_schemas": ["b"]}, "schemas", "not both"),
    ({"source": "crm", "databases": ["x" * 190] * 180}, "databases", "longer than"),
    ({"compression": "rar"}, "compression", "zstd"),
    ({"tier": "Archive"}, "tier", "Hot"),
    ({"encrypt": True}, "encrypt", "BACKUP_ENCRYPTION_KEY"),
    ({"drive": True}, "drive", "GDRIVE_FOLDER_ID"),
    ({"drive_count": 0}, "drive_count", "or more"),
    ({"name": ""}, "name", "it is empty"),
    ({"task_parameters": {}}, "task_parameters", "no such field; there are: enabled, frequency"),
]


@pytest.fixture(scope="module")
def plan(one_for_all: Client) -> dict[str, Any]:
    return one_for_all.plan()


@pytest.mark.parametrize(("change", "field", "said"), WRONG)
def test_what_is_wrong_is_named_as_the_caller_wrote_it(
    one_for_all: Client, plan: dict[str, Any], change: dict[str, Any], field: str, said: str
) -> None:
    wanted = {name: value for name, value in PLAN.items() if name not in TIMES}
    wanted |= {"frequency": "daily"} | change
    problems = [one_for_all.problem(422, "POST", PLANS, wanted)]
    if change.get("cron_expression", "") is not None:
        problems.append(one_for_all.problem(422, "PATCH", here(plan), change))
        assert one_for_all.told("GET", here(plan)) == plan
    for problem in problems:
        assert field in [item["field"] for item in problem["errors"]], problem
        assert any(said in item["message"] for item in problem["errors"]), problem
