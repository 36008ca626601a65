"""A plan of which something is not known says so."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from shared.schedules.model import Schedule
from tests.integration.backups.client import Client
from tests.integration.backups.plans.setup import PLANS, here
from tests.integration.engine.conftest import store


def test_one_whose_parameters_no_longer_fit_says_so(client: Client) -> None:
    plan = client.plan(project_id=7)
    one = client.taken(plan)

    def broken(one: Schedule) -> Schedule:
        return replace(one, definition=replace(one.definition, task_parameters={"colour": "red"}))

    store(client.app, plan["schedule_id"], broken)
    said = client.problem(409, "GET", here(plan))["detail"]
    assert "task_parameters" in said and f"/schedules/{plan['schedule_id']}" in said
    listed = client.told("GET", PLANS)
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
        assert len(client.told("GET", PLANS, **query)["unreadable"]) == fits, query
    (database,) = (
        source
        for source in client.told("GET", "/backups/sources")["sources"]
        if source["source"] == "database"
    )
    assert database["last_good"]["id"] == one["id"]
    (mine,) = (p for p in database["plans"] if p["schedule_id"] == plan["schedule_id"])
    assert mine["name"] == "nightly" and mine["sentence"].endswith("; its plan cannot be read")
    detail = client.problem(409, "DELETE", f"/backups/{one['id']}", force="true")["detail"]
    assert detail.endswith("is the last verified one; it is never deleted")
    tried = {"schedule_id": plan["schedule_id"]}
    assert "cannot be read" in client.problem(409, "POST", "/backups/retention", tried)["detail"]
    assert client.ask("DELETE", here(plan)).status_code == 204
    assert client.told("GET", PLANS)["unreadable"] == []


def test_a_plan_says_that_it_is_not_known_how_it_stands(client: Client) -> None:
    plan = client.plan()
    client.away()
    catalog = client.app.backups().catalog
    catalog["primary"]._container = catalog["offsite"]._container
    shown = client.told("PATCH", here(plan), {"schedule_time": "15:00"})
    assert shown["last_good"] is None and "not known" in shown["sentence"]
    assert datetime.fromisoformat(shown["next_run_at"]).hour == 15
    assert client.told("GET", PLANS)["total"] == 3
    client.problem(503, "GET", "/backups")
