"""What the tests of mail, alerts and upkeep share: an app with a company's database, as seen."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from functions.backups.backup import backup
from functions.backups.backup_monitor import backup_monitor
from functions.backups.backup_scrub import backup_scrub
from functions.backups.backup_upkeep import backup_upkeep
from functions.backups.database_backup import database_backup
from local.azurite import Azurite
from shared import settings
from shared.app import App, build
from shared.backups.engines import schemes
from shared.backups.params import BackupPlan
from shared.clock import ManualClock
from shared.engine.commands.builtin import policy
from shared.errors import Refused
from shared.log import Event
from shared.notifications import channels
from shared.recurrence import Frequency, Recurrence
from shared.schedules.job import ENDED, Job, Status
from shared.schedules.model import Definition
from shared.storage.queues.jobs import Message
from shared.tasks import JobContext, Registry, Result, Retry, task
from tests.integration.engine.conftest import store

numbers = itertools.count()
START = datetime(2026, 3, 1, 0, 0, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
GONE: dict[str, Callable[[], None]] = {}


@task("departing", retry=Retry(attempts=1))
def departing(job: JobContext, plan: BackupPlan) -> Result:
    """A backup that fails when its plan was deleted meanwhile."""
    del plan
    GONE[job.schedule_id]()
    raise Refused("backup", "the tenant has left")


class WatchedEngine:
    """An app with a company's database, its clock, and what people see of it."""

    def __init__(self, azurite: Azurite, company: Path, **environ: str) -> None:
        number = next(numbers)
        environ = {
            "AzureWebJobsStorage": azurite.connection_string,
            "BELFRY_PREFIX": f"w{number}",
            "BACKUP_CONTAINER": f"watch{number}",
            "SCHEDULE_SHARDS": "1",
            "DATABASE_PATH": str(company),
            "BACKUP_MONITOR_ENABLED": "false",  # they run when the test says so
            "BACKUP_UPKEEP_ENABLED": "false",
            "BACKUP_SCRUB_ENABLED": "false",
            **environ,
        }
        self.clock = ManualClock(START)
        watching = [backup_monitor, backup_upkeep, backup_scrub]
        tasks = Registry([database_backup, backup, departing, *watching])
        self.app: App = build(
            settings.from_env(environ, channels=channels.declared(), schemes=schemes()),
            self.clock,
            tasks=tasks,
        )
        self.app.prepare()

    def run(self, schedule_id: str, at: datetime | None = None) -> Job:
        """Run a schedule's task now, after what is due of it; the job that was asked for."""
        if at is not None:
            self.clock.set(at)
        asked = self.app.manager.run_now(schedule_id, force=True, send=False)
        while self.app.manager.job(asked.job_id).status not in ENDED:
            live = self.app.manager.get(schedule_id).progress.live
            waiting = [one.id for one in live if one.due_at <= self.clock.now()]
            self.app.worker.work(Message(tuple(waiting[:1]), self.clock.now()))
        return self.app.manager.job(asked.job_id)

    def plan(self, task_type: str = "backup", **parameters: Any) -> str:
        """The id of a new plan that runs at 00:00."""
        definition = Definition(
            name="tenant",
            task_type=task_type,
            task_parameters=parameters,
            recurrence=Recurrence(frequency=Frequency.DAILY),
        )
        return self.app.manager.create(definition, policy(backup)).id

    def set(self, plan: str, **parameters: Any) -> None:
        """Change a plan's parameters as no route would let one."""
        store(
            self.app,
            plan,
            lambda one: replace(
                one, definition=replace(one.definition, task_parameters=parameters)
            ),
        )

    def delete(self, backup_id: str, *, force: bool) -> None:
        service = self.app.backups()
        found = service.look()
        service.delete(found, found.find(backup_id), force=force)

    def notifications(self) -> list[tuple[str, str]]:
        """(recipient, subject) of every notification, newest first."""
        found, _ = self.app.notifications().page(None, None, 1, 100)
        return [(one.recipient, one.subject) for one in found]

    def text(self) -> str:
        found, _ = self.app.notifications().page(None, None, 1, 1)
        return found[0].text


def events(caplog: pytest.LogCaptureFixture, what: Event) -> list[dict[str, Any]]:
    return [one.fields for one in caplog.records if getattr(one, "event", "") == what]  # type: ignore[attr-defined]


def taken(job: Job) -> str:
    """The id of the one backup that a job took."""
    assert job.status is Status.SUCCEEDED, job.error
    result: Any = job.result
    (one,) = result["backups"]
    return str(one["id"])
