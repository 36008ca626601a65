"""A scheduled backup of a real database ends up in Blob Storage, proved, also after kill -9."""

from __future__ import annotations

import contextlib
import hashlib
import signal
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import psycopg
import pytest
from azure.storage.blob import BlobClient, ContainerClient

from tests.e2e.conftest import Belfry
from tests.waiting import until

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


def taken(belfry: Belfry, schedule: dict[str, Any]) -> list[dict[str, Any]]:
    """The schedule's backups, newest first, as the API lists them."""
    query = {"schedule_id": schedule["id"]}
    answer = httpx.get(f"{belfry.url}/api/v1/backups", params=query, timeout=30)
    found: list[dict[str, Any]] = answer.raise_for_status().json()["backups"]
    return found


def names(belfry: Belfry) -> list[str]:
    """Every blob that lies there."""
    with ContainerClient.from_connection_string(belfry.facts["storage"], "backups") as container:
        return list(container.list_blob_names()) if container.exists() else []


@contextlib.contextmanager
def kept(belfry: Belfry) -> Iterator[None]:
    """A blob is there before and after."""

    with ContainerClient.from_connection_string(belfry.facts["storage"], "keep") as container:
        container.create_container()
        container.upload_blob("me", b"kept")
    yield
    with BlobClient.from_connection_string(belfry.facts["storage"], "keep", "me") as blob:
        assert blob.download_blob().readall() == b"kept"


@pytest.mark.parametrize("task_type", ["postgres_backup", "database_backup"])
def test_a_backup_due_in_seconds_is_there_and_proved(belfry: Belfry, task_type: str) -> None:
    schedule = create(belfry, task_type=task_type, start_time=soon(3))
    job = ended(belfry, schedule)
    assert job["status"] == "succeeded", job
    assert job["lateness_seconds"] < 2
    (said,) = job["result"]["backups"]
    assert said["verified"] is True and job["result"]["removed"] == []
    (listed,) = taken(belfry, schedule)
    assert (listed["id"], listed["job_id"], listed["verified"]) == (said["id"], job["id"], True)
    assert listed["restore_seconds"] == said["restore_seconds"] > 0
    assert {f"{said['blob']}{end}" for end in ("", ".manifest.json", ".sha256")} < {*names(belfry)}
    whole = httpx.get(f"{belfry.url}/api/v1/backups/{said['id']}", timeout=30).json()
    assert sum(whole["manifest"]["tables"].values()) > 5000
    assert whole["manifest"]["sha256"] == said["sha256"]
    assert "restored; schema and rows agree" in job["log"]
    after = httpx.get(f"{belfry.url}{SCHEDULES}/{schedule['id']}").json()
    assert (after["run_count"], after["success_rate"], after["is_active"]) == (1, 100.0, False)


def test_a_plan_from_its_making_to_a_restored_database(belfry: Belfry) -> None:
    with httpx.Client(base_url=f"{belfry.url}/api/v1/backups", timeout=30) as client:

        def asked(path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
            """The job that a request makes, when it has ended."""
            answer = client.post(path, json=body)
            assert answer.status_code == 202, answer.text
            job = ended(belfry, {"id": answer.json()["schedule_id"]})
            assert job["status"] == "succeeded", job
            return dict(job["result"])

        plan = {"name": "e2e", "project_id": 1, "frequency": "daily", "schedule_time": "03:00"}
        answer = client.post("/plans", json=plan | {"source": "postgres", "retention_days": 7})
        assert answer.status_code == 201, answer.text
        made = answer.json()
        (one,) = asked(f"/plans/{made['schedule_id']}/run")["backups"]
        shown = client.get(f"/plans/{made['schedule_id']}").json()
        assert shown["last_good"]["id"] == one["id"]
        assert shown["sentence"].startswith("You can be back to ")
        link = client.post(f"/{one['id']}/link", json={"minutes": 5}).json()
        content = httpx.get(link["url"]).raise_for_status().content
        assert httpx.get(link["manifest_url"]).raise_for_status().json()["id"] == one["id"]
        stands = client.get("/sources").raise_for_status().json()["sources"]
        (mine,) = [row for row in stands if row["source"] == "postgres" and not row["scope"]]
        assert {"postgres_backup", made["schedule_id"]} <= {p["schedule_id"] for p in mine["plans"]}
        assert mine["sentence"].startswith("You can be back to ")
        assert hashlib.sha256(content).hexdigest() == link["sha256"] == one["sha256"]
        assert asked(f"/{one['id']}/verify")["copies"]["primary"]["verified"] is True
        refused = client.post(f"/{one['id']}/restore", json={"target": "template1"})
        assert refused.status_code == 422 and refused.json()["errors"][0]["field"] == "target"
        restored = asked(f"/{one['id']}/restore")
        server = str(belfry.facts["postgres"]).rpartition("/")[0]
        count = "SELECT count(*) FROM invoices"
        rows = []
        for database in (restored["target"], one["database"]):
            with contextlib.closing(psycopg.connect(f"{server}/{database}")) as connection:
                rows.append(connection.execute(count).fetchone())
        assert rows[0] == rows[1] and rows[0] is not None and rows[0][0] > 0
        for path in (f"/{one['id']}", f"/{one['id']}?force=true"):
            assert client.delete(path).status_code == 409
        assert client.delete(f"/plans/{made['schedule_id']}").status_code == 204
        assert client.get(f"/{one['id']}").json()["verified"] is True


def test_an_interval_runs_again_and_again_on_the_second(belfry: Belfry) -> None:
    often = {"frequency": "interval", "interval_seconds": 2}
    schedule = create(belfry, task_type="schedule_cleanup", **often)

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
            "CREATE TABLE bulk AS SELECT n, md5(n::text) AS text FROM generate_series(1, 200000) n"
        )
    with kept(launch), warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        schedule = create(launch, task_type="postgres_backup", start_time=soon(2))
        until(lambda: [job for job in jobs(launch, schedule) if job["status"] == "running"])
        launch.kill()
        launch.start()
    job = ended(launch, schedule, 60)
    assert (job["status"], job["attempt"]) == ("succeeded", 2), job
    (said,) = job["result"]["backups"]
    (listed,) = taken(launch, schedule)
    assert (listed["id"], listed["state"]) == (said["id"], "verified")
    assert all(name.startswith(said["blob"]) for name in names(launch)), "nothing else is left"


def test_ctrl_c_in_mid_backup_gives_the_job_back_and_the_next_start_runs_it(launch: Belfry) -> None:
    launch.start()
    with kept(launch):
        with contextlib.closing(psycopg.connect(str(launch.facts["postgres"]))) as other:
            other.execute("LOCK TABLE invoices IN ACCESS EXCLUSIVE MODE")  # the backup waits for it
            made = create(launch, task_type="postgres_backup", start_time=soon(600))
            execute = f"{launch.url}{SCHEDULES}/{made['id']}/execute"
            assert httpx.post(execute, json={"force": True}).status_code == 202
            until(lambda: jobs(launch, made)[0]["status"] == "running", 20)
            assert launch.stop(signal.SIGINT) in (0, 2, -signal.SIGINT)
        assert launch.nothing_is_left()
        assert "Everything is stopped." in launch.log() and "Traceback" not in launch.log()
        launch.start()
    job = ended(launch, made, 60)
    assert (job["status"], job["attempt"]) == ("succeeded", 1), job
