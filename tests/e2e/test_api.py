"""The API over HTTP, through the host and Microsoft's ASGI bridge."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.e2e.conftest import Belfry

GOOD: dict[str, Any] = {
    "project_id": 7,
    "name": "Nightly",
    "task_type": "database_backup",
    "frequency": "cron",
    "cron_expression": "30 2 * * *",
    "timezone": "Europe/Berlin",
    "tags": ["nightly"],
}


@pytest.fixture
def client(belfry: Belfry) -> Any:
    with httpx.Client(base_url=f"{belfry.url}/api/v1", timeout=30) as made:
        yield made


def test_create_gives_everything_that_c4_names(client: httpx.Client) -> None:
    answer = client.post("/schedules", json=GOOD)
    assert answer.status_code == 201
    made = answer.json()
    assert GOOD.items() <= made.items()
    assert made["run_count"] == 0 and made["success_rate"] is None and made["is_active"] is True
    for name in ("id", "next_run_at", "last_run_at", "last_error", "created_at", "updated_at"):
        assert name in made
    assert client.get(f"/schedules/{made['id']}").json() == made


@pytest.mark.parametrize(
    ("change", "field", "said"),
    [
        ({"timezone": "Europe/Berln"}, "timezone", "Europe/Berlin"),
        ({"cron_expression": "0 0 31 2 *"}, "cron_expression", "never"),
        ({"cron_expression": "0 30 2 * * *"}, "cron_expression", "six fields"),
        ({"cron_expression": "61 * * * *"}, "cron_expression", "minute"),
        ({"task_type": "databse_backup"}, "task_type", "database_backup"),
        ({"task_parameters": {"x": 1}}, "task_parameters.x", "none"),
        ({"colour": "red"}, "colour", "not permitted"),
        ({"frequency": "interval", "cron_expression": None}, "interval_seconds", "seconds"),
        ({"frequency": "sometimes"}, "frequency", "hourly"),
        ({"start_time": "2030-01-01T00:00:00"}, "start_time", "offset"),
        ({"name": ""}, "name", "at least 1"),
        ({"task_parameters": {"x": "y" * 40_000}}, "task_parameters", "30000"),
        ({"project_id": 2**63}, "project_id", "less than"),
    ],
)
def test_bad_input_is_a_problem_that_names_the_field(
    client: httpx.Client, change: dict[str, Any], field: str, said: str
) -> None:
    before = client.get("/schedules").json()["total"]
    answer = client.post("/schedules", json=GOOD | change)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert [item["field"] for item in problem["errors"]] == [field]
    assert said in problem["errors"][0]["message"]
    assert client.get("/schedules").json()["total"] == before


def test_numbers_beyond_31_bits_are_kept(client: httpx.Client) -> None:
    rare = {"frequency": "interval", "cron_expression": None, "interval_seconds": 3_000_000_000}
    made = client.post("/schedules", json=GOOD | rare | {"project_id": 2**62}).json()
    kept = client.get(f"/schedules/{made['id']}").json()
    assert (kept["project_id"], kept["interval_seconds"]) == (2**62, 3_000_000_000)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"x"', b"\xff"])
def test_what_is_no_json_object_is_a_problem(client: httpx.Client, body: bytes) -> None:
    answer = client.post("/schedules", content=body, headers={"content-type": "application/json"})
    assert 400 <= answer.status_code < 500, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_change_of_the_time_computes_the_next_run_anew(client: httpx.Client) -> None:
    made = client.post("/schedules", json=GOOD).json()
    path = f"/schedules/{made['id']}"
    renamed = client.patch(path, json={"name": "Other"}).json()
    assert renamed["name"] == "Other" and renamed["next_run_at"] == made["next_run_at"]
    moved = client.patch(path, json={"cron_expression": "45 2 * * *"}).json()
    assert moved["next_run_at"] != made["next_run_at"]
    hourly = client.patch(path, json={"frequency": "hourly"}).json()
    assert hourly["cron_expression"] is None and hourly["next_run_at"].endswith(":00:00Z")
    bad = client.patch(path, json={"timezone": "Mars/Olympus"})
    assert bad.status_code == 422 and client.get(path).json() == hourly


def test_off_on_and_gone(client: httpx.Client) -> None:
    path = f"/schedules/{client.post('/schedules', json=GOOD).json()['id']}"
    assert client.post(f"{path}/disable").json()["next_run_at"] is None
    refused = client.post(f"{path}/execute")
    assert refused.status_code == 409 and "force" in refused.json()["detail"]
    assert client.post(f"{path}/enable").json()["is_active"] is True
    assert client.delete(path).status_code == 204
    assert client.get(path).status_code == 404
    assert client.delete("/schedules/database_backup").status_code == 409


def test_run_now_answers_with_its_job(client: httpx.Client) -> None:
    made = client.post("/schedules", json=GOOD).json()
    answer = client.post(f"/schedules/{made['id']}/execute", json={"force": True})
    assert answer.status_code == 202
    asked = answer.json()
    assert asked["schedule_id"] == made["id"] and asked["schedule_name"] == "Nightly"
    assert client.get(f"/jobs/{asked['job_id']}").json()["manual"] is True


def test_lists_have_pages(client: httpx.Client) -> None:
    for _ in range(3):
        client.post("/schedules", json=GOOD | {"project_id": 99})
    page = client.get("/schedules", params={"project_id": 99, "page_size": 2, "page": 2}).json()
    assert (page["total"], page["pages"], len(page["schedules"])) == (3, 2, 1)
    assert set(client.get("/jobs").json()) == {"jobs", "total", "page", "page_size", "pages"}
    assert client.get("/jobs", params={"page_size": 101}).status_code == 422
    assert client.get("/schedules/due/list", params={"limit": 500}).json()["total"] == 0


@pytest.mark.parametrize(
    "path", ["/schedules/none", "/jobs/none", "/jobs/a-20269999T000000Z", "/x"]
)
def test_what_is_not_there_is_a_problem(client: httpx.Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


def test_status_and_uptime(belfry: Belfry) -> None:
    status = httpx.get(f"{belfry.url}/status").json()
    assert [job["id"] for job in status["jobs"]] == ["database_backup", "postgres_backup"]
    assert all(job["next_run_at"] for job in status["jobs"])
    assert httpx.get(f"{belfry.url}/ops/uptime").json()["uptime_seconds"] > 0


def test_the_api_describes_itself(belfry: Belfry) -> None:
    assert "swagger" in httpx.get(f"{belfry.url}/api/docs").text.lower()
    assert "/api/v1/schedules" in httpx.get(f"{belfry.url}/api/openapi.json").json()["paths"]
