"""`/api/v1/backups/plans`: in the words of backups, and in force for the next run (R1, R7)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from local.azurite import Azurite
from shared.engine.once import run_once
from shared.schedules.model import Schedule
from tests.integration.backups.api_desk import PLAN, Desk, at, opened

PLANS = "/backups/plans"


@pytest.fixture
def desk(azurite: Azurite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    sources = {
        "BACKUP_SOURCES": "crm,files",
        "BACKUP_CRM_URL": "postgresql://u:p@127.0.0.1:9/crm",
        "BACKUP_FILES_URL": "sqlite:////nowhere/files.db",
    }
    with opened(azurite, tmp_path, monkeypatch, **sources) as made:
        yield made


def here(plan: dict[str, Any]) -> str:
    return f"{PLANS}/{plan['schedule_id']}"


def test_a_plan_is_made_with_everything_and_reads_back(desk: Desk) -> None:
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
    made = desk.told("POST", PLANS, asked)
    assert asked.items() <= made.items()
    assert made["retention_days"] is None and made["cron_expression"] is None
    assert made["task_type"] == "backup" and made["next_run_at"] is None
    assert desk.told("GET", here(made)) == made
    schedule = desk.told("GET", f"/schedules/{made['schedule_id']}")
    assert (schedule["frequency"], schedule["cron_expression"]) == ("cron", "30 3 * * 0")
    assert schedule["task_parameters"]["retention"] == {"daily": 7, "weekly": 4}


def test_the_defaults(desk: Desk) -> None:
    made = desk.told("POST", PLANS, {"name": "a", "frequency": "daily", "source": "state"})
    assert (made["schedule_time"], made["timezone"], made["enabled"]) == ("00:00", "UTC", True)
    assert (made["retention"], made["retention_days"]) == ({"days": 30}, 30)
    assert (made["compression"], made["encrypt"], made["tier"]) == ("zstd", None, None)
    assert (made["drive"], made["drive_count"], made["destinations"]) == (False, 30, [])
    assert made["next_run_at"] == "2026-03-02T00:00:00Z"


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
    ],
)
def test_its_time_is_a_cron_expression_and_reads_back(
    desk: Desk, asked: dict[str, Any], cron: str
) -> None:
    made = desk.told("POST", PLANS, {"name": "a", "source": "state"} | asked)
    assert asked.items() <= made.items()
    schedule = desk.told("GET", f"/schedules/{made['schedule_id']}")
    assert schedule["cron_expression"] == cron
    again = {name: value for name, value in made.items() if name in TIMES and value is not None}
    assert desk.told("PATCH", here(made), again) == made


TIMES = ("frequency", "schedule_time", "day_of_week", "day_of_month", "cron_expression")


@pytest.mark.parametrize(
    ("recurrence", "shown"),
    [
        ({"frequency": "cron", "cron_expression": "0 3 * * SUN"}, ("weekly", "03:00", 0, None)),
        ({"frequency": "weekly"}, ("weekly", "00:00", 1, None)),
        ({"frequency": "monthly"}, ("monthly", "00:00", None, 1)),
        ({"frequency": "daily"}, ("daily", "00:00", None, None)),
        ({"frequency": "hourly"}, ("hourly", None, None, None)),
        ({"frequency": "interval", "interval_seconds": 90}, ("interval", None, None, None)),
    ],
)
def test_a_schedule_that_was_made_elsewhere_is_a_plan_as_well(
    desk: Desk, recurrence: dict[str, Any], shown: tuple[Any, ...]
) -> None:
    body = {"name": "a", "task_type": "backup", "task_parameters": {"source": "state"}}
    made = desk.told("POST", "/schedules", body | recurrence)
    plan = desk.told("GET", f"{PLANS}/{made['id']}")
    assert tuple(plan[name] for name in TIMES[:4]) == shown
    assert plan["next_run_at"] == made["next_run_at"]
    changed = desk.told("PATCH", here(plan), {"frequency": "daily", "schedule_time": "05:00"})
    assert (changed["frequency"], changed["schedule_time"]) == ("daily", "05:00")


def test_a_change_is_in_force_for_the_next_run(desk: Desk) -> None:
    plan = desk.plan(schedule_time="23:00")
    soon = desk.bench.clock.now() + timedelta(minutes=1)
    changed = desk.told(
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
    desk.bench.later(60)
    desk.bench.tick()
    (job,) = desk.bench.work()
    assert job.status.value == "succeeded", job
    (one,) = desk.told("GET", "/backups")["backups"]
    assert one["compression"] == "gzip"
    assert [copy["destination"] for copy in one["copies"]] == ["offsite"]
    assert desk.told("GET", here(plan))["last_run_at"] is not None


def test_what_a_change_does_not_name_stays(desk: Desk) -> None:
    plan = desk.told(
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
        before = desk.told("GET", here(plan))
        after = desk.told("PATCH", here(plan), fields)
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


WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"source": "moon"}, "source", "database, crm, files, state, all"),
    ({"destinations": ["primary", "moon"]}, "destinations.1", "primary, offsite"),
    ({"retention": {"days": 0}}, "retention.days", "greater"),
    ({"retention": {"days": "9"}}, "retention.days", "integer"),
    (
        {"retention": {"fortnightly": 1}},
        "retention.fortnightly",
        "no such field; there are: days, count, hourly",
    ),
    ({"retention": {}}, "retention", "keeps nothing"),
    ({"retention_days": 0}, "retention_days", "greater"),
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
    ({"frequency": "monthly", "day_of_month": 29}, "day_of_month", "less than"),
    ({"cron_expression": "0 3 * * *"}, "cron_expression", "'daily' takes none"),
    ({"frequency": "cron", "cron_expression": "0 0 31 2 *"}, "cron_expression", "never"),
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
    ({"drive_count": 0}, "drive_count", "greater"),
    ({"name": ""}, "name", "at least 1"),
    ({"task_parameters": {}}, "task_parameters", "no such field; there are: enabled, frequency"),
]


@pytest.mark.parametrize(("change", "field", "said"), WRONG)
def test_what_is_wrong_is_named_as_the_caller_wrote_it(
    desk: Desk, change: dict[str, Any], field: str, said: str
) -> None:
    wanted = {name: value for name, value in PLAN.items() if name not in TIMES}
    wanted |= {"frequency": "daily"} | change
    problems = [desk.problem(422, "POST", PLANS, wanted)]
    if change.get("cron_expression", "") is not None:
        plan = desk.plan()
        problems.append(desk.problem(422, "PATCH", here(plan), change))
        assert desk.told("GET", here(plan)) == plan
    for problem in problems:
        assert field in [item["field"] for item in problem["errors"]], problem
        assert any(said in item["message"] for item in problem["errors"]), problem


def test_a_change_is_checked_with_what_stays(desk: Desk) -> None:
    plan = desk.plan(source="crm", databases=["a"], exclude_schemas=["old"])
    for change, field in (
        ({"source": "state"}, "source"),
        ({"source": "all"}, "source"),
        ({"schemas": ["new"]}, "schemas"),
    ):
        problem = desk.problem(422, "PATCH", here(plan), change)
        assert [item["field"] for item in problem["errors"]] == [field]
    moved = {"source": "state", "databases": None, "exclude_schemas": None}
    assert desk.told("PATCH", here(plan), moved)["source"] == "state"
    problem = desk.problem(422, "PATCH", here(plan), {"source": None})
    assert [item["field"] for item in problem["errors"]] == ["source"]


def test_built_in_plans_can_be_changed_but_not_deleted(desk: Desk) -> None:
    listed = {one["schedule_id"]: one for one in desk.told("GET", PLANS)["plans"]}
    assert set(listed) == {"database_backup", "weekly_backup"}
    weekly = listed["weekly_backup"]
    assert (weekly["frequency"], weekly["day_of_week"], weekly["schedule_time"]) == (
        "weekly",
        1,
        "02:00",
    )
    assert (weekly["source"], weekly["retention"], weekly["drive"]) == ("all", {"count": 30}, None)
    path = f"{PLANS}/database_backup"
    changed = desk.told("PATCH", path, {"retention_days": 7, "schedule_time": "01:30"})
    assert (changed["retention_days"], changed["schedule_time"]) == (7, "01:30")
    assert (changed["source"], changed["task_type"]) == ("database", "database_backup")
    assert changed["next_run_at"] == "2026-03-02T01:30:00Z"
    back = desk.told("PATCH", path, {"retention": None, "source": None})
    assert (back["retention_days"], back["source"]) == (30, "database")
    said = desk.problem(422, "PATCH", path, {"source": "files"})
    assert [item["field"] for item in said["errors"]] == ["source"]
    assert "built-in plan, of 'database'" in said["detail"]
    same = desk.told("PATCH", path, {"source": "database", "retention_days": 8})
    assert (same["source"], same["retention_days"]) == ("database", 8)
    assert "built-in" in desk.problem(409, "DELETE", path)["detail"]


def test_a_source_of_all_takes_all_databases_of_its_servers(desk: Desk) -> None:
    made = desk.plan(source="all", databases="all")
    assert (made["source"], made["databases"]) == ("all", "all")
    body = {"name": "a", "task_type": "backup", "frequency": "daily"}
    for part in ({"databases": ["a"]}, {"schemas": ["a"]}, {"exclude_schemas": ["a"]}):
        parameters = {"source": "all"} | part
        said = desk.problem(422, "POST", "/schedules", body | {"task_parameters": parameters})
        assert "only `databases: all`" in said["detail"] and next(iter(part)) in said["detail"]


def test_on_off_and_now(desk: Desk) -> None:
    plan = desk.plan()
    off = desk.told("POST", f"{here(plan)}/disable")
    assert (off["enabled"], off["next_run_at"]) == (False, None)
    job = desk.done(desk.told("POST", f"{here(plan)}/run"))
    assert job.manual and job.schedule_id == plan["schedule_id"]

    def paused(one: Schedule) -> Schedule:
        return replace(one, progress=replace(one.progress, paused_reason="it failed"))

    desk.app.manager.change(plan["schedule_id"], paused)
    assert desk.told("GET", here(plan))["paused_reason"] == "it failed"
    for method, path, body in (
        ("POST", f"{here(plan)}/enable", None),
        ("PATCH", here(plan), {"enabled": True}),
    ):
        on = desk.told(method, path, body)
        assert (on["enabled"], on["paused_reason"]) == (True, None)
        assert on["next_run_at"] == "2026-03-01T13:00:00Z"
        assert desk.told("PATCH", here(plan), {"enabled": False})["next_run_at"] is None
        desk.app.manager.change(plan["schedule_id"], paused)


def test_the_backups_of_a_plan_that_is_deleted_stay(desk: Desk) -> None:
    plan = desk.plan()
    old, new = desk.taken(plan), desk.taken(plan)
    assert desk.ask("DELETE", here(plan)).status_code == 204
    desk.problem(404, "GET", here(plan))
    listed = desk.told("GET", "/backups")["backups"]
    assert [one["id"] for one in listed] == [new["id"], old["id"]]
    assert "no plan" in desk.problem(409, "DELETE", f"/backups/{old['id']}")["detail"]
    tried = {"schedule_id": plan["schedule_id"]}
    assert "no plan" in desk.problem(409, "POST", "/backups/retention", tried)["detail"]
    dry = desk.told("POST", "/backups/retention", tried | {"retention": {"count": 1}})
    assert (dry["kept"], dry["removed"]) == (1, 1)
    assert desk.ask("DELETE", f"/backups/{old['id']}", force="true").status_code == 204


def test_several_plans_of_one_tenant_and_several_tenants(desk: Desk) -> None:
    first = desk.plan(project_id=1, name="hot", frequency="hourly", schedule_time=None)
    second = desk.plan(project_id=1, name="cold", schedule_time="13:10", destinations=["offsite"])
    other = desk.plan(project_id=2, name="theirs", schedule_time="13:20")
    assert {one["name"] for one in desk.told("GET", PLANS, project_id=1)["plans"]} == {
        "cold",
        "hot",
    }
    assert [one["name"] for one in desk.told("GET", PLANS, project_id=2)["plans"]] == ["theirs"]
    desk.told("POST", f"{here(second)}/disable")
    assert [one["name"] for one in desk.told("GET", PLANS, enabled="false")["plans"]] == ["cold"]
    desk.told("POST", f"{here(second)}/enable")
    assert desk.told("GET", PLANS, source="state")["total"] == 0
    page = desk.told("GET", PLANS, source="database", page=2, page_size=2)
    assert (page["total"], page["pages"], len(page["plans"])) == (4, 2, 2)
    for minutes in (60, 70, 80):
        desk.bench.clock.set(at(minutes))
        desk.bench.tick()
        assert [job.status.value for job in desk.bench.work()] == ["succeeded"]
    found = desk.told("GET", "/backups")["backups"]
    assert [one["schedule_id"] for one in found] == [
        plan["schedule_id"] for plan in (other, second, first)
    ]
    for plan in (first, second, other):
        shown = desk.told("GET", here(plan))
        mine = desk.told("GET", "/backups", schedule_id=plan["schedule_id"])["backups"]
        assert shown["last_good"]["id"] == mine[0]["id"]
        assert shown["sentence"].startswith(f"You can be back to {mine[0]['started_at'][11:16]}")


def test_a_backup_by_hand_is_no_plan_in_the_list(desk: Desk) -> None:
    before = desk.told("GET", PLANS)["total"]
    task = desk.app.registry.get("backup")
    parameters = {"source": "state"}
    asked = run_once(desk.app.manager, desk.bench.clock, task, parameters, name="by hand")
    assert desk.told("GET", PLANS)["total"] == before

    def listed(**query: Any) -> list[str]:
        return [one["id"] for one in desk.told("GET", "/schedules", **query)["schedules"]]

    assert asked.schedule.id not in listed() and "database_backup" in listed()
    assert asked.schedule.id in listed(once="true") and "database_backup" in listed(once="true")
    body = {"name": "a", "task_type": "backup", "task_parameters": parameters, "tags": ["mine"]}
    once = {"frequency": "once", "start_time": "2026-03-02T00:00:00Z"}
    own = desk.told("POST", "/schedules", body | once)["id"]
    tagged = desk.told("POST", "/schedules", body | {"frequency": "daily", "tags": ["once"]})["id"]
    assert {own, tagged} < set(listed())


def test_what_is_no_plan(desk: Desk) -> None:
    asked = desk.app.manager.create(
        replace(
            desk.app.manager.get("database_backup").definition,
            task_type="works",
            task_parameters={},
        ),
        desk.app.manager.get("database_backup").policy,
    )
    for name in ("snone", asked.id, "%27"):
        for method, path, body in (
            ("GET", "", None),
            ("PATCH", "", {}),
            ("DELETE", "", None),
            ("POST", "/run", None),
            ("POST", "/enable", None),
            ("POST", "/disable", None),
        ):
            said = desk.problem(404, method, f"{PLANS}/{name}{path}", body)
            assert "no backup plan" in said["detail"] or said["title"] == "Not Found"
    assert desk.app.manager.get(asked.id).definition.enabled


def test_one_whose_parameters_no_longer_fit_says_so(desk: Desk) -> None:
    plan = desk.plan(project_id=7)
    one = desk.taken(plan)

    def broken(one: Schedule) -> Schedule:
        return replace(one, definition=replace(one.definition, task_parameters={"colour": "red"}))

    desk.app.manager.change(plan["schedule_id"], broken)
    said = desk.problem(409, "GET", here(plan))["detail"]
    assert "task_parameters" in said and f"/schedules/{plan['schedule_id']}" in said
    listed = desk.told("GET", PLANS)
    assert plan["schedule_id"] not in [one["schedule_id"] for one in listed["plans"]]
    assert listed["total"] == len(listed["plans"]) == 2
    assert listed["unreadable"] == [
        {
            "schedule_id": plan["schedule_id"],
            "project_id": 7,
            "name": "nightly",
            "task_type": "backup",
            "enabled": True,
            "error": said,
        }
    ]
    for fits, query in (
        (1, {"project_id": 7}),
        (0, {"project_id": 8}),
        (1, {"source": "state"}),  # nobody knows
        (0, {"enabled": "false"}),
    ):
        assert len(desk.told("GET", PLANS, **query)["unreadable"]) == fits, query
    (database,) = (
        source
        for source in desk.told("GET", "/backups/sources")["sources"]
        if source["source"] == "database"
    )
    assert database["last_good"]["id"] == one["id"]
    (mine,) = (p for p in database["plans"] if p["schedule_id"] == plan["schedule_id"])
    assert mine["name"] == "nightly" and mine["sentence"].endswith("; its plan cannot be read")
    detail = desk.problem(409, "DELETE", f"/backups/{one['id']}", force="true")["detail"]
    assert detail.endswith("is the last verified one; it is never deleted")
    tried = {"schedule_id": plan["schedule_id"]}
    assert "cannot be read" in desk.problem(409, "POST", "/backups/retention", tried)["detail"]
    assert desk.ask("DELETE", here(plan)).status_code == 204
    assert desk.told("GET", PLANS)["unreadable"] == []


def test_a_plan_says_that_it_is_not_known_how_it_stands(desk: Desk) -> None:
    plan = desk.plan()
    desk.away()
    catalog = desk.app.backups().catalog
    catalog["primary"].__dict__["_container"] = catalog["offsite"].__dict__["_container"]
    shown = desk.told("PATCH", here(plan), {"schedule_time": "15:00"})
    assert shown["last_good"] is None and "not known" in shown["sentence"]
    assert datetime.fromisoformat(shown["next_run_at"]).hour == 15
    assert desk.told("GET", PLANS)["total"] == 3
    desk.problem(503, "GET", "/backups")
