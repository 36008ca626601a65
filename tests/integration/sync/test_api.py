"""The runs of syncs in the API, and the schedule that needs no parameters (C12.sync)."""

from __future__ import annotations

from typing import Any

from functions.customers.sync import sync
from local.azurite import Azurite
from shared.access import Role
from shared.sync.model import Counts, State, SyncRun, SyncStatus
from tests.integration.access.asking import Asking
from tests.integration.engine.conftest import make
from tests.integration.sync.world import job

BODY: dict[str, Any] = {
    "project_id": 1,
    "name": "Business Hours Sync",
    "task_type": "sync",
    "frequency": "cron",
    "cron_expression": "0 9-17 * * 1-5",
    "timezone": "America/New_York",
    "description": "Sync every hour, 9 AM - 5 PM, Monday-Friday ET",
}
SECRET = "AccountName=shop;AccountKey=a2V5czNjcjN0"


def run_of(number: int, project_id: int | None, clock: Any) -> SyncRun:
    one = job(number, 1, clock, project_id)
    return SyncRun(
        job_id=one.job_id,
        schedule_id=one.schedule_id,
        series=one.series,
        project_id=project_id,
        kind="container",
        source="a",
        destination="b",
        status=SyncStatus.SUCCEEDED,
        due_at=one.due_at,
        began_at=one.due_at,
        changed_at=one.due_at,
        counts=Counts(copied=2, same=1, bytes=7),
        segments=2,
    )


def test_a_schedule_without_parameters_needs_one_pair(azurite: Azurite) -> None:
    asking = Asking(make(azurite, tasks=[sync]).app)
    asking.key()
    key = asking.key(Role.ADMIN, 1)

    def ask(method: str, path: str, **body: Any) -> Any:
        return asking.ask(method, f"/api/v1{path}", key, json=body)

    refused = ask("POST", "/schedules", **BODY)
    assert refused.status_code == 422
    assert "give source_id and destination_id, or pair_id" in refused.text
    for name in ("from", "to"):
        target = {"project_id": 1, "name": name, "kind": "container", "container": "box"}
        assert ask("PUT", f"/targets/{name}", **target, url=SECRET).status_code == 201
    pair = {"project_id": 1, "kind": "pair", "source_id": "from", "destination_id": "to"}
    assert ask("PUT", "/targets/p1", **pair, name="p1").status_code == 201
    made = ask("POST", "/schedules", **BODY)
    assert (made.status_code, made.json()["is_active"]) == (201, True)
    assert ask("PUT", "/targets/p2", **pair, name="p2").status_code == 201
    assert "has 2 targets of the kind pair" in ask("POST", "/schedules", **BODY).text
    named = BODY | {"task_parameters": {"pair_id": "p2"}}
    assert ask("POST", "/schedules", **named).status_code == 201
    wrong = {"pair_id": "p2", "mode": "full"}
    answer = ask("POST", "/schedules", **BODY | {"task_parameters": wrong})
    assert answer.status_code == 422
    assert "task_parameters.mode" in answer.text


def test_runs_and_their_reports_are_shown_to_their_project_alone(azurite: Azurite) -> None:
    engine = make(azurite)
    asking, syncs = Asking(engine.app), engine.app.syncs
    for number, project in ((1, 1), (2, 2), (3, None)):
        run = run_of(number, project, engine.clock)
        syncs.write(syncs.state(project, run.schedule_id), State(), run)
        syncs.keep_report(run, 0, [{"name": "x", "did": "copied", "bytes": 7}])
        syncs.keep_report(run, 1, [{"name": "y", "did": "failed", "bytes": 0, "reason": "z"}])
    all_, key = asking.key(), asking.key(Role.ADMIN, 1)
    listed = asking.told("GET", "/api/v1/syncs", key)
    assert [one["project_id"] for one in listed["syncs"]] == [1]
    assert listed["syncs"][0]["counts"]["copied"] == 2
    path = "/api/v1/syncs?schedule_id=nightly"
    assert [one["project_id"] for one in asking.told("GET", path, all_)["syncs"]] == [None, 2, 1]
    path = "/api/v1/syncs/nightly-20300101T030000Z"
    assert asking.told("GET", path, key)["status"] == "succeeded"
    first = asking.told("GET", f"{path}/items", key)
    assert (first["items"][0]["name"], first["next_part"]) == ("x", 1)
    last = asking.told("GET", f"{path}/items?part=1", key)
    assert (last["items"][0]["reason"], last["next_part"]) == ("z", None)
    for other in ("20300102T030000Z", "20300103T030000Z", "20300104T030000Z"):
        for more in ("", "/items"):
            missing = asking.ask("GET", f"/api/v1/syncs/nightly-{other}{more}", key)
            assert missing.status_code == 404
