"""An app with a critical task, whose jobs wait for people."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import httpx

from functions.customers.approval import approval
from functions.operations.approval_upkeep import approval_upkeep
from local.azurite import Azurite
from shared.access import Caller, Role
from shared.api.app import api
from shared.api.site import site
from shared.approvals import links
from shared.approvals.model import Approval
from shared.approvals.service import Approvals
from shared.schedules.job import Job
from shared.schedules.model import Schedule
from shared.storage.queues.jobs import Message
from shared.tasks import Impact, JobContext, Params, Result, task
from shared.tasks.preview import Preview
from tests.integration.engine.conftest import Engine, make, tap

ANN, BOB, CID = (
    Caller(name=f"{name}@example.com", role=Role.OPERATOR, key_id=name, address="192.0.2.1")
    for name in ("ann", "bob", "cid")
)
EVE = Caller(name="eve@example.com", role=Role.ADMIN, projects=frozenset({9}))
VIEWER = Caller(name="vic@example.com", role=Role.VIEWER)


class Mailed(Params):
    text: str = "Hello"
    two_persons: bool = False


@dataclass
class Outside:
    """What the critical task did, and would do."""

    recipients: int = 3
    sent: list[str] = field(default_factory=list)
    text: str = ""
    """What it would say; empty: what the parameters do."""
    fails: int = 0
    blind: bool = False
    """Whether nobody can say what it would do."""


@dataclass
class Desk:
    """The app, as tests use it."""

    engine: Engine
    outside: Outside

    @property
    def approvals(self) -> Approvals:
        return self.engine.app.approvals()

    def schedule(self, by: Caller = ANN, **said: Any) -> Schedule:
        """A schedule of the critical task, made by `by`."""
        made = self.engine.add("sends", **said)
        return self.engine.app.manager.change(
            made.id, lambda one: _renamed(one, f"by {by.name}"), by=by
        )

    def asked(self, schedule: Schedule, by: Caller = BOB) -> Approval:
        """The approval that a job waits for which `by` asked for."""
        job_id = self.run(schedule, by)
        return self.of(job_id)

    def run(self, schedule: Schedule, by: Caller = BOB) -> str:
        """Ask for a job, and let it begin; its id."""
        job_id = self.engine.app.manager.run_now(schedule.id, force=True, by=by).job_id
        self.engine.work()
        return job_id

    def of(self, job_id: str) -> Approval:
        _, found = self.approvals.store.of_job(job_id)
        assert found is not None
        return found

    def ask(self, method: str, path: str, body: Any = None, **said: Any) -> httpx.Response:
        """Call the API by the contract's paths, or open a page."""
        app = self.engine.app
        served = api(lambda: app) if path.startswith("/api/") else site(lambda: app)

        async def answered() -> httpx.Response:
            transport = httpx.ASGITransport(served)
            async with httpx.AsyncClient(transport=transport, base_url="http://belfry") as client:
                return await client.request(method, path, json=body, **said)

        return asyncio.run(answered())

    def link(self, approval: Approval, recipient: str) -> str:
        """The path of the link that went to that address."""
        key = self.engine.app.meta.secret(links.KEY)
        return f"{links.PATH}/{links.token(key, links.link_for(approval, recipient))}"

    def click(self, link: str, answer: str, page: str, **said: str) -> httpx.Response:
        """Send the form of a page."""
        fields = dict(re.findall(r'name="(form|digest)" value="([^"]+)"', page))
        return self.ask("POST", link, data={**fields, "answer": answer, **said})

    def upkeep(self) -> Mapping[str, Any]:
        """What the task `approval_upkeep` does now."""
        if self.engine.app.table.get("upkeep") is None:
            self.engine.add("approval_upkeep", schedule_id="upkeep", enabled=False)
        app = self.engine.app
        asked = app.manager.run_now("upkeep", force=True, send=False).job_id
        app.worker.work(Message((asked,), self.engine.clock.now()))
        job = app.manager.job(asked)
        assert job.result is not None, job
        return job.result

    def job(self, job_id: str) -> Job:
        return self.engine.app.manager.job(job_id)

    def work(self) -> list[Job]:
        return self.engine.work()


def _renamed(schedule: Schedule, name: str) -> Schedule:
    return replace(schedule, definition=replace(schedule.definition, name=name))


def desk_of(azurite: Azurite, environ: Mapping[str, str] | None = None, **said: Any) -> Desk:
    """An app with the task `sends`."""
    outside = Outside()

    def shown(params: Mailed, job: JobContext) -> Preview:
        assert job.dry_run
        if outside.blind:
            raise OSError("no preview")
        return Preview(
            title=f"Mail to {outside.recipients} customers",
            text=outside.text or params.text,
            recipients=("a***@example.com",),
            recipient_count=outside.recipients,
            facts={"due": job.due_at.isoformat()},
        )

    @task("sends", impact=Impact.C, timeout_seconds=60, preview=shown)
    def sends(job: JobContext, params: Mailed) -> Result:
        """Sends mails."""
        if outside.fails:
            outside.fails -= 1
            raise OSError("the line is down")
        outside.sent.append(job.job_id)
        return {"sent": outside.recipients}

    engine = make(azurite, tasks=[sends, approval, approval_upkeep], environ=environ, **said)
    tap(engine)
    return Desk(engine, outside)
