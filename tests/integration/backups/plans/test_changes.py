"""A change of a plan is in force for the next run, and what it does not name stays (R7)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.integration.backups.client import Client
from tests.integration.backups.plans.setup import PLANS, here


def test_a_change_is_in_force_for_the_next_run(client: Client) -> None:
    plan = client.plan(schedule_time="23:00")
    soon = client.engine.clock.now() + timedelta(minutes=1)
    changed = client.told(
        "PATCH",
        here(plan),
        {
            "schedule_time": f"{soon:%H:%M}",
            "destinations": ["offsite"],
            "compression": "gzip",
            "retention_days": 3,
        },
    )
    assert changed["retention"] == {"days": 3} and changed["name"] == plan["name"]
    assert changed["next_run_at"] == "2026-03-01T12:01:00Z"
    client.engine.later(60)
    client.engine.tick()
    (job,) = client.engine.work()
    assert job.status.value == "succeeded", job
    (one,) = client.told("GET", "/backups")["backups"]
    assert one["compression"] == "gzip"
    assert [copy["destination"] for copy in one["copies"]] == ["offsite"]
    assert client.told("GET", here(plan))["last_run_at"] is not None


def test_what_a_change_does_not_name_stays(client: Client) -> None:
    plan = client.told(
        "POST",
        PLANS,
        {
            "name": "crm",
            "frequency": "weekly",
            "day_of_week": 3,
            "schedule_time": "03:00",
            "source": "crm",
            "databases": "all",
            "exclude_schemas": ["old"],
            "retention": {"days": 9, "yearly": 2},
            "tier": "Cold",
            "drive": None,
        },
    )

    def changed(**fields: Any) -> dict[str, Any]:
        before = client.told("GET", here(plan))
        after = client.told("PATCH", here(plan), fields)
        return {name: value for name, value in after.items() if value != before[name]}

    timed = ("next_run_at", "sentence")

    def without_times(found: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in found.items() if name not in timed}

    assert without_times(changed(day_of_week=4)) == {"day_of_week": 4}
    assert without_times(changed(schedule_time="04:00")) == {"schedule_time": "04:00"}
    assert without_times(changed(timezone="Asia/Tokyo")) == {"timezone": "Asia/Tokyo"}
    assert without_times(changed(name="renamed")) == {"name": "renamed"}
    assert changed(retention={"count": 5}) == {"retention": {"count": 5}, "retention_days": None}
    assert changed(retention_days=8) == {"retention": {"days": 8}, "retention_days": 8}
    assert without_times(changed(databases=["a"])) == {"databases": ["a"]}
    rule = "constraint public.pets.owner"
    assert without_times(changed(without=[rule])) == {"without": [rule]}
    assert without_times(changed(without=None)) == {"without": []}
    assert changed(tier=None, drive=False) == {"tier": None, "drive": False}
    assert without_times(changed(schemas=["new"], exclude_schemas=[])) == {
        "schemas": ["new"],
        "exclude_schemas": [],
    }
    assert without_times(changed(retention=None, schemas=None, databases=None, drive=None)) == {
        "retention": {"days": 30},
        "retention_days": 30,
        "schemas": [],
        "databases": None,
        "drive": None,
    }
    assert without_times(changed(frequency="monthly")) == {
        "frequency": "monthly",
        "day_of_week": None,
        "day_of_month": 1,
    }
    assert without_times(changed(frequency="hourly")) == {
        "frequency": "hourly",
        "schedule_time": None,
        "day_of_month": None,
    }
    assert changed(name=None, enabled=None, frequency=None, timezone=None) == {}
    assert changed() == {}


def test_a_change_is_checked_with_what_stays(client: Client) -> None:
    plan = client.plan(source="crm", databases=["a"], exclude_schemas=["old"])
    for change, field in (
        ({"source": "state"}, "source"),
        ({"source": "all"}, "source"),
        ({"schemas": ["new"]}, "schemas"),
    ):
        problem = client.problem(422, "PATCH", here(plan), change)
        assert [item["field"] for item in problem["errors"]] == [field]
    moved = {"source": "state", "databases": None, "exclude_schemas": None}
    assert client.told("PATCH", here(plan), moved)["source"] == "state"
    problem = client.problem(422, "PATCH", here(plan), {"source": None})
    assert [item["field"] for item in problem["errors"]] == ["source"]


def test_built_in_plans_can_be_changed_but_not_deleted(client: Client) -> None:
    listed = {one["schedule_id"]: one for one in client.told("GET", PLANS)["plans"]}
    assert set(listed) == {"database_backup", "weekly_backup"}
    weekly = listed["weekly_backup"]
    assert (weekly["frequency"], weekly["day_of_week"], weekly["schedule_time"]) == (
        "weekly",
        1,
        "02:00",
    )
    assert (weekly["source"], weekly["retention"], weekly["drive"]) == ("all", {"count": 30}, None)
    path = f"{PLANS}/database_backup"
    changed = client.told("PATCH", path, {"retention_days": 7, "schedule_time": "01:30"})
    assert (changed["retention_days"], changed["schedule_time"]) == (7, "01:30")
    assert (changed["source"], changed["task_type"]) == ("database", "database_backup")
    assert changed["next_run_at"] == "2026-03-02T01:30:00Z"
    back = client.told("PATCH", path, {"retention": None, "source": None})
    assert (back["retention_days"], back["source"]) == (30, "database")
    said = client.problem(422, "PATCH", path, {"source": "files"})
    assert [item["field"] for item in said["errors"]] == ["source"]
    assert "built-in plan, of 'database'" in said["detail"]
    same = client.told("PATCH", path, {"source": "database", "retention_days": 8})
    assert (same["source"], same["retention_days"]) == ("database", 8)
    assert "built-in" in client.problem(409, "DELETE", path)["detail"]
