"""The calls that people's scripts and dashboards make, as they stand in `calls.json`, in order.

What an answer must have is in the file: keys and kinds of values; of a value itself what its note
says, which is `SAYS` here.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

import functions
from local.azurite import Azurite
from shared.api.site import site
from shared.schedules.health import Verdict
from shared.storage.tables.findings import Finding
from shared.tasks import JobContext, Result, Task
from tests.integration.contract.alike import differences
from tests.integration.engine.conftest import Engine, make, tap
from tests.served import api

FILE: Mapping[str, Any] = json.loads(Path(__file__).with_name("calls.json").read_text())
CALLS: list[dict[str, Any]] = FILE["calls"]
LEFT_OUT = {
    "O7.dashboard": "comes with the dashboard",
    "O9": "comes with the safety checks",
}


def call(name: str) -> dict[str, Any]:
    return next(one for one in CALLS if one["id"] == name)


@dataclass
class Caller:
    """Who makes the calls, one after the other."""

    engine: Engine
    known: dict[str, str] = field(default_factory=dict)
    """What `{id}` and `{job_id}` stand for."""
    answers: dict[str, Any] = field(default_factory=dict)

    def make(self, call: Mapping[str, Any]) -> httpx.Response:
        path = call["path"]
        for name, value in self.known.items():
            path = path.replace(f"{{{name}}}", value)
        return self.ask(call["method"], path, call.get("body"))

    def ask(self, method: str, path: str, body: Any = None) -> httpx.Response:
        belfry = self.engine.app
        served = (
            api(lambda: belfry) if path.startswith(("/api/", "/metrics")) else site(lambda: belfry)
        )

        async def answered() -> httpx.Response:
            transport = httpx.ASGITransport(served)
            async with httpx.AsyncClient(transport=transport, base_url="http://belfry") as client:
                return await client.request(method, path, json=body)

        return asyncio.run(answered())

    def deletes_another(self) -> None:
        """The schedule goes that is not asked for afterwards."""
        self.known["id"] = self.answers["C3.window"]["id"]

    def goes_on_with_the_first(self) -> None:
        self.known["id"] = self.answers["C4.create"]["id"]

    def runs_the_job(self) -> None:
        self.known["job_id"] = self.answers["C7.force"]["job_id"]
        self.engine.work()

    def waits_for_a_person(self) -> None:
        """A critical job of project 1 waits."""
        asks = {"name": "Ask", "task_type": "approval", "project_id": 1, "frequency": "interval"}
        asks |= {"interval_seconds": 86_400, "task_parameters": {"title": "May I?"}}
        made = self.ask("POST", "/api/v1/schedules", asks).json()
        done = self.ask("POST", f"/api/v1/schedules/{made['id']}/execute", {"force": True})
        assert done.status_code == 202, done.text
        self.engine.work()
        (one,) = self.ask("GET", "/api/approvals").json()["approvals"]
        self.known["approval_id"] = one["id"]

    def waits_until_some_are_due(self) -> None:
        self.engine.later(7200)


BEFORE: Mapping[str, Callable[[Caller], None]] = {
    "C6.change": Caller.goes_on_with_the_first,
    "C6.delete": Caller.deletes_another,
    "C7.force": Caller.goes_on_with_the_first,
    "C8.enable": Caller.runs_the_job,
    "C10.due": Caller.waits_until_some_are_due,
    "O4.list": Caller.waits_for_a_person,
    "O4.reject": Caller.waits_for_a_person,
}
"""What happens before a call."""


def at_midnight_in_new_york(answer: Any, _: Caller) -> None:
    local = datetime.fromisoformat(answer["next_run_at"]).astimezone(ZoneInfo("America/New_York"))
    assert (local.hour, local.minute, local.second) == (0, 0, 0)
    assert answer["next_run_at"][11:] in ("04:00:00Z", "05:00:00Z")


def on_the_hour(answer: Any, _: Caller) -> None:
    assert answer["next_run_at"][13:] == ":00:00Z"


def only_with_the_tags(answer: Any, _: Caller) -> None:
    wanted = {"team": "backend", "priority": "high"}
    assert answer["total"] == len(answer["schedules"]) == 2
    assert all(wanted.items() <= one["tags"].items() for one in answer["schedules"])


def its_job(answer: Any, _: Caller) -> None:
    said = f"Schedule executed successfully, job {answer['job_id']} created"
    assert answer["message"] == said and answer["next_run_at"] is None, "it is off"


def that_force_would_run_it(answer: Any, _: Caller) -> None:
    assert "force" in answer["detail"]


def sums_that_add_up(answer: Any, _: Caller) -> None:
    assert list(answer) == [*call("C9.summary")["answer"], "backfilled"]
    assert answer["total_schedules"] == sum(answer["by_frequency"].values())
    assert answer["total_runs"] == answer["successful_runs"] == 1
    assert answer["success_rate"] == 100.0, "in percent"


def the_job_that_ran(answer: Any, caller: Caller) -> None:
    assert answer["jobs"][0]["tags"]["schedule_id"] == caller.known["id"]
    assert answer["jobs"][0]["tags"]["team"] == "backend", "its schedule's"
    assert answer["jobs"][0]["status"] == "succeeded"


def every_task(answer: Any, caller: Caller) -> None:
    names = {one["name"] for one in answer["jobs"]}
    assert {task.name for task in caller.engine.app.registry} == names
    assert "daily_cost_report" in names


def what_prometheus_reads(answer: httpx.Response) -> None:
    """C18: the names of the note, in Prometheus' format."""
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    found = {family.name for family in text_string_to_metric_families(answer.text)}
    note = call("C18.metrics")["note"]
    named = set(re.findall(r"\b(?:commandcenter|schedule)_\w+(?=\W)", note)) - {"schedule_id"}
    assert len(named) == 6
    assert {name.removesuffix("_runs_total") for name in named} <= {
        name.removesuffix("_runs") for name in found
    }


