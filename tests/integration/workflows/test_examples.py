"""The workflows of `examples/`, loaded and run by the calls that their page shows, to their ends:
mails, waits, checks, approvals, files and webhooks are real, and only time is not."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from functions.customers.approval import approval
from functions.customers.export import export
from functions.customers.health_check import health_check
from functions.customers.mail import mail
from functions.customers.webhook_delivery import webhook_delivery
from functions.workflows.workflow_event import workflow_event
from functions.workflows.workflow_wait import workflow_wait
from local.azurite import Azurite
from local.ports import free
from shared.access import Caller, Role
from shared.api.app import api
from shared.api.site import site
from shared.approvals.model import Answer, Approval, ApprovalStatus
from shared.notifications.double import Reply
from shared.probes.port import ProbeService
from shared.resources.port import ResourceService
from shared.resources.targets import TargetKind
from shared.webhooks.port import WebhookService
from tests.integration.access.asking import Asking
from tests.integration.engine.conftest import Engine, make, tap
from tests.integration.notifications.vendors import Vendors, vendors
from tests.integration.probes import conftest as probes
from tests.integration.webhooks.world import Receiver, World, receiving

EXAMPLES = Path(__file__).parents[3] / "examples"
ANN = Caller(name="ann@example.com", role=Role.OPERATOR, key_id="ann")
DAY = 86_400
CUSTOMER, TEAM = "ana@example.org", "team@example.com"


@dataclass
class Town:
    """An app, its vendors, and the customer's places."""

    engine: Engine
    vendors: Vendors
    receiver: Receiver
    served: Any

    def ask(self, method: str, path: str, **said: Any) -> Any:
        """Call the API; what it answers."""

        async def answered() -> httpx.Response:
            transport = httpx.ASGITransport(self.served)
            async with httpx.AsyncClient(transport=transport, base_url="http://belfry") as client:
                return await client.request(method, f"/api/v1{path}", **said)

        found = asyncio.run(answered())
        assert found.is_success, found.text
        return found.json()

    def start(self, name: str, **given: Any) -> str:
        """Load an example and start a run of it."""
        text = (EXAMPLES / f"{name}.yaml").read_bytes()
        kind = {"content-type": "application/yaml"}
        path = f"/workflows/{name.replace('_', '-')}"
        self.ask("PUT", f"{path}?project_id=7", content=text, headers=kind)
        run: str = self.ask("POST", f"{path}/runs", json={"input": given})["id"]
        self.work()
        return run

    def work(self) -> None:
        """Do all that there is to do now."""
        while self.engine.work():
            pass

    def later(self, seconds: float) -> None:
        """Time passes; what waited for it goes on."""
        self.engine.later(seconds)
        self.work()

    def pending(self) -> Approval:
        """What waits for a person."""
        found, _ = self.engine.app.approvals().page(None, ApprovalStatus.PENDING, 0, 10)
        (one,) = found
        return one

    def decide(self, answer: Answer = Answer.APPROVE) -> Approval:
        """A person's answer to what waits."""
        asked = self.pending()
        self.engine.app.approvals().decide(asked.id, ANN, answer, shown=asked.digest)
        self.work()
        return asked

    def steps(self, run: str) -> dict[str, str]:
        return {one["id"]: one["status"] for one in self.ask("GET", f"/runs/{run}")["steps"]}

    def status(self, run: str) -> str:
        said: str = self.ask("GET", f"/runs/{run}")["status"]
        return said

    def subjects(self) -> list[str]:
        return [one.body["subject"] for one in self.vendors.to("mail")]

    def told(self) -> list[str]:
        return [json.loads(one.body)["type"] for one in self.receiver.got]


@pytest.fixture(scope="module")
def _town(azurite: Azurite) -> Iterator[Town]:
    tasks = [mail, export, health_check, webhook_delivery, approval, workflow_event, workflow_wait]
    with vendors() as running, receiving() as receiver:
        engine = make(
            azurite,
            tasks=tasks,
            environ={**running.settings(), "PUBLIC_BASE_URL": "https://belfry.example.com"},
        )
        tap(engine)
        hooks = World(azurite.connection_string, engine.clock)
        hooks.known.add(receiver.url, project=7)
        desk = probes.desk_of(engine)
        port = int(receiver.url.rpartition(":")[2])
        desk.targets.add("open", kind=TargetKind.TCP, host="127.0.0.1", port=port)
        desk.targets.add("closed", kind=TargetKind.TCP, host="127.0.0.1", port=free(1)[0])
        makers = engine.app.executor._services._makers
        makers[WebhookService] = lambda: hooks.service
        makers[ResourceService] = lambda: hooks.known
        makers[ProbeService] = lambda: desk.probes
        yield Town(engine, running, receiver, api(lambda: engine.app))


