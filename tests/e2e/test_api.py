"""The API over HTTP, through the host and Microsoft's ASGI bridge."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from shared.api.problems import Problem
from tests import described
from tests.e2e.conftest import Belfry
from tests.waiting import until

GOOD: dict[str, Any] = {
    "project_id": 7,
    "name": "Nightly",
    "task_type": "database_backup",
    "frequency": "cron",
    "cron_expression": "30 2 * * *",
    "timezone": "Europe/Berlin",
    "tags": {"team": "backend"},
}


@pytest.fixture
def client(belfry: Belfry) -> Any:
    """Each answer that it gets is one that the description has."""
    hook = described.check(httpx.get(f"{belfry.url}/api/openapi.json").json())
    url = f"{belfry.url}/api/v1"
    with httpx.Client(base_url=url, timeout=30, event_hooks={"response": [hook]}) as made:
        yield made


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def plain(saved: dict[str, Any]) -> dict[str, Any]:
    """What was saved, as a read shows it: without warnings."""
    return {name: value for name, value in saved.items() if name != "warnings"}


def test_create_gives_everything_that_c4_names(client: httpx.Client) -> None:
    answer = client.post("/schedules", json=GOOD)
    assert answer.status_code == 201
    made = answer.json()
    assert GOOD.items() <= made.items()
    assert made["run_count"] == 0 and made["success_rate"] is None and made["is_active"] is True
    for name in ("id", "next_run_at", "last_run_at", "last_error", "created_at", "updated_at"):
        assert name in made
    assert client.get(f"/schedules/{made['id']}").json() == plain(made)


@pytest.mark.parametrize(
    ("change", "field", "said"),
    [
        ({"timezone": "Europe/Berln"}, "timezone", "Europe/Berlin"),
        ({"cron_expression": "0 0 31 2 *"}, "cron_expression", "never"),
        ({"cron_expression": "0 30 2 * * *"}, "cron_expression", "six fields"),
        ({"cron_expression": "61 * * * *"}, "cron_expression", "minute"),
        ({"cron_expression": "*/99 * * * *"}, "cron_expression", "minute '*/99': a step of 99"),
        ({"task_type": "databse_backup"}, "task_type", "database_backup"),
        ({"task_parameters": {"x": 1}}, "task_parameters.x", "there are: source"),
        ({"colour": "red"}, "colour", "no such field; there are: description, task_parameters"),
        ({"enabled": "perhaps"}, "enabled", "true or false"),
        ({"frequency": "interval", "cron_expression": None}, "interval_seconds", "seconds"),
        ({"frequency": "sometimes"}, "frequency", "hourly"),
        ({"start_time": "2030-01-01T00:00:00"}, "start_time", "offset"),
        ({"name": ""}, "name", "it is empty"),
        ({"task_parameters": {"x": "y" * 40_000}}, "task_parameters", "30000"),
        ({"project_id": 2**63}, "project_id", "or less"),
        ({"catch_up": "some"}, "catch_up", "latest"),
        ({"catch_up_limit": 0}, "catch_up_limit", "give 1 or more"),
        ({"catch_up_limit": 1001}, "catch_up_limit", "or less"),
        ({"overlap": "wait"}, "overlap", "buffer_one"),
        ({"jitter_seconds": -1}, "jitter_seconds", "give 0 or more"),
        ({"jitter_seconds": 86_401}, "jitter_seconds", "or less"),
        ({"max_runs": 0}, "max_runs", "give 1 or more"),
        ({"pause_after_failures": 0}, "pause_after_failures", "give 1 or more"),
        ({"max_retry_delay_seconds": 86_401}, "max_retry_delay_seconds", "or less"),
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


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"{bad", "not JSON: Expecting property name enclosed in double quotes at line 1 column 2"),
        (b'{"name": "x",\n "tags": [}', "not JSON: Expecting value at line 2 column 11"),
        (b"[]", "send a JSON object"),
        (b"", "send a JSON object, with the header Content-Type: application/json"),
    ],
)
def test_what_is_wrong_with_a_body_is_said(client: httpx.Client, body: bytes, said: str) -> None:
    answer = client.post("/schedules", content=body, headers={"content-type": "application/json"})
    assert answer.json()["detail"] == f"body: {said}"
    assert answer.json()["errors"] == [{"field": "body", "message": said}]


@pytest.mark.parametrize("sent_as", [None, "application/x-www-form-urlencoded", "text/plain"])
@pytest.mark.parametrize("path", ["/schedules", "/schedules/database_backup/execute"])
def test_a_body_that_is_not_sent_as_json_is_told_how(
    client: httpx.Client, sent_as: str | None, path: str
) -> None:
    headers = {} if sent_as is None else {"content-type": sent_as}
    answer = client.post(path, content=b'{"force": true}', headers=headers)
    assert answer.status_code == 415
    assert answer.json()["detail"] == (
        "body: send it as JSON, with the header Content-Type: application/json"
    )


def test_all_wrong_fields_are_told_at_once(client: httpx.Client) -> None:
    wrong = {"timezone": "Europe/Berln", "max_runs": 0, "task_parameters": {"x": "y" * 40_000}}
    errors = client.post("/schedules", json=GOOD | wrong).json()["errors"]
    assert {item["field"] for item in errors} == set(wrong)
    assert not any(item["message"].startswith("Value error") for item in errors)


def test_a_change_that_changes_nothing_leaves_no_trace(client: httpx.Client) -> None:
    made = client.post("/schedules", json=GOOD).json()
    path = f"/schedules/{made['id']}"
    same: list[dict[str, Any]] = [{}, {"name": GOOD["name"]}, {"enabled": True}]
    for body in same:
        assert plain(client.patch(path, json=body).json()) == plain(made)
    assert client.post(f"{path}/enable").json() == plain(made)
    assert client.patch(path, json={"name": "Other"}).json()["updated_at"] > made["updated_at"]


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
    assert bad.status_code == 422 and client.get(path).json() == plain(hourly)


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


POLICY: dict[str, Any] = {
    "misfire_grace_seconds": 60,
    "catch_up": "all",
    "catch_up_limit": 1000,
    "overlap": "cancel_other",
    "jitter_seconds": 3600,
    "max_runs": 5,
    "pause_after_failures": 2,
    "timeout_seconds": 30,
    "max_attempts": 4,
    "retry_delay_seconds": 900,
    "max_retry_delay_seconds": 60,
    "band": "show",
}


def test_every_policy_is_kept_and_changed(client: httpx.Client) -> None:
    made = client.post("/schedules", json=GOOD | POLICY).json()
    path = f"/schedules/{made['id']}"
    assert POLICY.items() <= made.items() and POLICY.items() <= client.get(path).json().items()
    other = {"overlap": "buffer_all", "jitter_seconds": 0, "max_runs": 6}
    assert (POLICY | other).items() <= client.patch(path, json=other).json().items()
    cleared = client.patch(path, json={"max_runs": None, "pause_after_failures": None}).json()
    assert cleared["max_runs"] is None and cleared["pause_after_failures"] is None
    kept = client.patch(path, json={"jitter_seconds": None, "overlap": None}).json()
    assert (kept["jitter_seconds"], kept["overlap"]) == (0, "buffer_all")


def schemas(belfry: Belfry) -> dict[str, Any]:
    spec = httpx.get(f"{belfry.url}/api/openapi.json").json()
    return dict(spec["components"]["schemas"])


def test_the_defaults_are_those_that_the_schema_names(belfry: Belfry, client: httpx.Client) -> None:
    made = client.post("/schedules", json=GOOD).json()
    said = schemas(belfry)["NewSchedule"]
    for name in ("catch_up", "catch_up_limit", "overlap", "jitter_seconds", "max_runs"):
        default = "null" if made[name] is None else made[name]
        assert f"Default: {default}" in " ".join(said["properties"][name]["description"].split())


def test_the_overlap_words_are_in_the_schema(belfry: Belfry) -> None:
    assert set(schemas(belfry)["Overlap"]["enum"]) == {
        "skip",
        "buffer_one",
        "buffer_all",
        "cancel_other",
        "allow_all",
    }


def test_the_next_run_is_shown_with_its_jitter(client: httpx.Client) -> None:
    plain = client.post("/schedules", json=GOOD).json()
    assert plain["next_effective_at"] == plain["next_run_at"]
    made = client.post("/schedules", json=GOOD | {"jitter_seconds": 3600}).json()
    due, effective = (instant(made[name]) for name in ("next_run_at", "next_effective_at"))
    assert timedelta() < effective - due <= timedelta(hours=1)


def test_the_next_run_is_the_one_that_begins_next(belfry: Belfry, client: httpx.Client) -> None:
    often = {"frequency": "interval", "cron_expression": None, "interval_seconds": 20}
    made = client.post("/schedules", json=GOOD | often | {"max_runs": 3}).json()
    first = instant(made["next_run_at"])
    assert made["handed_out"] == 3 and made["inactive_reason"] is None
    assert timedelta() < first - instant(made["created_at"]) <= timedelta(seconds=20)
    line = next(
        one
        for one in belfry.log().splitlines()
        if f"schedule_created schedule_id={made['id']}" in one
    )
    assert f"next_run_at={made['next_run_at']}" in line
    asked = client.post(f"/schedules/{made['id']}/execute", json={"force": True}).json()
    assert instant(asked["next_run_at"]) >= first
    until(lambda: instant(client.get(f"/schedules/{made['id']}").json()["next_run_at"]) > first, 30)
    client.delete(f"/schedules/{made['id']}")


def test_why_a_schedule_is_inactive_is_said(client: httpx.Client) -> None:
    made = client.post("/schedules", json=GOOD).json()
    path = f"/schedules/{made['id']}"
    assert made["inactive_reason"] is None and made["paused_reason"] is None
    assert client.post(f"{path}/disable").json()["inactive_reason"] == "turned off"
    assert client.patch(path, json={"enabled": True}).json()["inactive_reason"] is None
    refused = client.patch(path, json={"end_time": "2020-01-01T00:00:00Z"})
    assert refused.status_code == 422 and refused.json()["errors"][0]["field"] == "end_time"
    assert client.get(path).json()["is_active"] is True


def soon(client: httpx.Client, **changes: Any) -> tuple[str, str]:
    """A schedule that runs once, in forty seconds, and its job, which is handed out already."""
    at = (datetime.now(UTC) + timedelta(seconds=40)).replace(microsecond=0)
    once = {"frequency": "once", "cron_expression": None, "start_time": at.isoformat()}
    made = client.post("/schedules", json=GOOD | once | changes).json()
    assert instant(made["next_run_at"]) == at and made["is_active"] is True
    return made["id"], f"{made['id']}-{at:%Y%m%dT%H%M%SZ}"


def test_a_job_is_cancelled_and_run_again(client: httpx.Client) -> None:
    schedule_id, job_id = soon(client)
    waiting = client.get(f"/jobs/{job_id}").json()
    assert (waiting["status"], waiting["cancel_requested"]) == ("queued", False)
    assert waiting["effective_at"] == waiting["due_at"] and waiting["retry_of"] is None
    answer = client.post(f"/jobs/{job_id}/cancel", json={"reason": "not today"})
    assert answer.status_code == 202
    assert (answer.json()["status"], answer.json()["reason"]) == ("cancelled", "not today")
    assert client.post(f"/jobs/{job_id}/cancel").status_code == 202
    assert client.get(f"/schedules/{schedule_id}").json()["cancelled_count"] == 1

    again = client.post(f"/jobs/{job_id}/retry")
    assert again.status_code == 202
    assert (again.json()["id"], again.json()["retry_of"]) == (f"{job_id}-r1", job_id)
    assert client.post(f"/jobs/{job_id}/retry").json()["id"] == f"{job_id}-r1"
    path = f"/jobs/{job_id}-r1"
    until(lambda: client.get(path).json()["status"] == "succeeded", 60)
    for verb, said in (("cancel", "ended: succeeded"), ("retry", "it succeeded")):
        refused = client.post(f"{path}/{verb}")
        assert refused.status_code == 409 and said in refused.json()["detail"]
        assert refused.headers["content-type"] == "application/problem+json"
    listed = client.get("/jobs", params={"tags.schedule_id": schedule_id}).json()["jobs"]
    assert {job["id"]: job["status"] for job in listed} == {
        job_id: "cancelled",
        f"{job_id}-r1": "succeeded",
    }


def test_a_schedule_with_nothing_failed_has_nothing_to_retry(client: httpx.Client) -> None:
    made = client.post("/schedules", json=GOOD).json()
    answer = client.post(f"/schedules/{made['id']}/retry")
    assert answer.status_code == 202
    assert answer.json() == {"schedule_id": made["id"], "job_ids": []}


@pytest.mark.parametrize(
    "path",
    ["/jobs/none/cancel", "/jobs/a-20260301T120000Z/cancel", "/jobs/x/retry", "/schedules/x/retry"],
)
def test_what_is_not_there_is_neither_cancelled_nor_retried(
    client: httpx.Client, path: str
) -> None:
    answer = client.post(path)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("body", [{"reason": ""}, {"reason": "x" * 201}, {"because": "x"}])
def test_a_wrong_reason_is_a_problem(client: httpx.Client, body: dict[str, str]) -> None:
    _, job_id = soon(client)
    answer = client.post(f"/jobs/{job_id}/cancel", json=body)
    assert answer.status_code == 422
    assert [item["field"] for item in answer.json()["errors"]] == [next(iter(body))]
    assert client.post(f"/jobs/{job_id}/cancel").json()["status"] == "cancelled"


def test_lists_have_pages(client: httpx.Client) -> None:
    for _ in range(3):
        client.post("/schedules", json=GOOD | {"project_id": 99})
    page = client.get("/schedules", params={"project_id": 99, "page_size": 2, "page": 2}).json()
    assert (page["total"], page["pages"], len(page["schedules"])) == (3, 2, 1)
    paging = {"total", "page", "page_size", "pages", "next_cursor"}
    assert set(client.get("/jobs").json()) == {"jobs", *paging}
    assert client.get("/jobs", params={"page_size": 101}).status_code == 422
    assert client.get("/schedules/due/list", params={"limit": 500}).json() == []


def test_a_parameter_that_a_route_does_not_take_is_refused_by_name(
    belfry: Belfry, client: httpx.Client
) -> None:
    paths = httpx.get(f"{belfry.url}/api/openapi.json").json()["paths"]
    operations = [(path, method) for path, methods in paths.items() for method in methods]
    assert len(operations) > 10
    for path, method in operations:
        url = f"{belfry.url}{path.replace('{schedule_id}', 'none').replace('{job_id}', 'none')}"
        answer = httpx.request(method, url, params={"proj": "7", "page_sise": "1"}, json=GOOD)
        assert answer.status_code == 422, (method, path, answer.text)
        assert answer.headers["content-type"] == "application/problem+json"
        wrong = answer.json()["errors"]
        assert [item["field"] for item in wrong] == ["proj", "page_sise"]
        said = paths[path][method].get("parameters", [])
        known = [one["name"] for one in said if one["in"] != "header"]
        for name in known:
            assert name in wrong[0]["message"] or f"{{{name}}}" in path
    assert client.get("/jobs", params={"code": "a-functions-key"}).status_code == 200


def test_jobs_are_found_by_schedule_project_type_status_and_time(client: httpx.Client) -> None:
    schedule_id, job_id = soon(client, project_id=4711)
    due = instant(client.get(f"/jobs/{job_id}").json()["due_at"])
    client.post(f"/jobs/{job_id}/cancel")

    def found(**filters: Any) -> list[str]:
        named = {"from" if name == "since" else name: value for name, value in filters.items()}
        answer = client.get("/jobs", params=named)
        assert answer.status_code == 200, answer.text
        return [job["id"] for job in answer.json()["jobs"]]

    for mine in ({"schedule_id": schedule_id}, {"tags.schedule_id": schedule_id}):
        assert found(**mine) == [job_id]
        assert found(**mine, project_id=4711, status="cancelled", task_type=GOOD["task_type"]) == [
            job_id
        ]
        at, later = due.isoformat(), (due + timedelta(seconds=1)).isoformat()
        assert found(**mine, since=at, to=later) == [job_id]
        assert found(**mine, to=at) == [] and found(**mine, since=later) == []
        assert found(**mine, since="1901-01-01T00:00:00Z", to="8999-01-01T00:00:00Z") == [job_id]
        for other in ({"project_id": 1}, {"status": "failed"}, {"task_type": "postgres_backup"}):
            assert found(**mine, **other) == []
    assert found(project_id=4711) == [job_id]
    assert found(**{"schedule_id": schedule_id, "tags.schedule_id": "other"}) == []


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"schedule_id": "x' or RowKey ge 'job:"}, "schedule_id"),
        ({"tags.schedule_id": "x' or RowKey ge 'job:"}, "tags.schedule_id"),
        ({"from": "yesterday"}, "from"),
        ({"to": "2026-03-01T12:00:00"}, "to"),
        ({"from": "2026-03-02T00:00:00Z", "to": "2026-03-01T00:00:00Z"}, "from"),
        ({"status": "done"}, "status"),
        ({"project_id": "x"}, "project_id"),
    ],
)
def test_a_wrong_filter_of_jobs_is_named(
    client: httpx.Client, params: dict[str, str], field: str
) -> None:
    answer = client.get("/jobs", params=params)
    assert answer.status_code == 422
    assert [item["field"] for item in answer.json()["errors"]] == [field]


@pytest.mark.parametrize(
    "path", ["/schedules/none", "/jobs/none", "/jobs/a-20269999T000000Z", "/x"]
)
def test_what_is_not_there_is_a_problem(client: httpx.Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/schedules", "GET, HEAD, POST, OPTIONS"),
        ("PUT", "/schedules/none", "GET, HEAD, PATCH, DELETE, OPTIONS"),
        ("GET", "/schedules/none/execute", "POST, OPTIONS"),
        ("DELETE", "/jobs", "GET, HEAD, OPTIONS"),
        ("POST", "/schedules/none/occurrences", "GET, HEAD, OPTIONS"),
        ("DELETE", "/backups/plans", "GET, HEAD, POST, OPTIONS"),
        ("GET", "/backups/retention", "POST, OPTIONS"),
    ],
)
def test_a_method_that_is_not_allowed_is_told_which_are(
    client: httpx.Client, method: str, path: str, allowed: str
) -> None:
    answer = client.request(method, path)
    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)
    assert answer.headers["content-type"] == "application/problem+json"


def _said(operation: dict[str, Any]) -> list[dict[str, Any]]:
    said: list[dict[str, Any]] = operation.get("parameters", [])
    return said


def test_every_operation_says_which_problems_it_may_answer_with(belfry: Belfry) -> None:
    spec = httpx.get(f"{belfry.url}/api/openapi.json").json()
    assert not {"HTTPValidationError", "ValidationError"} & set(spec["components"]["schemas"])
    for path, operations in spec["paths"].items():
        for method, operation in operations.items():
            expected = {"422", "500", "502", "503"}
            looked_up = "{" in path or path.endswith(("/retention", "/usage"))
            expected |= {"404"} if looked_up else set()
            is_plan = path.endswith("/plans/{schedule_id}")
            expected |= {"409"} if method != "get" or is_plan else set()
            expected |= {"400", "411", "413", "415"} if "requestBody" in operation else set()
            answers = operation["responses"]
            expected |= {"403", "429"}
            by_revision = method == "put" and "/applied/" in path  # its body has revisions
            guarded = by_revision or any(one["name"] == "If-Match" for one in _said(operation))
            guarded = guarded and "/approvals/" not in path  # there, another content is a conflict
            stale = {"412"} if guarded else set()
            told = {status for status in answers if status >= "400"}
            assert told == expected | {"401"} | stale, (method, path)
            for status in expected:
                content = answers[status]["content"]["application/problem+json"]
                assert content["schema"] == {"$ref": "#/components/schemas/Problem"}
            assert "Retry-After" in answers["503"]["headers"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("post", "/api/v1/schedules", b"\xff", 400),
        ("get", "/api/v1/jobs/none", b"", 404),
        ("put", "/api/v1/jobs", b"", 405),
        ("delete", "/api/v1/schedules/database_backup", b"", 409),
        ("post", "/api/v1/schedules", b" " * 1_000_001, 413),
        ("post", "/api/v1/schedules", b"{}", 422),
        ("post", "/api/v1/backups/retention", b'{"schedule_id": "none"}', 404),
    ],
)
def test_a_problem_is_what_the_description_says(
    belfry: Belfry, method: str, path: str, body: bytes, status: int
) -> None:
    said = schemas(belfry)["Problem"]
    headers = {"content-type": "application/json"}
    answer = httpx.request(method, f"{belfry.url}{path}", content=body, headers=headers)
    assert (answer.status_code, answer.json()["status"]) == (status, status)
    assert answer.headers["content-type"] == "application/problem+json"
    assert set(said["required"]) <= set(answer.json()) <= set(said["properties"])
    Problem.model_validate_json(answer.content, strict=True)


@pytest.mark.parametrize("path", ["/status", "/", "/api/v1/schedules", "/api/v1/jobs/none"])
def test_head_and_options_go_through_the_host(belfry: Belfry, path: str) -> None:
    url = f"{belfry.url}{path}"
    get, head = httpx.get(url), httpx.head(url)
    assert (head.status_code, head.content) == (get.status_code, b"")
    assert head.headers["content-length"] not in ("", "0")
    options = httpx.options(url)
    assert options.status_code == 204 and options.headers["allow"].startswith("GET, HEAD")


def test_a_hook_is_open_to_all_and_takes_only_what_is_signed(belfry: Belfry) -> None:
    url = f"{belfry.url}/hooks/twilio/status"
    refused = httpx.post(url, data={"MessageSid": "SM1"})
    assert (refused.status_code, refused.json()["title"]) == (403, "Not signed")
    options = httpx.options(url)
    assert (options.status_code, options.headers["allow"]) == (204, "POST, OPTIONS")
    assert httpx.get(url).status_code == 404, "the site has no such page"


def test_a_body_of_any_size_is_refused_at_once(belfry: Belfry) -> None:
    headers = {"content-type": "application/json"}
    answer = httpx.post(
        f"{belfry.url}/api/v1/schedules", content=b" " * 20_000_000, headers=headers
    )
    assert answer.status_code == 413


def test_status_and_uptime(belfry: Belfry) -> None:
    status = httpx.get(f"{belfry.url}/status").json()
    ids = [job["id"] for job in status["jobs"]]
    assert {"database_backup", "postgres_backup"} <= set(ids) and ids == sorted(ids)
    assert all(job["next_run_at"] for job in status["jobs"] if job["schedule"] is not None)
    assert httpx.get(f"{belfry.url}/ops/uptime").json()["uptime_seconds"] > 0


def test_the_api_describes_itself(belfry: Belfry) -> None:
    assert "swagger" in httpx.get(f"{belfry.url}/api/docs").text.lower()
    assert "/api/v1/schedules" in httpx.get(f"{belfry.url}/api/openapi.json").json()["paths"]
