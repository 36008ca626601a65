"""Batches of an app of its own, on real Azurite, with tasks that note what they are asked to do."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from functions.customers.batch import batch, change_of
from local.azurite import Azurite
from shared.access import Role
from shared.batch.model import ItemStatus, Outcome
from shared.batch.params import BatchParams
from shared.batch.progress import Standing
from shared.batch.service import Batches
from shared.clock import Clock
from shared.errors import Refused, Skipped
from shared.recurrence import Frequency, Recurrence
from shared.schedules.model import Definition, Policy
from shared.tasks import JobContext, Params, Result, Task, task
from shared.tasks.context import ItemOf
from tests.context import job_of
from tests.integration.engine.conftest import START, Engine, make, tap

JOB = "s1-20260301T120000Z"


class Named(Params):
    name: str
    number: int = 0


@dataclass
class Calls:
    """What the tasks were asked to do."""

    names: list[str] = field(default_factory=list)
    jobs: list[str] = field(default_factory=list)
    items: list[ItemOf | None] = field(default_factory=list)
    entered: threading.Event = field(default_factory=threading.Event)

    @property
    def most(self) -> int:
        """How often the same was done."""
        return max(Counter(self.names).values(), default=0)

    def tasks(self) -> list[Task]:
        def do(job: JobContext, params: Named) -> Result:
            self.names.append(params.name)
            self.jobs.append(job.job_id)
            self.items.append(job.item)
            if params.name.startswith("bad"):
                raise Refused("vendor", "no, postgresql://u:hunter2@h/d")
            if params.name.startswith("nothing"):
                raise Skipped("there is nothing to do")
            if params.name.startswith("hangs"):
                self.entered.set()
                job.stop.wait(20)
                job.check()
            return {"name": params.name, "number": params.number}

        @task("again", for_projects=True, repeatable=True)
        def again(job: JobContext, params: Named) -> Result:
            """May be done again."""
            return do(job, params)

        @task("only_once", for_projects=True)
        def only_once(job: JobContext, params: Named) -> Result:
            """Must not be done again."""
            return do(job, params)

        @task("of_company")
        def of_company(job: JobContext, params: Named) -> Result:
            """Works for all projects."""
            return do(job, params)

        @task("of_admins", for_projects=True, role=Role.ADMIN)
        def of_admins(job: JobContext, params: Named) -> Result:
            """Is for admins."""
            return do(job, params)

        @task("few", for_projects=True, max_concurrent=1)
        def few(job: JobContext, params: Named) -> Result:
            """Runs alone."""
            return do(job, params)

        @task("asked_for", for_projects=True, on_request=True)
        def asked_for(job: JobContext, params: Named) -> Result:
            """A person asks for it."""
            return do(job, params)

        return [again, only_once, of_company, of_admins, few, asked_for]


@dataclass
class Desk:
    """The app, as a test uses it."""

    engine: Engine
    calls: Calls
    chunk: int = 5_000

    def batches(self) -> Batches:
        made = self.engine.app.batches()
        made._chunk = made.progress._chunk = self.chunk
        return made

    def job(
        self,
        *,
        job_id: str = JOB,
        project_id: int | None = 7,
        attempt: int = 1,
        stop: threading.Event | None = None,
        clock: Clock | None = None,
        dry_run: bool = False,
    ) -> JobContext:
        return job_of(
            job_id=job_id,
            schedule_id=job_id.partition("-")[0],
            project_id=project_id,
            due_at=START,
            attempt=attempt,
            clock=clock or self.engine.clock,
            dry_run=dry_run,
            stop=stop,
        )

    def run(self, job: JobContext | None = None, **params: Any) -> dict[str, Any]:
        given = BatchParams.model_validate(params)
        return dict(self.batches().run(job or self.job(), given, change_of))

    def standing(self, job_id: str = JOB, project_id: int | None = 7) -> Standing:
        return self.batches().progress.standing(project_id, job_id)

    def outcomes(self, status: ItemStatus | None = None, since: int = 0) -> list[Outcome]:
        return list(self.batches().progress.outcomes(self.standing(), since, status))

    def schedule(self, task_type: str = "works", project_id: int | None = 7, **more: Any) -> str:
        what = Definition(
            name=more.pop("name", "a schedule"),
            project_id=project_id,
            task_type=task_type,
            recurrence=Recurrence(
                frequency=Frequency.INTERVAL,
                interval_seconds=3600,
                start_time=START + timedelta(days=1),
            ),
            **more,
        )
        return self.engine.app.manager.create(what, Policy()).id

    def revision(self, schedule_id: str) -> int:
        return self.engine.app.manager.get(schedule_id).revision


def call(name: str, items: list[Any], **more: Any) -> dict[str, Any]:
    """A batch that calls a task for each item."""
    template = {"name": {"item": "id"}}
    return {"task_type": name, "task_parameters": template, "items": items, **more}


def opened(azurite: Azurite, **more: Any) -> Desk:
    calls = Calls()
    engine = make(azurite, tasks=[batch, *calls.tasks()], **more)
    tap(engine)
    return Desk(engine, calls)


@pytest.fixture
def desk(azurite: Azurite) -> Iterator[Desk]:
    made = opened(azurite)
    yield made
    made.engine.calls.hold.set()
