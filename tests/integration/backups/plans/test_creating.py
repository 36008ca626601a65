"""A plan is made in the words of backups, and reads back (R1)."""

from __future__ import annotations

from tests.integration.backups.client import Client
from tests.integration.backups.plans.setup import PLANS, here


def test_a_plan_is_made_with_everything_and_reads_back(client: Client) -> None:
    asked = {
        "name": "crm",
        "project_id": 7,
        "enabled": False,
        "frequency": "weekly",
        "schedule_time": "03:30",
        "day_of_week": 0,
        "timezone": "Europe/Berlin",
        "source": "crm",
        "databases": ["a", "b"],
        "schemas": ["public"],
        "destinations": ["offsite"],
        "retention": {"daily": 7, "weekly": 4},
        "compression": "gzip",
        "encrypt": False,
        "tier": "Cool",
        "drive": None,
        "drive_count": 5,
    }
    made = client.told("POST", PLANS, asked)
    assert asked.items() <= made.items()
    assert made["retention_days"] is None and made["cron_expression"] is None
    assert made["task_type"] == "backup" and made["next_run_at"] is None
    assert client.told("GET", here(made)) == made
    schedule = client.told("GET", f"/schedules/{made['schedule_id']}")
    assert (schedule["frequency"], schedule["cron_expression"]) == ("cron", "30 3 * * 0")
    assert schedule["task_parameters"]["retention"] == {"daily": 7, "weekly": 4}


def test_the_defaults(client: Client) -> None:
    made = client.told("POST", PLANS, {"name": "a", "frequency": "daily", "source": "state"})
    assert (made["schedule_time"], made["timezone"], made["enabled"]) == ("00:00", "UTC", True)
    assert (made["retention"], made["retention_days"]) == ({"days": 30}, 30)
    assert (made["compression"], made["encrypt"], made["tier"]) == ("zstd", None, None)
    assert (made["drive"], made["drive_count"], made["destinations"]) == (False, 30, [])
    assert made["next_run_at"] == "2026-03-02T00:00:00Z"


def test_a_source_of_all_takes_all_databases_of_its_servers(client: Client) -> None:
    made = client.plan(source="all", databases="all")
    assert (made["source"], made["databases"]) == ("all", "all")
    body = {"name": "a", "task_type": "backup", "frequency": "daily"}
    for part in ({"databases": ["a"]}, {"schemas": ["a"]}, {"exclude_schemas": ["a"]}):
        parameters = {"source": "all"} | part
        said = client.problem(422, "POST", "/schedules", body | {"task_parameters": parameters})
        assert "only `databases: all`" in said["detail"] and next(iter(part)) in said["detail"]