SAYS: Mapping[str, Callable[[Any, Caller], None]] = {
    "C4.create": at_midnight_in_new_york,
    "C1.hourly": on_the_hour,
    "C5.tags": only_with_the_tags,
    "C7.force": its_job,
    "C7.refused": that_force_would_run_it,
    "C9.summary": sums_that_add_up,
    "C11.jobs": the_job_that_ran,
    "L9.status": every_task,
}
"""What is asked of an answer's values."""
EXAMPLES: Mapping[str, Any] = {
    "C7.force": call("C7.force")["answer"] | {"next_run_at": None},
    "L9.status": {"jobs": [{"name": "health_monitor"}]},
}
"""Where the example does not fit each item or this state, what does; the notes say so."""


def without_the_network(task: Task) -> Task:
    """The task; that which analyses the contract's repository does not fetch it."""
    return replace(task, run=succeeds) if task.name == "analysis" else task


def succeeds(job: JobContext, **_: object) -> Result:
    """Does what `analysis` does, as far as a caller of the contract sees it."""
    return {"repository": job.schedule_id}


PAIR: Sequence[Mapping[str, object]] = (
    {"name": "From", "kind": "container", "url": "https://shop.blob.core.windows.net/orders?sig=x"},
    {"name": "To", "kind": "container", "url": "https://shop.blob.core.windows.net/copies?sig=x"},
)
"""What a sync without parameters copies."""


@pytest.fixture
def engine(azurite: Azurite) -> Iterator[Engine]:
    made = make(azurite, tasks=tuple(map(without_the_network, functions.tasks())))
    tap(made)
    yield made


def test_each_call_is_answered_as_its_contract_says(engine: Engine) -> None:
    caller = Caller(engine)
    for one in FILE["before"]:
        made = caller.ask(one["method"], one["path"], one["body"])
        assert made.status_code == 201, made.text
        assert made.json()["id"] == one["path"].rpartition("/")[2], "one that scripts know"
    made_pair(caller)
    for one in CALLS:
        if one["id"] in LEFT_OUT:
            continue
        if one["id"] in BEFORE:
            BEFORE[one["id"]](caller)
        answer = caller.make(one)
        assert answer.status_code == one["status"], (one["id"], answer.text)
        if one["answer"] is None:
            assert answer.content == b"", one["id"]
            continue
        if one["id"] == "C18.metrics":
            what_prometheus_reads(answer)
            continue
        told = answer.json()
        example = EXAMPLES.get(one["id"], one["answer"])
        assert differences(told, example) == [], one["id"]
        sent = one.get("body") or {}
        for name in (name for name in sent if name in one["answer"]):
            assert told[name] == sent[name], (one["id"], name)
        if one["id"] in SAYS:
            SAYS[one["id"]](told, caller)
        caller.answers[one["id"]] = told


def made_pair(caller: Caller) -> None:
    """The pair of project 1."""
    ends = []
    for body in PAIR:
        end = caller.ask("POST", "/api/v1/targets", {**body, "project_id": 1})
        assert end.status_code == 201, end.text
        ends.append(end.json()["id"])
    pair = {"name": "Pair", "kind": "pair", "source_id": ends[0], "destination_id": ends[1]}
    made = caller.ask("POST", "/api/v1/targets", {**pair, "project_id": 1})
    assert made.status_code == 201, made.text


def test_too_much_is_refused(engine: Engine) -> None:
    for path in (
        "/schedules?page_size=101",
        "/jobs?page_size=101",
        "/schedules/due/list?limit=501",
    ):
        assert Caller(engine).ask("GET", f"/api/v1{path}").status_code == 422, path


def critical(schedule_id: str, at: datetime) -> Finding:
    """What the health monitor keeps of a schedule that fails."""
    return Finding(schedule_id=schedule_id, verdict=Verdict.CRITICAL, since=at, reasons=())


def test_the_log_has_the_lines_that_people_look_for(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    """C19."""
    caplog.set_level(logging.INFO)
    caller = Caller(engine)
    made = caller.make(call("C1.hourly")).json()
    caller.known["id"] = made["id"]
    asked = caller.make(call("C7.force")).json()
    engine.work()
    engine.tick()
    engine.app.manager.run_now("schedule_cleanup", force=True)
    engine.work()
    engine.app.health.findings.write([critical(made["id"], engine.clock.now())])
    engine.app.manager.run_now("schedule_health", force=True)
    engine.work()
    lines = {
        (vars(one)["event"], vars(one)["fields"].get("schedule_id")): vars(one)["fields"]
        for one in caplog.records
        if "event" in vars(one)
    }
    found = {
        "C19.created": lines["schedule_created", made["id"]],
        "C19.executed": lines["job_queued", made["id"]],
        "C19.dispatcher": lines["tick_done", None],
        "C19.cleanup": lines["cleanup_done", "schedule_cleanup"],
        "C19.health": lines["schedules_critical", "schedule_health"],
    }
    assert found["C19.executed"]["job_id"] == asked["job_id"]
    for one in FILE["log_lines"]:
        if one["id"] not in LEFT_OUT:
            assert set(one["has"]) <= found[one["id"]].keys(), one["id"]


def test_what_is_left_out_is_in_the_file() -> None:
    told = [*FILE["before"], *CALLS, *FILE["log_lines"], *FILE["commands"]]
    assert LEFT_OUT.keys() <= {one.get("id", one.get("path")) for one in told}
