"""Moves runs that ended long ago into files: readable, hashed, found by the API as before (O10).

1. The run is written to a blob: its definition, its steps with their jobs and results, its events.
2. Its entry in the list of runs says so, with the blob's SHA-256.
3. Its rows are removed, its own row last.

A crash before 2 writes the same blob again. A crash after it only removes what is left. So nothing
is lost, and nothing is there twice.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from shared.errors import Damaged
from shared.projects import name_of
from shared.schedules.job import Job
from shared.storage.blobs.container import Container
from shared.storage.blobs.journal import get, put
from shared.tasks import JobContext
from shared.workflows.listing import RunRoll
from shared.workflows.looking import Jobs, all_places
from shared.workflows.names import deadline_id, stop_id
from shared.workflows.rows import properties, run_of_row
from shared.workflows.state import Run
from shared.workflows.store import Arrived, RunStore

_PAGE = 50
_MOST = 2000
"""Runs that one call moves; the next day goes on."""


@dataclass(frozen=True, slots=True)
class Archived:
    """A run in a file."""

    run: Run
    jobs: list[dict[str, Any]]
    events: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Archive:
    """The files (`port.WorkflowArchive`). `kept`: how long ended runs stay in the table."""

    store: RunStore
    roll: RunRoll
    jobs: Jobs
    container: Container
    kept: timedelta

    def archive(self, job: JobContext) -> Mapping[str, object]:
        """As `WorkflowArchive.archive`. Decides by the job's due time."""
        if not job.dry_run:
            self.container.create(job.check)
        moved = 0
        for run_id in self._old(job):
            job.check()
            moved += 1
            if not job.dry_run:
                self._move(run_id)
            if moved == _MOST:
                break
        never = self._never_begun(job)
        job.log("archived runs", runs=moved, never_begun=never)
        return {"archived": moved, "never_begun": never}

    def read(self, run_id: str) -> Archived | None:
        """A run that was moved; None if there is none. Raises `Damaged` if the file is not what was
        written."""
        entry = self.roll.archived(run_id)
        if entry is None:
            return None
        data = get(self.container, entry.name)
        if data is None or hashlib.sha256(data).hexdigest() != entry.sha256:
            raise Damaged(
                f"the file of run {run_id} is {'not what was written' if data else 'gone'}"
            )
        said = json.loads(data)
        row = {**said["run"], "RowKey": f"run:{run_id}", "etag": ""}
        return Archived(run_of_row(row), said["jobs"], said["events"])

    def _old(self, job: JobContext) -> Iterator[str]:
        """The runs that ended before the border, oldest page last. What is moved leaves the list of
        those that are to be moved, so its first page is asked for again."""
        border, skip = job.due_at - self.kept, 0
        while found := self.roll.unarchived(border, skip, _PAGE):
            for run_id in found:
                run = self.store.get(run_id)
                if run is not None and (run.ended_at is None or run.ended_at >= border):
                    skip += 1
                    continue
                yield run_id
                skip += job.dry_run

    def _never_begun(self, job: JobContext) -> int:
        """Take those from the list whose process was killed before they had a row."""
        border, skip, gone = job.due_at - self.kept, 0, 0
        while found := self.roll.open(border, skip, _PAGE):
            for run_id in found:
                job.check()
                if self.store.get(run_id) is not None:
                    skip += 1
                    continue
                gone += 1
                skip += job.dry_run
                if not job.dry_run:
                    self.roll.forget(run_id)
        return gone

    def _move(self, run_id: str) -> None:
        entry = self.roll.archived(run_id)
        run = self.store.get(run_id)
        if entry is None and run is not None:
            data = self._bytes(run)
            name = f"{name_of(run.project_id)}/{run.started_at:%Y-%m}/{run_id}.json"
            put(self.container, name, data)
            self.roll.archive(run, name, hashlib.sha256(data).hexdigest())
        elif entry is None:
            self.roll.forget(run_id)  # it has no row: it was never begun
        if run is not None:
            self._remove(run)

    def _bytes(self, run: Run) -> bytes:
        definition = self.store.definition(run.digest)
        places = list(all_places(run, definition))
        events = sorted(self.store.events(run.id), key=lambda one: (one.at, one.key))
        said = {
            "run": properties(run),
            "definition": self.store.text(run.digest),
            "jobs": [_job(one) for one in self.jobs.of(places, run)],
            "events": [_event(one) for one in events],
        }
        return json.dumps(said, sort_keys=True, indent=1, default=str).encode()

    def _remove(self, run: Run) -> None:
        definition = self.store.definition(run.digest)
        schedules = [one.schedule_id(run.id) for one in all_places(run, definition)]
        for redone in range(run.redone + 1):
            schedules += [deadline_id(run.id, redone), stop_id(run.id, redone)]
        self.store.remove(run, schedules, len(definition.steps))


def _job(job: Job) -> dict[str, Any]:
    return {
        "id": job.id,
        "task_type": job.task_type,
        "status": job.status.value,
        "due_at": job.due_at.isoformat(),
        "started_at": job.started_at and job.started_at.isoformat(),
        "finished_at": job.finished_at and job.finished_at.isoformat(),
        "attempt": job.attempt,
        "parameters": dict(job.parameters),
        "result": job.result and dict(job.result),
        "error": job.error,
        "reason": job.reason,
        "log": job.log,
    }


def _event(one: Arrived) -> dict[str, Any]:
    return {
        "name": one.name,
        "at": one.at.isoformat(),
        "data": dict(one.data),
        "taken_by": one.taken_by,
    }
