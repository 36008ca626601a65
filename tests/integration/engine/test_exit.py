"""A process that ends in good order gives its running jobs back."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from local.azurite import Azurite
from shared.schedules.job import Status
from tests.integration.engine.conftest import Bench, make

_PROCESS = """
import sys, threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from shared.app import build, drain_at_exit
from shared.clock import SystemClock
from shared.settings import from_env
from shared.storage.queue import Message
from shared.tasks import JobContext, Params, Registry, Result, task

begun = threading.Event()

@task("works")
def works(job: JobContext, params: Params) -> Result:
    "Runs until it is told to stop."
    begun.set()
    job.stop.wait(60)
    {heed}
    return {{}}

settings = from_env({{"AzureWebJobsStorage": sys.argv[1], "BELFRY_PREFIX": sys.argv[2],
                     "SCHEDULE_SHARDS": "2"}})
app = build(settings, SystemClock(), registry=Registry([works]))
drain_at_exit(app.worker, patience=timedelta(seconds=2))
pool = ThreadPoolExecutor(1)
pool.submit(app.worker.work, Message((sys.argv[3],), app.clock.now()))
assert begun.wait(30)
"""


@pytest.mark.parametrize(
    ("heed", "status"),
    [("job.check()", Status.QUEUED), ("threading.Event().wait(60)", Status.RUNNING)],
)
def test_what_heeds_goes_back_at_the_end_of_the_process_and_nothing_holds_it_up(
    bench: Bench, azurite: Azurite, heed: str, status: Status
) -> None:
    made = bench.add()
    asked = bench.app.manager.run_now(made.id, force=True)
    code = textwrap.dedent(_PROCESS.format(heed=heed))
    arguments = [azurite.connection_string, bench.app.settings.prefix, asked.job_id]
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        timeout=40,
    )
    assert done.returncode == 0, done.stderr
    job = make(azurite, bench.app.settings.prefix).app.manager.job(asked.job_id)
    assert job.status is status
    assert job.attempt == (0 if status is Status.QUEUED else 1)
