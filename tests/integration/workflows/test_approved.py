"""Steps that wait for a person: who may decide, what follows, and what can no longer be decided."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from functions.customers.approval import approval
from functions.operations.approval_upkeep import approval_upkeep
from functions.workflows.workflow import workflow
from local.azurite import Azurite
from shared.access import LOCAL, Role
from shared.api.app import api
from shared.api.site import site
from shared.approvals import links
from shared.tasks import Impact, JobContext, Params, Result, task
from shared.tasks.preview import Preview
from tests.integration.engine.conftest import Engine, make, tap

ANN, BOB, CID, DAN, EVE = (f"{name}@example.com" for name in ("ann", "bob", "cid", "dan", "eve"))


class Payment(Params):
    amount: int
    to: str = "x"


@dataclass
class Office:
    """An app whose people have keys of their own. Ann saves, Bob starts, Cid decides."""

    engine: Engine
    paid: list[int] = field(default_factory=list)
    keys: dict[str, str] = field(default_factory=dict)

    def ask(self, who: str, method: str, path: str, status: int = 0, **said: Any) -> Any:
        """What the API answers to that person."""
        app = self.engine.app
        headers = {"authorization": f"Bearer {self.keys[who]}"}
        served = api(lambda: app) if path.startswith("/api/") else site(lambda: app)

        async def answered() -> httpx.Response:
            transport = httpx.ASGITransport(served)
            async with httpx.AsyncClient(transport=transport, base_url="http://belfry") as client:
                return await client.request(method, path, headers=headers, **said)

        found = asyncio.run(answered())
        assert found.status_code == status if status else found.is_success, found.text
        return found.json() if found.headers["content-type"].endswith("json") else found.text

    def save(self, name: str, steps: list[dict[str, Any]], **said: Any) -> None:
        body = {"name": name, "steps": steps, **said}
        self.ask(ANN, "PUT", f"/api/v1/workflows/{name}?project_id=7", json=body)

    def start(self, name: str, steps: list[dict[str, Any]], **said: Any) -> str:
        """A run of these steps, which Ann saved and Bob started."""
        self.save(name, steps, **said)
        run: str = self.ask(BOB, "POST", f"/api/v1/workflows/{name}/runs", json={"input": {}})["id"]
        self.work()
        return run

    def work(self) -> None:
        for _ in range(6):  # what is held ends no job, and yet hands out others
            self.engine.work()

    def later(self, seconds: float) -> None:
        self.engine.later(seconds)
        self.engine.app.sweep.sweep(self.engine.clock.now())
        self.work()

    def pending(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.ask(CID, "GET", "/api/approvals")["approvals"]
        return found

    def one(self) -> dict[str, Any]:
        (found,) = self.pending()
        return found

    def decide(self, who: str, answer: str, one: dict[str, Any], status: int = 200) -> Any:
        path = f"/api/approvals/{one['id']}/{answer}"
        body = {"digest": one["digest"]} | ({"reason": "Not now"} if answer == "reject" else {})
        said = self.ask(who, "POST", path, status, json=body)
        self.work()
        return said

    def run(self, run_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self.ask(CID, "GET", f"/api/v1/runs/{run_id}")
        return found

    def steps(self, run_id: str) -> dict[str, str]:
        return {one["id"]: one["status"] for one in self.run(run_id)["steps"]}

    def upkeep(self) -> dict[str, Any]:
        if self.engine.app.table.get("upkeep") is None:
            self.engine.add("approval_upkeep", schedule_id="upkeep", enabled=False)
        asked = self.engine.app.manager.run_now("upkeep", force=True).job_id
        self.work()
        result = self.engine.app.manager.job(asked).result
        assert result is not None
        return dict(result)


@pytest.fixture(scope="module")
def _office(azurite: Azurite) -> Iterator[Office]:
    paid: list[int] = []

    def shown(params: Payment, job: JobContext) -> Preview:
        return Preview(title=f"Pay {params.amount} EUR", amount=f"{params.amount} EUR")

    @task("pay", impact=Impact.C, preview=shown, for_projects=True)
    def pay(job: JobContext, params: Payment) -> Result:
        """Pays."""
        paid.append(params.amount)
        return {"paid": params.amount}

    @task("note", for_projects=True)
    def note(job: JobContext, params: Payment) -> Result:
        """Notes a number."""
        paid.append(params.amount)
        return {"amount": params.amount}

    engine = make(azurite, tasks=[pay, note, approval, workflow, approval_upkeep])
    tap(engine)
    office = Office(engine, paid)
    for name in (ANN, BOB, CID, DAN, EVE):
        office.keys[name] = engine.app.keys.create(LOCAL, name, Role.ADMIN, None).text
    yield office


@pytest.fixture
def office(_office: Office) -> Office:
    _office.paid.clear()
    return _office


PAY = {"id": "pay", "task": "pay", "with": {"amount": 5}}
AFTER = {"id": "after", "needs": ["pay"], "task": "note", "with": {"amount": 1}}


def test_it_waits_without_a_place_and_goes_on_with_what_was_approved(office: Office) -> None:
    steps = [
        {"id": "sum", "task": "note", "with": {"amount": 312}},
        {
            "id": "pay",
            "needs": ["sum"],
            "task": "pay",
            "with": {"amount": "${{ steps.sum.result.amount }}"},
        },
        {"id": "sure", "needs": ["pay"], "approval": {"title": "Sure?", "facts": {"Paid": "312"}}},
        {"id": "after", "needs": ["sure"], "task": "note", "with": {"amount": 1}},
    ]
    run = office.start("pays", steps)
    one = office.one()
    assert (one["title"], one["run_id"], one["step_id"]) == ("Pay 312 EUR", run, "pay")
    assert one["requested_by"] == f"{ANN}, {BOB}" and one["tenant_id"] == 7
    whole = office.ask(CID, "GET", f"/api/approvals/{one['id']}")
    assert whole["preview"]["amount"] == "312 EUR" and whole["task_parameters"]["amount"] == 312
    job = office.engine.app.table.get(one["schedule_id"])
    assert job is not None
    (live,) = job.progress.live
    assert live.lease_until is None and live.held is not None and one["id"] in live.held
    assert live.attempt == 0

    again = office.engine.app.keys.create(LOCAL, BOB.upper(), Role.ADMIN, None)  # another key
    office.keys["again"] = again.text
    for who in (ANN, BOB, "again"):
        office.decide(who, "approve", one, 403)
    office.ask(CID, "POST", f"/api/approvals/{one['id']}/approve", 409, json={"digest": "0" * 64})
    assert office.paid == [312]
    office.decide(CID, "approve", one)
    assert office.paid == [312, 312]

    sure = office.one()
    assert (sure["title"], sure["step_id"], sure["run_id"]) == ("Sure?", "sure", run)
    office.decide(BOB, "approve", sure, 403)
    office.decide(CID, "approve", sure)
    assert office.paid == [312, 312, 1] and office.run(run)["status"] == "succeeded"


@pytest.mark.parametrize("how", ["fail", "continue", "compensate"])
def test_a_rejected_step_fails_with_the_reason(office: Office, how: str) -> None:
    first = {"id": "first", "task": "note", "with": {"amount": 7}}
    undo = {"task": "note", "with": {"amount": -7}}
    steps = [
        {**first, "compensate": undo},
        {**PAY, "needs": ["first"], "on_error": how},
        {**AFTER, "when": "steps.pay.status == 'failed'"},
    ]
    run = office.start(f"rejects-{how}", steps)
    office.decide(CID, "reject", office.one())
    found = office.run(run)
    (pay,) = [one for one in found["steps"] if one["id"] == "pay"]
    assert pay["status"] == "failed" and "Not now" in pay["error"] and CID in pay["error"]
    assert office.paid == {"fail": [7], "continue": [7, 1], "compensate": [7, -7]}[how]
    assert found["status"] == ("succeeded" if how == "continue" else "failed")


def test_the_runs_deadline_ends_it_and_nothing_can_start(office: Office) -> None:
    run = office.start("ends", [PAY, AFTER], deadline_seconds=1800)
    one = office.one()
    assert one["expires_at"] == office.run(run)["deadline"]
    office.later(1801)
    assert office.steps(run)["pay"] in ("failed", "cancelled")
    assert office.run(run)["status"] == "cancelled"
    office.decide(CID, "approve", one, 409)
    assert office.paid == [] and office.pending() == []


def test_a_cancelled_run_closes_what_waits(office: Office) -> None:
    run = office.start("stops", [PAY, AFTER])
    one = office.one()
    app = office.engine.app
    found = app.approvals().store.get(one["id"])
    link = f"{links.PATH}/{links.token(app.meta.secret(links.KEY), links.link_for(found, CID))}"
    office.ask(BOB, "POST", f"/api/v1/runs/{run}/cancel", json={"reason": "wrong"})
    office.work()
    page = office.ask(CID, "GET", link)
    assert "its job was cancelled, or has ended" in page and "<form" not in page
    said = office.ask(CID, "GET", f"/api/approvals/{one['id']}")
    assert said["status"] == "superseded", "also before it is written down"
    assert office.upkeep()["withdrawn"] == 1
    assert office.pending() == []
    office.decide(CID, "approve", one, 409)
    assert office.paid == [] and office.run(run)["status"] == "cancelled"


def test_who_begins_it_anew_is_asked_anew_and_may_not_decide(office: Office) -> None:
    run = office.start("again", [PAY, AFTER])
    first = office.one()
    office.decide(CID, "reject", first)
    office.ask(DAN, "POST", f"/api/v1/runs/{run}/retry")
    office.work()
    second = office.one()
    assert second["id"] != first["id"] and second["job_id"] != first["job_id"]
    office.decide(CID, "approve", first, 409)
    for who in (ANN, BOB, DAN):
        office.decide(who, "approve", second, 403)
    office.decide(CID, "approve", second)
    assert office.paid == [5, 1] and office.run(run)["status"] == "succeeded"


def test_a_raised_step_is_asked_for_and_nobody_lowers_it(office: Office) -> None:
    """A step's schedule is its definition's: it is not edited, run or filled by hand."""
    raised = {"id": "pay", "task": "note", "with": {"amount": 9}, "impact": "C"}
    run = office.start("raised", [raised])
    one = office.one()
    assert (one["impact"], one["task_type"]) == ("C", "note")
    path = f"/api/v1/schedules/{one['schedule_id']}"
    for method, end, body in (
        ("PATCH", "", {"tags": {}}),
        ("PATCH", "", {"task_parameters": {"amount": 10**6}}),
        ("POST", "/execute", {"force": True}),
        ("POST", "/enable", None),
        ("DELETE", "", None),
    ):
        office.ask(BOB, method, path + end, 409, json=body)
    office.work()
    assert office.paid == [] and office.one()["id"] == one["id"]
    office.decide(CID, "approve", one)
    assert office.paid == [9] and office.run(run)["status"] == "succeeded"
    office.ask(BOB, "POST", f"{path}/execute", 409, json={"force": True})


def test_a_critical_step_of_a_workflow_in_a_workflow(office: Office) -> None:
    """Not for who saved either of them, nor who started the outer one."""
    body = {"name": "inner", "steps": [PAY]}
    office.ask(DAN, "PUT", "/api/v1/workflows/inner?project_id=7", json=body)
    run = office.start("outer", [{"id": "below", "workflow": "inner"}])
    one = office.one()
    assert one["run_id"] != run
    for who in (ANN, BOB, DAN):
        office.decide(who, "approve", one, 403)
    office.decide(CID, "approve", one)
    office.later(1)
    assert office.paid == [5] and office.run(run)["status"] == "succeeded"


def test_a_schedule_that_runs_a_workflow_is_somebodys_too(office: Office) -> None:
    office.save("timed", [PAY])
    body = {
        "name": "timed",
        "task_type": "workflow",
        "project_id": 7,
        "frequency": "cron",
        "cron_expression": "0 9 * * *",
        "task_parameters": {"workflow_id": "timed"},
    }
    made = office.ask(EVE, "POST", "/api/v1/schedules", json=body)
    path = f"/api/v1/schedules/{made['id']}/execute"
    office.ask(DAN, "POST", path, json={"force": True})
    office.work()
    one = office.one()
    for who in (ANN, DAN, EVE):
        office.decide(who, "approve", one, 403)
    office.decide(CID, "approve", one)
    assert office.paid == [5]
