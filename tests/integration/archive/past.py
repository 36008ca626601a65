"""An app with a past of many days, written as the engine writes it, and what every reader sees of
it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import zstandard

from local.azurite import Azurite
from shared.archive.parts import Part
from shared.recurrence import Frequency, Recurrence, next_run
from shared.schedules.costs import By
from shared.schedules.job import Job, Status, job_id
from shared.schedules.ledger import Span
from shared.schedules.model import LiveJob, Schedule
from shared.schedules.series import Bucket
from shared.schedules.spent import Spent
from shared.storage.names import Names
from shared.tasks import JobContext
from tests.context import job_of
from tests.integration.engine.conftest import START, Engine, make, store, tap
from tests.jobs import jobs_of
from tests.spans import CALLER

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
RETENTION = 30
_MOMENT = timedelta(microseconds=1)


@dataclass
class Past:
    """The engine, its schedules, and the ids of all jobs."""

    engine: Engine
    schedules: list[Schedule] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)

    @property
    def app(self) -> Any:
        return self.engine.app

    def schedule(self, hours: int = 6, task_type: str = "works") -> Schedule:
        """A schedule that has been there since START, every so many hours."""
        when = Recurrence(
            frequency=Frequency.INTERVAL, interval_seconds=3600 * hours, start_time=START
        )
        found = self.engine.add(task_type, recurrence=when)
        self.schedules.append(found)
        return found

    def end(self, *jobs: Job) -> None:
        """Write the rows of ended jobs."""
        assert all(self.app.table.end(list(jobs)))
        self.ids += [job.id for job in jobs]

    def counted(self, schedule: Schedule, until: datetime, *live: str) -> None:
        """Let the schedule's row say that all was counted up to `until`; `live` are jobs that ended
        and are not counted yet."""

        def step(one: Schedule) -> Schedule:
            jobs = tuple(
                LiveJob(id=name, due_at=due, available_at=due, attempt=1, started_at=due)
                for name in live
                for due in [self.app.table.job(name).due_at]
            )
            upcoming = next_after(one, max([until, *(job.due_at for job in jobs)]))
            progress = replace(one.progress, last_due_at=until, live=jobs, next_run_at=upcoming)
            return replace(one, progress=progress)

        store(self.app, schedule.id, step)

    def told(self) -> None:
        """Let the alerts have taken over all notes."""
        for shard in self.app.table.shards:
            self.app.table.settled(shard, self.app.table.troubles(shard, 1000))

    def archive(self, days: int = RETENTION, job: JobContext | None = None) -> Mapping[str, Any]:
        """Run the archive as the task does, with that retention."""
        service = self.app.archive()
        service._retention = timedelta(days=days)
        found: Mapping[str, Any] = service.archive(job or job_of(clock=self.engine.clock))
        return found

    def parts(self) -> list[Part]:
        found: list[Part] = self.app.archive().parts()
        return found

    def rows(self) -> set[str]:
        """The ids of the jobs that are in the table."""
        return {job.id for job in self.app.table.jobs()}

    def blobs(self) -> dict[str, bytes]:
        container = self.app.connection.container(Names(self.app.settings.prefix).history)
        if not container.exists():
            return {}
        return {
            name: container.download_blob(name).readall() for name in container.list_blob_names()
        }


def next_after(schedule: Schedule, at: datetime) -> datetime:
    found = next_run(schedule.definition.recurrence, at)
    assert found is not None
    return found


def made(azurite: Azurite, **environ: str) -> Past:
    settings = {"JOB_RETENTION_DAYS": str(RETENTION), **environ}
    engine = make(azurite, environ=settings)
    tap(engine)
    return Past(engine)


def run(schedule: Schedule, due_at: datetime, by: str = "", **changes: Any) -> Job:
    """A job that ran and ended a minute after it was due."""
    began = due_at + timedelta(seconds=1)
    made = Job(
        id=job_id(schedule.id, due_at, by),
        schedule_id=schedule.id,
        schedule_name=schedule.definition.name,
        project_id=None,
        task_type=schedule.definition.task_type,
        status=Status.SUCCEEDED,
        due_at=due_at,
        attempt=1,
        started_at=began,
        first_started_at=began,
        finished_at=due_at + timedelta(minutes=1),
        worker="w",
        result={"rows": due_at.day, "name": "zürich"},
        log=f"log of {due_at}\n",
        spent=Spent(gb_seconds=1.5, table_requests=2, blob_requests=0),
        trace=CALLER,
    )
    return replace(made, **changes)


def listed(app: Any, *asked: Any) -> list[Job]:
    """A list of jobs; lists may have their logs or not."""
    return [replace(job, log="") for job in jobs_of(app, *asked)]


def seen(past: Past, since: datetime, until: datetime, *, brief: bool = False) -> dict[str, Any]:
    """All that readers see, by question. `brief`: some of it."""
    app = past.app
    known = {one.id: one for one in past.schedules}
    found: dict[str, Any] = {}
    for name in known:
        found[f"list {name}"] = listed(app, name)
        if brief:
            continue
        found[f"span {name}"] = listed(app, name, since, until)
        found[f"newest {name}"] = app.table.newest(name)
        span = Span(since - _MOMENT, until - _MOMENT)
        found[f"occurrences {name}"] = app.ledger.occurrences(name, span, 1, 1000)
        found[f"schedule {name}"] = replace(app.manager.get(name), etag="")
        failed = app.control._failed(app.manager.get(name))
        found[f"failed {name}"] = [job.id for job in failed]
    found["whole"] = app.ended.whole(past.ids)
    made = app.ledger.reconcile(lambda: None, Span(since - _MOMENT, until - _MOMENT))
    found["reconciled"] = made.result()
    if brief:
        return found
    found["single"] = {one: app.manager.job(one) for one in past.ids[::3]}
    costs = app.history.costs(since, until, By.DAY)
    found["costs"] = costs.whole, costs.bills
    for task in ("works", "fails"):
        series = app.history.series(app.registry.get(task), since, until, Bucket.DAY)
        found[f"series {task}"] = [
            (begin, one.counts, one.metrics, one.duration) for begin, one in series
        ]
    return found


def lines(past: Past) -> list[str]:
    """The ids of the jobs in all files, as any tool reads them."""
    found = []
    for name, content in past.blobs().items():
        if name.endswith(".zst"):
            whole = zstandard.ZstdDecompressor().stream_reader(content, read_across_frames=True)
            found += [json.loads(line)["job_id"] for line in whole.read().splitlines()]
    return found
