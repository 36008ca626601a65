"""The task `mail`, through the real engine, outbox and a vendor on a local port: each address once
for each effect."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from functions.customers.export import export
from functions.customers.mail import mail
from local.azurite import Azurite
from shared.app.domains import Domains
from shared.errors import Invalid
from shared.notifications.double import Reply
from shared.schedules.job import Job, Status, job_id
from shared.schedules.model import LiveJob, Schedule
from shared.storage.queues.jobs import Message
from shared.tasks import Params, Preview, Task
from tests.context import job_of
from tests.integration.engine.conftest import START, Engine, make, tap
from tests.integration.notifications.vendors import Vendors, vendors

ANA, BO = "ana@example.org", "bo@example.org"
RUN = "w0a1b2c3d4e5f6g7"
HELLO: dict[str, Any] = {"to": [ANA, BO], "subject": "Hello", "text": "Hi\n\nhttps://a.example/x"}


@dataclass
class Open:
    """A gate that lets all through, and remembers what it was asked."""

    asked: list[str] = field(default_factory=list)

    def ask(self, schedule: Schedule, live: LiveJob, task: Task, params: Params) -> None:
        del schedule, task, params
        self.asked.append(live.id)


@dataclass
class Desk:
    engine: Engine
    vendors: Vendors
    gate: Open

    def run(self, task_type: str = "mail", project_id: int = 5, **parameters: Any) -> Job:
        made = self.engine.add(
            task_type, enabled=False, project_id=project_id, task_parameters=parameters
        )
        return self.again(made.id)

    def again(self, schedule_id: str) -> Job:
        self.engine.app.manager.run_now(schedule_id, force=True)
        (job,) = self.engine.work()
        return job


@pytest.fixture(scope="module")
def _town(azurite: Azurite) -> Iterator[Desk]:
    with vendors() as running, pytest.MonkeyPatch.context() as patched:
        gate = Open()
        patched.setattr(Domains, "_gate", lambda _: gate)
        environ = running.settings() | {"MAIL_DAILY_LIMIT": "6"}
        engine = make(azurite, tasks=[mail, export], environ=environ)
        tap(engine)
        yield Desk(engine, running, gate)


@pytest.fixture
def desk(_town: Desk) -> Desk:
    """One app for all, each test by a day of its own, since a day has a cap."""
    _town.engine.later(86_400)
    _town.engine.messages()
    _town.vendors.got.clear()
    return _town


def test_each_address_gets_its_own_mail_as_text_and_html(desk: Desk) -> None:
    job = desk.run(**HELLO, reply_to="help@example.org")
    assert job.status is Status.SUCCEEDED and job.result is not None
    assert (job.result["sent"], job.result["failed"]) == (2, 0)
    assert desk.gate.asked[-1] == job.id
    assert desk.vendors.mailed() == [ANA, BO]
    body = desk.vendors.to("mail")[0].body
    assert body["reply_to"] == {"email": "help@example.org"} and body["subject"] == "Hello"
    forms = {one["type"]: one["value"] for one in body["content"]}
    assert forms["text/plain"].startswith("Hi\n\nhttps://a.example/x")
    assert '<a href="https://a.example/x">' in forms["text/html"]
    entry = desk.engine.app.notifications().get(str(job.result["notifications"][0]))  # type: ignore[index]
    assert (entry.kind, entry.task, entry.recipient) == ("customer_mail", "mail", ANA)


@pytest.mark.parametrize("fresh", [True, False])
def test_an_attempt_that_repeats_sends_nothing_twice(
    desk: Desk, azurite: Azurite, fresh: bool
) -> None:
    """In a process that knows what it sent, and in one that does not."""
    engine = desk.engine
    if fresh:
        environ = desk.vendors.settings()
        engine = make(
            azurite,
            engine.app.settings.prefix,
            tasks=[mail],
            environ=environ,
            clock=engine.clock,
            prepared=True,
        )
    job = desk.run(**HELLO)
    context = job_of(
        job_id=job.id, schedule_id=job.schedule_id, project_id=5, attempt=2, clock=engine.clock
    )
    again = mail.call(context, mail.parse(HELLO), engine.app.executor._services)
    assert again == job.result
    assert desk.vendors.mailed() == [ANA, BO]


def test_a_step_that_is_run_again_sends_only_to_whom_it_did_not(desk: Desk) -> None:
    """By the run, the step and the item: the group of a redo does not count."""

    def sent(schedule: str, *to: str) -> list[str]:
        before = len(desk.vendors.mailed())
        context = job_of(
            job_id=job_id(schedule, desk.engine.clock.now()),
            schedule_id=schedule,
            project_id=5,
            clock=desk.engine.clock,
        )
        parsed = mail.parse(HELLO | {"to": list(to)})
        mail.call(context, parsed, desk.engine.app.executor._services)
        return desk.vendors.mailed()[before:]

    assert sent(f"{RUN}_s3", ANA) == [ANA]
    desk.engine.later(60)
    assert sent(f"{RUN}_s3g2", ANA, BO) == [BO]
    assert sent(f"{RUN}_s4", ANA) == [ANA]


def test_what_is_beyond_the_cap_waits_for_the_next_day_and_goes_once(desk: Desk) -> None:
    to = [f"{n}@example.org" for n in range(8)]
    made = desk.engine.add("mail", enabled=False, project_id=6, task_parameters=HELLO | {"to": to})
    asked = desk.engine.app.manager.run_now(made.id, force=True)
    assert desk.engine.work() == []
    assert desk.vendors.mailed() == to[:6]
    waiting = desk.engine.app.manager.job(asked.job_id)
    assert waiting.held is not None and "2 of 8 mails wait for tomorrow" in waiting.held
    assert desk.run(project_id=7, **HELLO).status is Status.SUCCEEDED, "another project's cap"
    desk.engine.later(86_400)
    desk.engine.messages()
    message = Message((asked.job_id,), desk.engine.clock.now())
    (done,) = desk.engine.app.worker.work(message)
    assert done.status is Status.SUCCEEDED and done.attempt == 1
    assert [one for one in desk.vendors.mailed() if one in to] == to


def test_what_reaches_nobody_has_failed_and_what_reaches_some_has_not(desk: Desk) -> None:
    desk.vendors.say("mail", Reply(400, "bad address"))
    assert desk.run(**HELLO | {"to": [ANA]}).error == "mail: it reached nobody: " + _refusal(desk)
    desk.vendors.say("mail", Reply(400, "bad address"))
    job = desk.run(**HELLO)
    assert job.status is Status.SUCCEEDED and job.result is not None
    assert (job.result["sent"], job.result["failed"]) == (1, 1)


def _refusal(desk: Desk) -> str:
    found = desk.engine.app.notifications().page(None, "mail", 1, 1)[0][0]
    assert found.error is not None
    return found.error


def test_it_leads_to_a_file_of_its_own_project_alone(desk: Desk) -> None:
    file = desk.run("export")
    assert file.result is not None
    for named in (file.result["export_id"], file.id):
        job = desk.run(**HELLO | {"to": [ANA]}, attach_export=named)
        assert job.status is Status.SUCCEEDED
        html = desk.vendors.to("mail")[-1].body["content"][1]["value"]
        assert "sig=" in html and str(file.result["file"]) in html
        shown = _previewed(desk, job, attach_export=named)
        assert str(file.result["sha256"]) in shown.facts["File"] and "sig=" not in shown.text
    stranger = desk.engine.add("export", enabled=False, project_id=9)
    theirs = desk.again(stranger.id)
    with pytest.raises(Invalid, match=r"task_parameters\.attach_export: the project has no export"):
        desk.run(**HELLO, attach_export=theirs.id)
    desk.engine.later(91 * 86_400)
    with pytest.raises(Invalid, match="any more"):
        desk.run(**HELLO, attach_export=file.id)


def _previewed(desk: Desk, job: Job, **more: Any) -> Preview:
    context = job_of(job_id=job.id, schedule_id=job.schedule_id, project_id=5)
    params = mail.parse(HELLO | more)
    one, other = (mail.previewed(context, params, desk.engine.app.executor._services) for _ in "ab")
    assert one == other, "what is approved is what is asked for again"
    return one


def test_a_dry_run_says_who_would_get_it(desk: Desk) -> None:
    context = job_of(project_id=5, dry_run=True, due_at=START + timedelta(days=1))
    said = mail.call(context, mail.parse(HELLO), desk.engine.app.executor._services)
    assert said == {
        "status": "not sent",
        "recipients": 2,
        "would_go_to": ["a***@example.org", "b***@example.org"],
    }
    assert desk.vendors.mailed() == []
