"""Runs by the API, on real storage: started, read, listed, cancelled, begun anew, sent events."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest

from local.azurite import Azurite
from shared.access import Role
from shared.api.site import site
from shared.log import instant
from shared.workflows import links
from tests.integration.access.asking import Asking
from tests.integration.engine.conftest import Engine, make, tap
from tests.integration.workflows.conftest import Calls

BASE = "https://belfry.example.com"
RUNS = "/api/v1/runs"
FLOW = {
    "name": "Flow",
    "inputs": {"name": {"default": "x"}, "fail": {"type": "boolean", "default": False}},
    "steps": [
        {"id": "a", "task": "work", "with": {"name": "a", "value": "${{ run.events.signed }}"}},
        {
            "id": "each",
            "needs": ["a"],
            "foreach": "[1, 2, 3]",
            "task": "work",
            "with": {"name": "item ${{ item }}", "fail": "${{ trigger.fail && item == 2 }}"},
        },
        {"id": "signed", "needs": ["each"], "wait": {"event": "signed"}},
        {
            "id": "last",
            "needs": ["signed"],
            "task": "work",
            "with": {"name": "last", "value": "${{ steps.signed.result.data }}"},
        },
    ],
}


class Desk:
    """The API, and the pages without a key, of one app."""

    def __init__(self, engine: Engine, calls: Calls) -> None:
        self.engine = engine
        self.calls = calls
        self.api = Asking(engine.app)
        self.site = Asking(engine.app, site)

    def made(self, workflow_id: str, project_id: int = 7, **more: Any) -> None:
        body = {"id": workflow_id, "project_id": project_id, "definition": FLOW, **more}
        self.api.told("POST", "/api/v1/workflows", json=body)

    def start(self, workflow_id: str, **given: Any) -> str:
        path = f"/api/v1/workflows/{workflow_id}/runs"
        run: str = self.api.told("POST", path, json={"input": given})["id"]
        return run

    def work(self) -> None:
        while self.engine.work():
            pass

    def begun(self, workflow_id: str, **given: Any) -> str:
        """A run that did all that it can do now."""
        run = self.start(workflow_id, **given)
        self.work()
        return run

    def read(self, path: str, **more: Any) -> Any:
        return self.api.told("GET", RUNS + path, **more)

    def steps(self, run: str) -> dict[str, str]:
        return {one["id"]: one["status"] for one in self.read(f"/{run}")["steps"]}

    def send(self, url: str, **more: Any) -> httpx.Response:
        return self.site.ask("POST", url.removeprefix(BASE), **more)


def desk_of(azurite: Azurite) -> Desk:
    calls = Calls()
    tasks = calls.tasks()
    engine = make(azurite, tasks=tasks, environ={"PUBLIC_BASE_URL": BASE})
    tap(engine)
    return Desk(engine, calls)


@pytest.fixture(scope="module")
def _desk(azurite: Azurite) -> Desk:
    return desk_of(azurite)


@pytest.fixture
def desk(_desk: Desk) -> Desk:
    _desk.work()
    _desk.calls.names.clear()
    _desk.calls.mended = False
    return _desk


def test_a_run_is_started_once_read_and_ended_by_an_event(desk: Desk) -> None:
    desk.made("flow")
    path, key = "/api/v1/workflows/flow/runs", {"idempotency-key": "one"}
    first = desk.api.ask("POST", path, headers=key, json={"input": {"name": "Ana"}})
    again = desk.api.ask("POST", path, headers=key, json={"input": {"name": "Ana"}})
    assert (first.status_code, again.json()) == (202, first.json())
    run = first.json()["id"]
    assert first.headers["location"] == f"{RUNS}/{run}"
    assert desk.start("flow") != run
    other = desk.api.problem(422, "POST", path, headers=key, json={"input": {"name": "Bob"}})
    assert "another" in other or "different" in other, other
    said = desk.api.problem(422, "POST", path, json={"input": {"nam": "x"}})
    assert "input.nam" in said and "it has: fail, name" in said

    long = {"input": {"name": "x" * 30_000}}
    assert "30,000 can be" in desk.api.problem(422, "POST", path, json=long)

    desk.work()
    whole = desk.read(f"/{run}")
    assert (whole["status"], whole["input"]) == ("running", {"name": "Ana", "fail": False})
    each = next(one for one in whole["steps"] if one["id"] == "each")
    assert each["items"] == {"total": 3, "succeeded": 3, "failed": 0, "open": 0}
    jobs = desk.read(f"/{run}/steps/each/jobs?page=2&page_size=2")
    assert jobs["total"] == 3 and [one["schedule_id"] for one in jobs["jobs"]] == [f"{run}_s1i2"]
    assert desk.read(f"/{run}/steps/last/jobs") == {"jobs": [], "total": 0}
    drawn = desk.api.ask("GET", f"{RUNS}/{run}/diagram")
    assert "flowchart TD" in drawn.text and "succeeded 3/3" in drawn.text

    event = f"{RUNS}/{run}/events/signed"
    for new in (True, False):
        sent = desk.api.ask("POST", event, json={"id": "e1", "data": {"by": "Ana"}})
        assert (sent.status_code, sent.json()) == (202, {"new": new})
    desk.work()
    assert desk.read(f"/{run}")["status"] == "succeeded"
    (came,) = desk.read(f"/{run}/events")["events"]
    assert (came["name"], came["data"]) == ("signed", {"by": "Ana"})
    assert came["taken_by"].startswith(f"{run}_s2-")
    (last,) = desk.read(f"/{run}/steps/last/jobs")["jobs"]
    assert last["result"]["value"] == {"by": "Ana"}
    assert "has ended" in desk.api.problem(409, "POST", event, json={"data": {"n": 2}})


def test_runs_are_listed_by_page_and_filter(desk: Desk) -> None:
    desk.made("listed")
    began = desk.engine.clock.now()
    runs = []
    for _ in range(3):
        desk.engine.later(60)
        runs.append(desk.start("listed"))
    desk.api.told("POST", f"{RUNS}/{runs[0]}/cancel")
    page = desk.read("?workflow_id=listed&page_size=2")
    assert [one["id"] for one in page["runs"]] == [runs[2], runs[1]]
    assert (page["total"], page["page"]) == (3, 1)
    assert [one["id"] for one in desk.read("?workflow_id=listed&page_size=2&page=2")["runs"]] == [
        runs[0]
    ]
    late = instant(began + timedelta(seconds=90)).replace("+", "%2B")
    for query, expected in {
        "status=cancelled": [runs[0]],
        "status=running": [runs[2], runs[1]],
        "status=failed": [],
        f"from={late}": [runs[2], runs[1]],
        f"to={late}": [runs[0]],
        "project_id=8": [],
    }.items():
        found = desk.read(f"?workflow_id=listed&{query}")
        assert [one["id"] for one in found["runs"]] == expected, query


def test_a_run_is_cancelled_and_begun_anew_where_it_failed(desk: Desk) -> None:
    desk.made("anew")
    run = desk.begun("anew", fail=True)
    failed = desk.read(f"/{run}")
    assert failed["status"] == "failed" and "no item 2" in failed["reason"]
    (job,) = [one for one in desk.read(f"/{run}/steps/each/jobs")["jobs"] if one["error"]]
    assert job["status"] == "failed"
    refused = desk.api.problem(409, "POST", f"{RUNS}/{run}/cancel")
    assert "has ended" in refused

    desk.calls.mended = True
    begun = desk.api.told("POST", f"{RUNS}/{run}/retry")
    assert (begun["status"], begun["retries"], begun["version"]) == (
        "running",
        1,
        failed["version"],
    )
    desk.work()
    assert desk.calls.names.count("a") == 1 and desk.calls.names.count("item 2") == 2
    assert desk.steps(run)["each"] == "succeeded"

    cancelled = desk.api.told("POST", f"{RUNS}/{run}/cancel", json={"reason": "not wanted"})
    assert cancelled["reason"] == "not wanted"
    desk.work()
    assert desk.read(f"/{run}")["status"] == "cancelled"
    assert desk.steps(run)["last"] == "cancelled"


def test_a_workflow_that_is_not_active_is_not_started(desk: Desk) -> None:
    desk.made("off", is_active=False)
    said = desk.api.problem(409, "POST", "/api/v1/workflows/off/runs", json={})
    assert "not active" in said and "is_active" in said
    desk.api.problem(404, "POST", "/api/v1/workflows/nosuch/runs", json={})


def test_runs_of_other_projects_do_not_exist_and_viewers_change_nothing(azurite: Azurite) -> None:
    desk = desk_of(azurite)
    desk.made("apart")
    run = desk.begun("apart")
    admin = desk.api.key()
    stranger, viewer = desk.api.key(Role.ADMIN, 8), desk.api.key(Role.VIEWER, 7)
    reads = ["", "/steps/a/jobs", "/diagram", "/events"]
    changes: list[tuple[str, Any]] = [
        ("/cancel", None),
        ("/retry", None),
        ("/events/signed", {"data": {}}),
    ]
    for path in reads:
        desk.api.problem(404, "GET", f"{RUNS}/{run}{path}", stranger)
        assert desk.api.ask("GET", f"{RUNS}/{run}{path}", viewer).status_code == 200
    for path, body in changes:
        desk.api.problem(404, "POST", f"{RUNS}/{run}{path}", stranger, json=body)
        desk.api.problem(403, "POST", f"{RUNS}/{run}{path}", viewer, json=body)
    start = "/api/v1/workflows/apart/runs"
    desk.api.problem(404, "POST", start, stranger, json={})
    desk.api.problem(403, "POST", start, viewer, json={})
    assert desk.api.told("GET", f"{RUNS}?workflow_id=apart", stranger)["total"] == 0
    assert desk.read(f"/{run}", key=admin)["status"] == "running"
    for garbled in (f"{run}x", run[:-1], "w", "W" + run[1:], "%20", "..%2Fruns", "w0'%20or%20'1"):
        desk.api.problem(404, "GET", f"{RUNS}/{garbled}", admin)
        desk.api.problem(404, "POST", f"{RUNS}/{garbled}/cancel", admin)
    desk.api.problem(404, "GET", f"{RUNS}/{run}/steps/nosuch/jobs", admin)
    said = desk.api.problem(404, "POST", f"{RUNS}/{run}/events/nosuch", admin, json={})
    assert "it waits for: signed" in said


def test_a_signed_url_takes_an_event_once_and_only_by_post(desk: Desk) -> None:
    desk.made("outside")
    run = desk.begun("outside")
    (job,) = desk.read(f"/{run}/steps/a/jobs")["jobs"]
    url: str = job["result"]["value"]
    assert url.startswith(f"{BASE}/events/{run}/signed/")
    for method in ("GET", "HEAD") * 2:  # whoever opens links sends nothing
        seen = desk.site.ask(method, url.removeprefix(BASE))
        assert seen.status_code == 200 and seen.headers["cache-control"] == "no-store"
    assert "POST" in desk.site.ask("GET", url.removeprefix(BASE)).text
    assert desk.read(f"/{run}/events")["events"] == []

    for body, field in ((b"[1]", "data"), (b"{", "body"), (b"\xff", "body"), (b'{"a": NaN}', "")):
        assert field in desk.site.problem(422, "POST", url.removeprefix(BASE), content=body)
    long = desk.send(url, json={"a": "x" * 20_000})
    assert long.status_code == 422 and "20,000 can be" in long.text
    for new in (True, False):
        answer = desk.send(url, json={"by": "Ana"}, headers={"idempotency-key": "e1"})
        assert (answer.status_code, answer.json()) == (200, {"new": new})
    desk.work()
    assert desk.steps(run)["last"] == "succeeded"
    (last,) = desk.read(f"/{run}/steps/last/jobs")["jobs"]
    assert last["result"]["value"] == {"by": "Ana"}
    assert "has ended" in desk.site.problem(409, "POST", url.removeprefix(BASE), json={})


def test_a_button_sends_an_event_without_data(desk: Desk) -> None:
    desk.made("button")
    run = desk.begun("button")
    secret = desk.engine.app.meta.secret(links.KEY)
    path = links.path_of(secret, run, "signed")
    assert '<form method="post">' in desk.site.ask("GET", path).text
    form = {"content-type": "application/x-www-form-urlencoded"}
    answer = desk.site.ask("POST", path, headers=form, content=b"a=b")
    assert answer.status_code == 200 and "Thank you" in answer.text
    (came,) = desk.read(f"/{run}/events")["events"]
    assert came["data"] == {}


def test_a_url_that_is_wrong_says_nothing_of_runs(desk: Desk) -> None:
    desk.made("hidden")
    run = desk.begun("hidden")
    secret = desk.engine.app.meta.secret(links.KEY)
    good, gone = links.token(secret, run, "signed"), "w1" + "0" * 14
    wrong = [
        f"/events/{run}/signed/{good[:-1]}",
        f"/events/{run}/signed/{good}x",
        f"/events/{run}/signed/%C3%A9{good}",
        f"/events/{run}/other/{good}",
        f"/events/{gone}/signed/{good}",
        links.path_of(secret, gone, "signed"),
        links.path_of(secret, run, "other"),
        links.path_of(bytes(32), run, "signed"),
    ]
    answers = {desk.site.ask("POST", path, json={}).text for path in wrong}
    assert len(answers) == 1 and '"status":404' in answers.pop()
    assert desk.read(f"/{run}/events")["events"] == []
