"""What a job used is kept with its end, and summed up with what messages cost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from local.azurite import Azurite
from shared.errors import Unavailable
from shared.notifications.model import Entry, NotificationStatus, notification_id
from shared.notifications.port import NotificationService
from shared.notifications.rows import PARTITION, notification_key, properties
from shared.schedules.job import Job, Status
from shared.storage.names import Names
from shared.storage.tables.batch import Insert
from shared.tasks import JobContext, Params, Result, Task, task
from tests.integration.engine.conftest import START, Engine, make, tap
from tests.integration.history.conftest import Ask

AT = START + timedelta(seconds=1)


class Busy(Params):
    """How often it fails first."""

    failures: int = 0


def tasks(engine: list[Engine]) -> list[Task]:
    """A task that reads a table twice and takes three seconds, each time that it is tried."""

    @task("busy", timeout_seconds=60)
    def busy(job: JobContext, params: Busy) -> Result:
        """Uses storage and time."""
        one = engine[0]
        one.app.meta.value("nothing")
        one.app.meta.value("nothing")
        one.later(3)
        if job.attempt <= params.failures:
            raise Unavailable("it", "is away")
        return {}

    @task("tells", timeout_seconds=60)
    def tells(job: JobContext, notifications: NotificationService) -> Result:
        """Tells people."""
        notifications.alert(key=job.job_id, subject="s", text="t")
        return {}

    return [busy, tells]


@pytest.fixture
def engine(azurite: Azurite) -> Iterator[Engine]:
    known: list[Engine] = []
    made = make(azurite, tasks=tasks(known))
    known.append(made)
    tap(made)
    yield made


def ended(engine: Engine, schedule_id: str) -> Job:
    (job,) = engine.app.table.jobs(schedule_id)
    return job


def test_what_a_task_used_is_in_the_row_of_its_job(engine: Engine, ask: Ask) -> None:
    made = engine.add("busy", enabled=False)
    engine.app.manager.run_now(made.id, force=True)
    engine.work()
    job = ended(engine, made.id)
    assert job.spent is not None
    assert (job.spent.table_requests, job.spent.blob_requests) == (2, 0)
    assert job.spent.gb_seconds == 6  # three seconds of 2 GB; nothing else ran
    said = ask(f"jobs/{job.id}").json()["cost"]
    assert (said["gb_seconds"], said["table_requests"]) == (6, 2)
    compute, storage = said["costs"]
    assert compute == {
        "kind": "compute",
        "currency": "USD",
        "micros": 156,
        "estimated_micros": 156,
    }
    assert storage["micros"] == 0.072
    assert ask("jobs").json()["jobs"][0]["cost"] is None


def test_attempts_that_failed_before_count_too(engine: Engine) -> None:
    made = engine.add("busy", enabled=False, task_parameters={"failures": 2}, max_attempts=3)
    engine.app.manager.run_now(made.id, force=True)
    for _ in range(3):
        engine.work()
        engine.later(300)
    job = ended(engine, made.id)
    assert (job.status, job.attempt) == (Status.SUCCEEDED, 3)
    assert job.spent is not None
    assert (job.spent.table_requests, job.spent.gb_seconds) == (6, 18)


def test_what_the_attempts_before_used_is_kept_if_a_person_cancels(engine: Engine) -> None:
    made = engine.add("busy", enabled=False, task_parameters={"failures": 9})
    asked = engine.app.manager.run_now(made.id, force=True)
    engine.work()
    engine.app.control.cancel(asked.job_id)
    job = ended(engine, made.id)
    assert job.status is Status.CANCELLED and job.spent is not None
    assert job.spent.table_requests == 2


def test_a_job_that_did_not_run_used_nothing(engine: Engine) -> None:
    made = engine.add("busy", enabled=False)
    asked = engine.app.manager.run_now(made.id, force=True)
    engine.app.control.cancel(asked.job_id)
    assert ended(engine, made.id).spent is None


def message(engine: Engine, at: datetime, **changes: object) -> None:
    """A message in the outbox, as it is after it was sent."""
    entry = Entry(
        id="",
        key=f"k{at}",
        channel="sms",
        recipient="",
        subject="",
        text="t",
        status=NotificationStatus.SENT,
        created_at=at,
        next_at=None,
        task="reminders",
        tenant_id=7,
        segments=2,
        cost_micros=15_800,
        cost_currency="USD",
        cost_estimated=True,
    )
    entry = replace(entry, **changes)  # type: ignore[arg-type]
    entry = replace(entry, id=notification_id(entry.digest, at))
    name = Names(engine.app.settings.prefix).notifications
    engine.app.connection.create_table(name)
    row = Insert(notification_key(entry.id), properties(entry))
    assert engine.app.connection.table(name).transact(PARTITION, [row]).committed


def test_costs_are_summed_by_task_tenant_day_and_channel(engine: Engine, ask: Ask) -> None:
    made = engine.add("busy", enabled=False)
    for _ in range(2):
        engine.app.manager.run_now(made.id, force=True)
        engine.work()
        engine.later(1)
    message(engine, AT)
    message(engine, AT + timedelta(days=1), tenant_id=9, cost_micros=7_900, cost_estimated=False)
    message(engine, AT + timedelta(hours=1), cost_micros=None, cost_currency="")
    message(engine, AT + timedelta(hours=2), segments=0, cost_micros=None, channel="mail")
    message(engine, AT - timedelta(days=1))
    message(engine, START + timedelta(days=2))  # the end is not in the span
    span = {"since": START.isoformat(), "until": (START + timedelta(days=2)).isoformat()}
    found = {
        by: {
            one["key"]: (one["jobs"], one["messages"], sum(c["micros"] for c in one["costs"]))
            for one in ask("costs", by=by, **span).json()["items"]
        }
        for by in ("task", "tenant", "day", "channel")
    }
    runs = 2 * (6 * 26 + 2 * 0.036)
    assert found == {
        "task": {"busy": (2, 0, runs), "reminders": (0, 3, 23_700)},
        "tenant": {"7": (0, 2, 15_800), "9": (0, 1, 7_900), None: (2, 0, runs)},
        "day": {"2026-03-01": (2, 2, runs + 15_800), "2026-03-02": (0, 1, 7_900)},
        "channel": {"sms": (0, 3, 23_700), None: (2, 0, runs)},
    }
    total = ask("costs", **span).json()["total"]
    assert (total["gb_seconds"], total["table_requests"]) == (12, 4)
    assert (total["messages"], total["segments"], total["unpriced"]) == (3, 6, 1)
    texts = next(one for one in total["costs"] if one["kind"] == "messages")
    assert (texts["micros"], texts["estimated_micros"]) == (23_700, 15_800)


def test_without_an_outbox_nothing_was_paid_for_messages(ask: Ask) -> None:
    said = ask("costs").json()
    assert said["items"] == [] and said["total"]["messages"] == 0 and said["by"] == "task"


def test_a_message_is_booked_to_the_task_that_asked_for_it(engine: Engine) -> None:
    made = engine.add("tells", enabled=False)
    engine.app.manager.run_now(made.id, force=True)
    engine.work()
    entries, _ = engine.app.notifications().page(None, None, 1, 10)
    assert [one.task for one in entries] == ["tells"]
    engine.app.notifications().alert(key="k", subject="s", text="t")
    entries, _ = engine.app.notifications().page(None, None, 1, 10)
    assert {one.task for one in entries} == {"tells", ""}
