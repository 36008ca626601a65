"""Moves runs that ended long ago into files: readable, hashed, found by the API as before (O10).

1. The run is written to a blob: its definition, its steps with their jobs and results, its events.
2. Its entry in the list of runs says where it is, with the blob's SHA-256.
3. Its own row is removed, if it is still the same. From then on, readers find the file.
4. The other rows are removed, and the list says that nothing is left.

A crash before 3 writes the same blob again. A crash after it only removes what is left. So nothing
is lost, and nothing is there twice. If a person begins the run anew meanwhile, it stays.
"""

from __future__ import annotations

import hashlib
import logging
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from shared.errors import Damaged, NotFound
from shared.projects import name_of
from shared.storage.blobs.container import Container
from shared.storage.blobs.journal import get, put
from shared.tasks import JobContext
from shared.workflows.filed import Archived, read, written
from shared.workflows.listing import RunRoll
from shared.workflows.looking import Jobs
from shared.workflows.names import place_of
from shared.workflows.state import Run
from shared.workflows.store import RunStore

_PAGE = 50
_MOST = 2000
"""Runs that one call moves; the next day goes on."""


class _Done(StrEnum):
    """What was done with a run."""

    ARCHIVED = "archived"
    NEVER_BEGUN = "never_begun"
    """The process that was to begin it was killed, and it has no row."""
    DAMAGED = "damaged"
    """It cannot be read, and stays."""
    KEPT = "kept"


_LEFT = frozenset({_Done.DAMAGED, _Done.KEPT})
"""Then it is still in the list of those that are to be moved."""


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
        border, skip, done = job.due_at - self.kept, 0, Counter[_Done]()
        while done[_Done.ARCHIVED] < _MOST:
            found = self.roll.unarchived(border, skip, _PAGE)
            for run_id in found[: _MOST - done[_Done.ARCHIVED]]:
                job.check()
                what = self._moved(run_id, border, job)
                done[what] += 1
                skip += job.dry_run or what in _LEFT
            if not found:
                break
        done[_Done.NEVER_BEGUN] += self._never_begun(border, job)
        told = {one.value: done[one] for one in (_Done.ARCHIVED, _Done.NEVER_BEGUN, _Done.DAMAGED)}
        job.log("archived runs", **told)
        return told

    def read(self, run_id: str) -> Archived | None:
        """A run that was moved; None if there is none. Raises `Damaged` if the file is not what was
        written."""
        entry = self.roll.archived(run_id)
        if entry is None:
            return None
        data = get(self.container, entry.name)
        if data is None or hashlib.sha256(data).hexdigest() != entry.sha256:
            what = "is gone" if data is None else "is not what was written"
            raise Damaged(f"{self.container.name}/{entry.name}, the file of run {run_id}, {what}")
        return read(run_id, data)

    def _moved(self, run_id: str, border: datetime, job: JobContext) -> _Done:
        try:
            return self._move(run_id, border, dry=job.dry_run)
        except (Damaged, NotFound) as error:
            job.log(
                "a run stays, since it cannot be read",
                level=logging.ERROR,
                run_id=run_id,
                error=str(error),
            )
            return _Done.DAMAGED

    def _move(self, run_id: str, border: datetime, *, dry: bool) -> _Done:
        run = self.store.get(run_id)
        if run is None:
            return self._finish(run_id, dry=dry)
        if run.ended_at is None or run.ended_at >= border:
            if not dry:
                self.roll.turn(run)  # it was begun anew while it was being moved
            return _Done.KEPT
        data = self._bytes(run)
        if dry:
            return _Done.ARCHIVED
        name = f"{name_of(run.project_id)}/{run.started_at:%Y-%m}/{run_id}.json"
        put(self.container, name, data)
        if not self.roll.moving(run, name, hashlib.sha256(data).hexdigest()):
            return _Done.KEPT
        if not self.store.remove(run):
            if (now := self.store.get(run_id)) is not None:
                self.roll.turn(now)
            return _Done.KEPT
        return self._finish(run_id, dry=dry)

    def _finish(self, run_id: str, *, dry: bool) -> _Done:
        """Remove what is left of a run without a row of its own."""
        filed = self.roll.archived(run_id) is not None
        if dry:
            return _Done.ARCHIVED if filed else _Done.NEVER_BEGUN
        self.store.remove_rest(run_id)
        if filed:
            self.roll.moved(run_id)
            return _Done.ARCHIVED
        self.roll.forget(run_id)
        return _Done.NEVER_BEGUN

    def _never_begun(self, border: datetime, job: JobContext) -> int:
        """Take those from the list whose process was killed before they had a row; and say of
        others that they have ended, if that was left undone."""
        skip, gone = 0, 0
        while found := self.roll.open(border, skip, _PAGE):
            for run_id in found:
                job.check()
                run = self.store.get(run_id)
                gone += run is None
                if job.dry_run or (run is not None and not self.roll.turn(run)):
                    skip += 1
                elif run is None:
                    self.roll.forget(run_id)
        return gone

    def _bytes(self, run: Run) -> bytes:
        places = map(place_of, self.store.schedules(run.id))
        return written(
            run,
            self.store.text(run.digest),
            self.jobs.of([one for one in places if one is not None], run),
            self.store.events(run.id),
        )
