"""The list of plans: of one tenant and of several, without what was asked for by hand."""

from __future__ import annotations

from typing import Any

from shared.engine.commands.once import run_once
from tests.integration.backups.client import Client, at
from tests.integration.backups.plans.setup import PLANS, here


def test_several_plans_of_one_tenant_and_several_tenants(client: Client) -> None:
    first = client.plan(project_id=1, name="hot", frequency="hourly", schedule_time=None)
    second = client.plan(project_id=1, name="cold", schedule_time="13:10", destinations=["offsite"])
    other = client.plan(project_id=2, name="theirs", schedule_time="13:20")
    assert {one["name"] for one in client.told("GET", PLANS, project_id=1)["plans"]} == {
        "cold",
        "hot",
    }
    assert [one["name"] for one in client.told("GET", PLANS, project_id=2)["plans"]] == ["theirs"]
    client.told("POST", f"{here(second)}/disable")
    assert [one["name"] for one in client.told("GET", PLANS, enabled="false")["plans"]] == ["cold"]
    client.told("POST", f"{here(second)}/enable")
    assert client.told("GET", PLANS, source="state")["total"] == 0
    page = client.told("GET", PLANS, source="database", page=2, page_size=2)
    assert (page["total"], page["pages"], len(page["plans"])) == (4, 2, 2)
    for minutes in (60, 70, 80):
        client.engine.clock.set(at(minutes))
        client.engine.tick()
        assert [job.status.value for job in client.engine.work()] == ["succeeded"]
    found = client.told("GET", "/backups")["backups"]
    assert [one["schedule_id"] for one in found] == [
        plan["schedule_id"] for plan in (other, second, first)
    ]
    for plan in (first, second, other):
        shown = client.told("GET", here(plan))
        mine = client.told("GET", "/backups", schedule_id=plan["schedule_id"])["backups"]
        assert shown["last_good"]["id"] == mine[0]["id"]
        assert shown["sentence"].startswith(f"You can be back to {mine[0]['started_at'][11:16]}")


def test_a_backup_by_hand_is_no_plan_in_the_list(client: Client) -> None:
    before = client.told("GET", PLANS)["total"]
    task = client.app.registry.get("backup")
    parameters = {"source": "state"}
    asked = run_once(client.app.manager, client.engine.clock, task, parameters, name="by hand")
    assert client.told("GET", PLANS)["total"] == before

    def listed(**query: Any) -> list[str]:
        return [one["id"] for one in client.told("GET", "/schedules", **query)["schedules"]]

    assert asked.schedule.id not in listed() and "database_backup" in listed()
    assert asked.schedule.id in listed(once="true") and "database_backup" in listed(once="true")
    body = {"name": "a", "task_type": "backup", "task_parameters": parameters, "tags": {"of": "me"}}
    once = {"frequency": "once", "start_time": "2026-03-02T00:00:00Z"}
    own = client.told("POST", "/schedules", body | once)["id"]
    tagged = client.told("POST", "/schedules", body | {"frequency": "daily", "tags": {"once": ""}})[
        "id"
    ]
    assert {own, tagged} < set(listed())
