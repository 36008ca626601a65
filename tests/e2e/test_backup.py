"""A scheduled backup of a real database ends up in Blob Storage, proved, also after kill -9."""

from __future__ import annotations

import contextlib
import json
import warnings
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import psycopg
import pytest
from azure.storage.blob import ContainerClient

from tests.e2e.conftest import Belfry, until

SCHEDULES = "/api/v1/schedules"


def create(belfry: Belfry, **fields: Any) -> dict[str, Any]:
    body = {"project_id": 1, "name": "test", "frequency": "once"} | fields
    answer = httpx.post(belfry.url + SCHEDULES, json=body)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def soon(seconds: float) -> str:
    due = datetime.now(UTC) + timedelta(seconds=seconds)
    return due.replace(microsecond=0).isoformat()


def jobs(belfry: Belfry, schedule: dict[str, Any]) -> list[dict[str, Any]]:
    query = {"tags.schedule_id": schedule["id"]}
    found: list[dict[str, Any]] = httpx.get(belfry.url + "/api/v1/jobs", params=query).json()[
        "jobs"
    ]
    return found


def ended(belfry: Belfry, schedule: dict[str, Any], seconds: float = 30) -> dict[str, Any]:
    """The schedule's only job, when it has ended, with its log."""

    def ask() -> Any:
        found = jobs(belfry, schedule)
        return found and found[0]["status"] not in ("queued", "running") and found

    (job,) = until(ask, seconds)
    whole: dict[str, Any] = httpx.get(f"{belfry.url}/api/v1/jobs/{job['id']}").json()
    return whole


def backups(belfry: Belfry) -> dict[str, dict[str, Any] | None]:
    """Every backup's blob, with its manifest, if it has one."""
    with ContainerClient.from_connection_string(belfry.facts["storage"], "backups") as container:
        names = [blob.name for blob in container.list_blobs()] if container.exists() else []
        read = {
            name: json.loads(container.download_blob(name).readall())
            for name in names
            if name.endswith(".manifest.json")
        }
    return {
        name: read.get(f"{name}.manifest.json")
        for name in names
        if not name.endswith(".manifest.json")
    }


@pytest.mark.parametrize("task_type", ["postgres_backup", "database_backup"])
def test_a_backup_due_in_seconds_is_there_and_proved(belfry: Belfry, task_type: str) -> None:
    schedule = create(belfry, task_type=task_type, start_time=soon(3))
    job = ended(belfry, schedule)
    assert job["status"] == "succeeded", job
    assert job["lateness_seconds"] < 2
    manifest = backups(belfry)[job["result"]["blob"]]
    assert manifest == job["result"]
    assert manifest is not None and manifest["verified"] is True
    assert sum(manifest["tables"].values()) > 5000
    assert manifest["job_id"] == job["id"]
    assert "row counts agree" in job["log"]
    after = httpx.get(f"{belfry.url}{SCHEDULES}/{schedule['id']}").json()
    assert (after["run_count"], after["success_rate"], after["is_active"]) == (1, 1.0, False)


def test_an_interval_runs_again_and_again_on_the_second(belfry: Belfry) -> None:
    schedule = create(belfry, task_type="database_backup", frequency="interval", interval_seconds=2)

    def three() -> Any:
        return len([job for job in jobs(belfry, schedule) if job["status"] == "succeeded"]) >= 3

    until(three)
    httpx.delete(f"{belfry.url}{SCHEDULES}/{schedule['id']}").raise_for_status()
    done = [job for job in jobs(belfry, schedule) if job["status"] == "succeeded"]
    assert all(job["lateness_seconds"] < 2 for job in done)
    assert len({job["due_at"] for job in done}) == len(done)


def test_the_hosts_admin_route_runs_a_task_now(belfry: Belfry) -> None:
    before = len(jobs(belfry, {"id": "database_backup"}))
    url = f"{belfry.url}/admin/functions/database_backup"
    assert httpx.post(url, json={}).status_code == 202

    def ran() -> Any:
        found = jobs(belfry, {"id": "database_backup"})
        return len(found) > before and found[0]["status"] == "succeeded" and found[0]

    assert until(ran)["manual"] is True


def test_killed_in_the_middle_of_a_backup_it_ends_succeeded_once(launch: Belfry) -> None:
    launch.settings["JOB_LEASE_SECONDS"] = "3"
    launch.start()
    with psycopg.connect(launch.facts["postgres"]) as connection:
        connection.execute(
            "CREATE TABLE bulk AS SELECT n, md5(n::text) AS text FROM generate_series(1, 600000) n"
        )
    schedule = create(launch, task_type="postgres_backup", start_time=soon(2))
    until(lambda: [job for job in jobs(launch, schedule) if job["status"] == "running"])
    launch.kill()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        launch.start()
    assert all(manifest and not manifest["verified"] for manifest in backups(launch).values())
    job = ended(launch, schedule, 60)
    assert (job["status"], job["attempt"]) == ("succeeded", 2), job
    left = backups(launch)
    assert [manifest and manifest["verified"] for manifest in left.values()] == [True]
    assert job["result"]["blob"] in left


def test_ctrl_c_in_mid_backup_gives_the_job_back_and_the_next_start_runs_it(launch: Belfry) -> None:
    launch.start()
    with contextlib.closing(psycopg.connect(str(launch.facts["postgres"]))) as other:
        other.execute("LOCK TABLE invoices IN ACCESS EXCLUSIVE MODE")  # the backup waits for it
        made = create(launch, task_type="postgres_backup", start_time=soon(600))
        execute = f"{launch.url}{SCHEDULES}/{made['id']}/execute"
        assert httpx.post(execute, json={"force": True}).status_code == 202
        until(lambda: jobs(launch, made)[0]["status"] == "running", 20)
        launch.stop()
    launch.start()
    job = ended(launch, made, 20)  # long before its lease would have ended
    assert (job["status"], job["attempt"]) == ("succeeded", 1), job
