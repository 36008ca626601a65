"""A process that does a batch, and is killed (SIGKILL) within one of its items.

python -m tests.integration.batch TASK COUNT ATTEMPT FATAL FILE

The settings are its environment. Each item that begins is a line of FILE. FATAL: within which of
them the process is killed; 0: it is not killed.
"""

from __future__ import annotations

import faulthandler
import os
import signal
import sys
import threading
from datetime import datetime
from pathlib import Path

from functions.customers.batch import batch, change_of
from shared.app import build
from shared.batch.params import BatchParams
from shared.clock import SystemClock
from shared.settings import from_env
from shared.tasks import JobContext, Params, Registry, Result, task
from tests.context import job_of
from tests.integration.batch.conftest import JOB, call

_LONGEST = 60


class Named(Params):
    name: str


def main(name: str, count: int, attempt: int, fatal: int, told: Path) -> None:
    faulthandler.dump_traceback_later(_LONGEST, exit=True)
    lock = threading.Lock()

    def do(job: JobContext, params: Named) -> Result:
        with lock:
            with told.open("a") as file:
                file.write(f"{attempt} {params.name}\n")
            lines = told.read_text().splitlines()
            if fatal and sum(line.startswith(f"{attempt} ") for line in lines) == fatal:
                os.kill(os.getpid(), signal.SIGKILL)
        return {}

    @task("again", for_projects=True, repeatable=True)
    def again(job: JobContext, params: Named) -> Result:
        """May be done again."""
        return do(job, params)

    @task("only_once", for_projects=True)
    def only_once(job: JobContext, params: Named) -> Result:
        """Must not be done again."""
        return do(job, params)

    clock = SystemClock()
    app = build(from_env(os.environ), clock, Registry([batch, again, only_once]))
    app.create()
    batches = app.batches()
    batches._chunk = 16
    due_at = datetime.fromisoformat("2026-03-01T12:00:00Z")
    job = job_of(
        job_id=JOB, schedule_id="s1", project_id=7, due_at=due_at, attempt=attempt, clock=clock
    )
    items = [f"n{index}" for index in range(count)]
    batches.run(job, BatchParams.model_validate(call(name, items, concurrency=3)), change_of)


_NAME, *_NUMBERS, _FILE = sys.argv[1:]
_COUNT, _ATTEMPT, _FATAL = map(int, _NUMBERS)
main(_NAME, _COUNT, _ATTEMPT, _FATAL, Path(_FILE))
