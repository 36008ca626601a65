"""Who is named gets one mail for each run of a customer's task (C12)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from local.azurite import Azurite
from shared.completion.saying import addresses, data, is_told
from shared.errors import Refused, Unavailable
from shared.jobs.entry import Entry
from shared.schedules.job import Job, Status
from shared.tasks import JobContext, Params, Result, task
from shared.tasks.customers import CustomerParams
from tests.integration.engine.conftest import START, Engine, make, tap
from tests.integration.jobs.truth import sweep
from tests.integration.notifications.vendors import Vendors, vendors

TEAM, BOSS = "team@example.org", "boss@example.org"


class Wish(CustomerParams):
    fails: bool = False


@task("wishes", timeout_seconds=60, for_projects=True)
def wishes(job: JobContext, params: Wish) -> Result:
    """Returns numbers, or fails."""
    if params.fails:
        raise Refused("the shop", "no <b>entry</b>")
    return {"copied": 1842, "by": {"kind": 2}, "done": True, "name": "x"}


@task("ours", timeout_seconds=60)
def ours(job: JobContext, params: Params) -> Result:
    """No customer's."""
    return {}


@dataclass
class Desk:
    engine: Engine
    vendors: Vendors

    def run(self, task_type: str = "wishes", **parameters: object) -> Job:
        """A run that ended and was packed."""
        made = self.engine.add(
            task_type, enabled=False, project_id=5, task_parameters=parameters, max_attempts=1
        )
        self.engine.app.manager.run_now(made.id, force=True)
        (job,) = self.engine.work()
        self.pack()
        return job

    def pack(self) -> None:
        self.engine.later(400)
        sweep(self.engine.app)
        self.engine.app.packing.pack(lambda: None)


@pytest.fixture
def desk(azurite: Azurite) -> Iterator[Desk]:
    with vendors() as running:
        made = make(azurite, tasks=[wishes, ours], environ=running.settings())
        tap(made)
        yield Desk(made, running)


def test_each_end_is_mailed_once_to_those_that_are_named(desk: Desk) -> None:
    asks: dict[str, Any] = {"notify_on_completion": True, "notification_emails": [TEAM, BOSS]}
    job = desk.run(**asks)
    assert desk.vendors.mailed() == [TEAM, BOSS]
    said = str(desk.vendors.to("mail")[0].body)
    assert (
        "test: succeeded" in said
        and "The run succeeded." in said
        and f"GET /api/v1/jobs/{job.id}" in said
    )
    assert "copied: 1,842" in said and "by.kind: 2" in said
    packing = desk.engine.app.packing
    for _ in range(2):  # the feed is told of again after a kill
        packing._tell([Entry.of(job)], lambda: None)
    assert len(desk.vendors.mailed()) == 2
    desk.run(**asks | {"fails": True, "notification_emails": [BOSS]})
    assert desk.vendors.mailed() == [TEAM, BOSS, BOSS]
    said = str(desk.vendors.to("mail")[-1].body)
    assert "test: failed" in said
    assert "no &lt;b&gt;entry&lt;/b&gt;" in said, "it is escaped"


def test_nobody_gets_what_they_did_not_ask_for(desk: Desk) -> None:
    desk.run(notification_emails=[TEAM])
    desk.run(notify_on_completion=True)
    desk.run("ours")
    assert desk.vendors.mailed() == []


def test_a_mail_that_cannot_be_stored_is_asked_for_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = type(desk.engine.app.notifications())

    def away(*_: object, **__: object) -> None:
        raise Unavailable("table storage", "away")

    with monkeypatch.context() as patched:
        patched.setattr(service, "mail", away)
        with pytest.raises(Unavailable):
            desk.run(notify_on_completion=True, notification_emails=[TEAM])
    assert desk.vendors.mailed() == []
    desk.pack()
    assert desk.vendors.mailed() == [TEAM]


@pytest.mark.parametrize(
    ("status", "reason", "told"),
    [
        (Status.SUCCEEDED, None, True),
        (Status.FAILED, None, True),
        (Status.MISSED, "its grace passed", True),
        (Status.SKIPPED, "the budget of project 5 is used up", True),
        (Status.SKIPPED, "the one before still ran", False),
        (Status.CANCELLED, "by Ana", False),
        (Status.RUNNING, None, False),
    ],
)
def test_which_ends_are_mailed(status: Status, reason: str | None, told: bool) -> None:
    job = Job(
        id="s-20260301T120000Z",
        schedule_id="s",
        schedule_name="S",
        project_id=5,
        task_type="wishes",
        status=status,
        due_at=START,
        reason=reason,
        parameters={"notify_on_completion": True, "notification_emails": [TEAM]},
        result={str(n): n for n in range(50)},
    )
    assert is_told(job) is told
    assert len(data(job, "UTC")["numbers"]) == 20  # type: ignore[arg-type]
    unasked: list[dict[str, object]] = [
        {},
        {"notify_on_completion": "yes"},
        {"notify_on_completion": True},
    ]
    assert [addresses(one) for one in unasked] == [()] * 3
