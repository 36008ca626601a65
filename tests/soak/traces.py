"""What hosts note while they run: a line each time, in a file that all of them append to."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from shared import tracing
from shared.app import App
from shared.clock import Clock
from shared.schedules.job import Job
from shared.storage.tables.changes import Change
from shared.tasks import JobContext


class Traces:
    """The file, and the effects that jobs have. Instants are the fast clock's."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._effects = folder / "effects"
        self._effects.mkdir(exist_ok=True)
        self._clock = clock
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        self._file = os.open(folder / "traces", flags)
        self._begun: set[tuple[str, int]] = set()

    def write(self, kind: str, job_id: str, attempt: int, **more: object) -> None:
        at = self._clock.now().timestamp()
        line = {"kind": kind, "job": job_id, "attempt": attempt, "at": at, "pid": os.getpid()}
        os.write(self._file, (json.dumps(line | more) + "\n").encode())

    def up(self) -> None:
        """This host is ready to work."""
        self.write("up", "", 0)

    def effect(self, job: JobContext) -> None:
        """What a job does to the outside, with its id as the key: done once, then refused."""
        try:
            os.close(os.open(self._effects / job.job_id, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            self.write("effect_refused", job.job_id, job.attempt)
        else:
            self.write("effect", job.job_id, job.attempt)

    def begin(self, job: JobContext) -> None:
        self._begun.add((job.job_id, job.attempt))
        trace = tracing.trace_id(tracing.carried())
        self.write("start", job.job_id, job.attempt, trace=trace)

    def watch(self, app: App) -> None:
        """Note leases when they were written, and attempts that are over before that is written."""
        commit, end = app.table.commit, app.table.end

        def committed(changes: Sequence[Change]) -> list[bool]:
            for change in changes:
                for live in change.before.progress.live if change.before else ():
                    after = change.after.progress.find(live.id)
                    if after is None or after.worker is None:
                        self._over(live.id, live.attempt)
            won = commit(changes)
            for change, made in zip(changes, won, strict=True):
                for live in change.after.progress.live if made else ():
                    before = change.before and change.before.progress.find(live.id)
                    if live.lease_until is not None and before != live:
                        until = live.lease_until.timestamp()
                        self.write("lease", live.id, live.attempt, until=until)
            return won

        def ended(jobs: Sequence[Job]) -> list[bool]:
            for job in jobs:
                self._over(job.id, job.attempt)
            return end(jobs)

        table: Any = app.table
        table.commit, table.end = committed, ended

    def _over(self, job_id: str, attempt: int) -> None:
        if (job_id, attempt) in self._begun:
            self._begun.discard((job_id, attempt))
            self.write("over", job_id, attempt)