@pytest.fixture
def town(_town: Town) -> Town:
    _town.engine.later(DAY)
    _town.engine.messages()
    _town.vendors.got.clear()
    _town.receiver.got.clear()
    return _town


def onboarded(town: Town, target: str) -> str:
    """A run whose customer was welcomed three days ago."""
    run = town.start("onboarding", email=CUSTOMER, customer="Ana", target_id=target, team=TEAM)
    assert town.subjects() == [], "a person approves each mail"
    asked = town.decide()
    assert asked.preview.recipients == ("a***@example.org",)
    assert "https://app.example.com/login" in asked.preview.text
    assert town.subjects() == ["Welcome, Ana"]
    town.later(2 * DAY)
    assert town.steps(run)["settle"] == "running"
    town.later(DAY)
    assert town.steps(run)["check"] == "succeeded"
    return run


def test_a_customer_who_logs_in_gets_no_offer(town: Town) -> None:
    run = onboarded(town, "open")
    mailed = json.dumps(town.vendors.to("mail")[0].body)
    found = re.search(rf"https://belfry\.example\.com(/events/{run}/first_login/[\w-]+)", mailed)
    assert found is not None, mailed
    told = Asking(town.engine.app, site).told("POST", found[1])
    assert told == {"new": True}
    town.work()
    assert town.status(run) == "succeeded"
    assert town.steps(run) == {
        "welcome": "succeeded",
        "settle": "succeeded",
        "check": "succeeded",
        "help": "skipped",
        "first_login": "succeeded",
        "offer": "skipped",
        "discount": "skipped",
    }
    assert town.vendors.mailed() == [CUSTOMER]


@pytest.mark.parametrize("answer", [Answer.APPROVE, Answer.REJECT])
def test_who_never_logs_in_gets_an_offer_if_a_person_says_so(town: Town, answer: Answer) -> None:
    run = onboarded(town, "open")
    town.later(14 * DAY)
    asked = town.decide(answer)
    assert asked.preview.title == "Offer Ana a discount?"
    if answer is Answer.APPROVE:
        town.decide()
        assert town.subjects() == ["Welcome, Ana", "Three months at 20 % less"]
    else:
        assert town.subjects() == ["Welcome, Ana"]
        assert town.steps(run)["discount"] in ("skipped", "not_run")
    assert town.status(run) == "succeeded"


def test_who_cannot_be_reached_is_offered_help(town: Town) -> None:
    run = onboarded(town, "closed")
    town.decide()
    town.later(14 * DAY)
    assert town.subjects() == ["Welcome, Ana", "Your service does not answer us"]
    assert (town.status(run), town.steps(run)["offer"]) == ("succeeded", "skipped")


def closing(town: Town) -> str:
    """A run whose report a person has released."""
    run = town.start(
        "months_end", recipients=[CUSTOMER, TEAM], webhook_id="15", reply_to="cfo@example.com"
    )
    asked = town.decide()
    assert asked.preview.title.startswith("Release the report of ")
    assert asked.preview.facts["Report"].count("SHA-256") == 1
    assert town.told() == ["month.closed"]
    return run


def test_a_month_is_closed_and_its_report_goes_out_once_it_is_released(town: Town) -> None:
    run = closing(town)
    shown = town.decide().preview
    assert shown.recipient_count == 2 and ".pdf" in shown.facts["File"]
    assert town.status(run) == "succeeded"
    assert town.vendors.mailed() == [CUSTOMER, TEAM]
    assert "sig=" in town.vendors.to("mail")[0].body["content"][0]["value"]
    assert town.told() == ["month.closed"]


def test_what_was_told_is_taken_back_if_the_report_reaches_nobody(town: Town) -> None:
    town.vendors.say("mail", *[Reply(400, "no such mailbox")] * 2)
    run = closing(town)
    town.decide()
    town.later(60)
    assert town.told() == ["month.closed", "month.reopened"]
    assert town.status(run) == "failed"
    assert town.steps(run)["send"] == "failed"
    town.later(timedelta(days=1).total_seconds())
    assert town.told() == ["month.closed", "month.reopened"]
