"""What a caller of some projects makes and changes: in its own projects alone."""

from __future__ import annotations

import pkgutil
from typing import Any

import pytest

from local.azurite import Azurite
from shared.access import LOCAL, Role
from shared.tasks import JobContext, Params, Result, task
from tests.integration.access.asking import Asking
from tests.integration.access.town import own_work
from tests.integration.engine.conftest import Engine, make

SCHEDULES = "/api/v1/schedules"
BODY: dict[str, Any] = {"name": "x", "task_type": "own_work", "frequency": "daily"}


@task("guarded", role=Role.ADMIN, timeout_seconds=60)
def guarded(job: JobContext, params: Params) -> Result:
    """Is for admins."""
    return {}


@pytest.fixture
def instance(azurite: Azurite) -> Engine:
    return make(azurite, tasks=[own_work, guarded])


@pytest.fixture
def admin(client: Asking) -> str:
    return client.key()


def test_a_caller_of_one_project_gets_it_by_default(client: Asking, admin: str) -> None:
    one = client.key(Role.OPERATOR, 1)
    made = client.told("POST", SCHEDULES, one, json=BODY)
    assert made["project_id"] == 1
    assert client.told("POST", SCHEDULES, admin, json=BODY)["project_id"] is None
    assert client.told("GET", SCHEDULES, one)["total"] == 1
    assert client.told("GET", SCHEDULES, admin)["total"] == 2


def test_a_caller_of_several_says_which(client: Asking, admin: str) -> None:
    two = client.key(Role.OPERATOR, 1, 2)
    said = client.problem(422, "POST", SCHEDULES, two, json=BODY)
    assert said.startswith("project_id: say which project it belongs to; Ana has 1, 2")
    assert client.told("POST", SCHEDULES, two, json=BODY | {"project_id": 2})["project_id"] == 2


def test_a_task_of_the_company_is_set_up_by_who_has_all_projects(
    client: Asking, admin: str
) -> None:
    one = client.key(Role.ADMIN, 1)
    body = BODY | {"task_type": "works"}
    said = client.problem(403, "POST", SCHEDULES, one, json=body)
    assert said.startswith("task_type: works works for all projects, and Ana has only some")
    made = client.told("POST", SCHEDULES, admin, json=body | {"project_id": 1})
    path = f"{SCHEDULES}/{made['id']}"
    assert client.told("PATCH", path, one, json={"name": "theirs"})["name"] == "theirs"
    assert client.ask("PATCH", path, one, json={"task_parameters": {}}).status_code == 403
    assert client.ask("POST", f"{path}/disable", one).status_code == 200
    assert client.ask("POST", f"{path}/execute", one, json={"force": True}).status_code == 202


def test_a_task_for_admins_is_run_by_admins_alone(client: Asking, admin: str) -> None:
    operator = client.key(Role.OPERATOR)
    body = BODY | {"task_type": "guarded"}
    said = client.problem(403, "POST", SCHEDULES, operator, json=body)
    assert said == "this needs the role admin, and Ana is operator"
    made = client.told("POST", SCHEDULES, admin, json=body)
    path = f"{SCHEDULES}/{made['id']}"
    for more, sent in (("/execute", {"force": True}), ("/enable", None), ("/retry", None)):
        assert client.ask("POST", path + more, operator, json=sent).status_code == 403
    job = client.told("POST", f"{path}/execute", admin, json={"force": True})["job_id"]
    for more in ("cancel", "retry"):
        assert client.ask("POST", f"/api/v1/jobs/{job}/{more}", operator).status_code == 403
    assert client.ask("GET", path, operator).status_code == 200


def test_of_events_together_a_project_sees_its_part(client: Asking, admin: str) -> None:
    from shared.alerts.port import AlertKind

    ids = [
        client.told("POST", SCHEDULES, admin, json=BODY | {"project_id": n})["id"] for n in (1, 2)
    ]
    alerts = client.app.alerts()
    for number, one in enumerate(ids, 1):
        alerts.happened(AlertKind.JOB_DEAD, one, f"of {number}", key=f"job-{number}")
    key = client.key(Role.OPERATOR, 1)
    (seen,) = client.told("GET", "/api/v1/alerts", key)["alerts"]
    assert seen["names"] == [{"about": ids[0], "text": "of 1"}]
    assert (seen["text"], seen["count"]) == ("of 1", 1)
    path = f"/api/v1/alerts/{seen['id']}"
    assert client.told("GET", path, key) == seen
    said = client.problem(403, "POST", f"{path}/acknowledge", key, json={"by": "Ana"})
    assert "tells of all projects together" in said
    assert client.told("GET", path, admin)["count"] == 2


def test_the_restore_is_for_admins() -> None:
    from functions.backups.backup_restore import backup_restore

    assert backup_restore.role is Role.ADMIN


def test_no_task_of_the_company_is_for_projects() -> None:
    """A task that is must work with what belongs to its schedule's project alone."""
    import functions
    from functions import customers, workflows

    rooms = [*customers.__path__, *workflows.__path__]
    theirs = {one.name for one in pkgutil.iter_modules(rooms)} - {"workflow_scheduler"}
    assert {one.name for one in functions.tasks() if one.for_projects} == theirs
    assert LOCAL.projects is None
