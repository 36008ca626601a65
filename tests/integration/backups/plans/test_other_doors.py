"""What the routes of backups refuse is refused by whichever door it comes."""

from __future__ import annotations

from typing import Any

import pytest

from shared.engine.commands.once import run_once
from shared.errors import Conflict, Invalid
from tests.integration.backups.client import Client

HOURLY = {"name": "sly", "frequency": "interval", "interval_seconds": 3600}
ID = "1f0c9a2e" * 4

WRONG: list[tuple[str, dict[str, Any], str, str]] = [
    ("backup", {"source": "moon"}, "source", "there is no source 'moon'; there are database, crm"),
    ("backup", {"source": "database", "destinations": ["x"]}, "destinations.0", "primary, offsite"),
    ("backup", {"source": "database", "schemas": ["a"]}, "schemas", "no PostgreSQL server"),
    ("backup", {"source": "database", "encrypt": True}, "encrypt", "BACKUP_ENCRYPTION_KEY"),
    ("database_backup", {"source": "crm"}, "source", "a built-in plan, of 'database'"),
    ("backup_verify", {"backup_id": ID}, "backup_id", f"there is no backup '{ID}'"),
    ("backup_verify", {"backup_id": ID, "destination": "x"}, "destination", "primary, offsite"),
    ("backup_restore", {"backup_id": "zzz"}, "backup_id", "there is no backup 'zzz'"),
    (
        "backup_restore",
        {"backup_id": ID, "target": "shop", "replace": "other"},
        "replace",
        "say its name twice",
    ),
]


@pytest.mark.parametrize(("task", "parameters", "field", "said"), WRONG)
def test_a_schedule_takes_no_more_than_the_routes_of_backups(
    one_for_all: Client, task: str, parameters: dict[str, Any], field: str, said: str
) -> None:
    wanted = HOURLY | {"task_type": task, "task_parameters": parameters}
    problem = one_for_all.problem(422, "POST", "/schedules", wanted)
    (error,) = problem["errors"]
    assert error["field"] == f"task_parameters.{field}"
    assert said in error["message"]
    with pytest.raises(Invalid, match=f"task_parameters.{field}"):
        by_hand(one_for_all, task, parameters)


def by_hand(client: Client, task: str, parameters: dict[str, Any]) -> object:
    """As the command line does."""
    made = client.app.registry.get(task)
    return run_once(
        client.app.manager, client.app.clock, made, parameters, name="by hand", send=False
    )


def test_a_built_in_plan_goes_on_with_its_own_source(client: Client) -> None:
    path = "/schedules/database_backup"
    for source in ("crm", "moon"):
        problem = client.problem(422, "PATCH", path, {"task_parameters": {"source": source}})
        assert [one["field"] for one in problem["errors"]] == ["task_parameters.source"]
    problem = client.problem(422, "PATCH", "/backups/plans/database_backup", {"source": "crm"})
    assert [one["field"] for one in problem["errors"]] == ["source"]
    kept = {"source": "database", "retention": {"days": 9}}
    assert client.told("PATCH", path, {"task_parameters": kept})["task_parameters"] == kept


def test_a_restore_is_asked_for_each_time(client: Client) -> None:
    backup = client.taken(client.plan())
    order = {"backup_id": backup["id"], "target": "company", "replace": "company"}
    wanted = HOURLY | {"task_type": "backup_restore", "task_parameters": order}
    (error,) = client.problem(422, "POST", "/schedules", wanted)["errors"]
    assert error["field"] == "task_type" and "a person asks" in error["message"]
    asked = client.told("POST", f"/backups/{backup['id']}/restore", {"target": "copy"})
    client.done(asked)
    path = f"/schedules/{asked['schedule_id']}"
    once_more: dict[str, Any] = {"enabled": True}
    for change in (once_more, {"frequency": "interval", "interval_seconds": 3600}):
        client.problem(422, "PATCH", path, change)
    client.problem(422, "POST", f"{path}/enable")


def test_a_backup_that_is_not_proved_is_restored_by_no_door(client: Client) -> None:
    backup = client.taken(client.plan(destinations=["primary"]))
    container = client.container()
    for blob in container.list_blobs():
        if ".verified." in blob.name:
            container.delete_blob(blob.name)
    (copy,) = client.told("GET", f"/backups/{backup['id']}")["copies"]
    assert copy["state"] == "unproved"
    with pytest.raises(Conflict, match="not to be relied upon"):
        by_hand(client, "backup_restore", {"backup_id": backup["id"]})
