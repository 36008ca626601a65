"""A plan is switched off and on, run now and deleted; what is no plan is not found there."""

from __future__ import annotations

from dataclasses import replace

from shared.schedules.model import Schedule
from tests.integration.backups.client import Client
from tests.integration.backups.plans.setup import PLANS, here


def test_on_off_and_now(client: Client) -> None:
    plan = client.plan()
    off = client.told("POST", f"{here(plan)}/disable")
    assert (off["enabled"], off["next_run_at"]) == (False, None)
    job = client.done(client.told("POST", f"{here(plan)}/run"))
    assert job.manual and job.schedule_id == plan["schedule_id"]

    def paused(one: Schedule) -> Schedule:
        return replace(one, progress=replace(one.progress, paused_reason="it failed"))

    client.app.manager.change(plan["schedule_id"], paused)
    assert client.told("GET", here(plan))["paused_reason"] == "it failed"
    for method, path, body in (
        ("POST", f"{here(plan)}/enable", None),
        ("PATCH", here(plan), {"enabled": True}),
    ):
        on = client.told(method, path, body)
        assert (on["enabled"], on["paused_reason"]) == (True, None)
        assert on["next_run_at"] == "2026-03-01T13:00:00Z"
        assert client.told("PATCH", here(plan), {"enabled": False})["next_run_at"] is None
        client.app.manager.change(plan["schedule_id"], paused)


def test_the_backups_of_a_plan_that_is_deleted_stay(client: Client) -> None:
    plan = client.plan()
    old, new = client.taken(plan), client.taken(plan)
    assert client.ask("DELETE", here(plan)).status_code == 204
    client.problem(404, "GET", here(plan))
    listed = client.told("GET", "/backups")["backups"]
    assert [one["id"] for one in listed] == [new["id"], old["id"]]
    assert "no plan" in client.problem(409, "DELETE", f"/backups/{old['id']}")["detail"]
    tried = {"schedule_id": plan["schedule_id"]}
    assert "no plan" in client.problem(409, "POST", "/backups/retention", tried)["detail"]
    dry = client.told("POST", "/backups/retention", tried | {"retention": {"count": 1}})
    assert (dry["kept"], dry["removed"]) == (1, 1)
    assert client.ask("DELETE", f"/backups/{old['id']}", force="true").status_code == 204


def test_what_is_no_plan(client: Client) -> None:
    asked = client.app.manager.create(
        replace(
            client.app.manager.get("database_backup").definition,
            task_type="works",
            task_parameters={},
        ),
        client.app.manager.get("database_backup").policy,
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
            said = client.problem(404, method, f"{PLANS}/{name}{path}", body)
            assert "no backup plan" in said["detail"] or said["title"] == "Not Found"
    assert client.app.manager.get(asked.id).definition.enabled
