"""A process that ends in good order gives its running jobs back, also where an interpreter that
goes down starts no thread any more: Python 3.12.0 to 3.12.2 by themselves, here every version."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from local.azurite import Azurite
from shared.schedules.job import Status
from tests.integration.engine.conftest import Engine, make

_PROCESS = """
import asyncio, sys, threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from shared.app import build
from shared.process import drain_at_exit
from shared.clock import SystemClock
from shared.engine.work.lease import Lease
from shared.settings import from_env
from shared.storage.queues.jobs import Message
from shared.tasks import JobContext, Params, Registry, Result, task

begun = threading.Semaphore(0)

{works}

def refuse(thread: threading.Thread) -> None:
    raise RuntimeError("can't create new thread at interpreter shutdown")

settings = from_env({{"AzureWebJobsStorage": sys.argv[1], "BELFRY_PREFIX": sys.argv[2],
                     "SCHEDULE_SHARDS": "2"}})
lease = Lease(beat=timedelta(seconds=0.1))
app = build(settings, SystemClock(), Registry([task("works")(works)]), lease=lease)
drain_at_exit(app.clock, app.worker, patience=timedelta(seconds={patience}))
threading._register_atexit(setattr, threading.Thread, "start", refuse)
pool = ThreadPoolExecutor(1)
pool.submit(app.worker.work, Message(tuple(sys.argv[3:]), app.clock.now()))
for _ in sys.argv[3:]:
    assert begun.acquire(timeout=30)
"""

_HEEDS = """
def works(job: JobContext, params: Params) -> Result:
    "Runs until it is told to stop."
    begun.release()
    job.stop.wait(60)
    job.check()
    return {}
"""
_HEEDS_LATE = _HEEDS.replace("job.check()", "threading.Event().wait(0.5); job.check()")
_IS_DEAF = _HEEDS.replace("job.check()", "threading.Event().wait(60)")
_NEEDS_A_THREAD = _HEEDS.replace("job.check()", "ThreadPoolExecutor(1).submit(print)")
_AWAITS = """
async def works(job: JobContext, params: Params) -> Result:
    "Has a thread, which its event loop ends by starting another."
    await asyncio.to_thread(begun.release)
    await asyncio.sleep(60)
    return {}
"""


@pytest.mark.parametrize(
    ("works", "patience", "status"),
    [
        pytest.param(_HEEDS, 3, Status.QUEUED, id="heeds"),
        pytest.param(_HEEDS_LATE, 3, Status.QUEUED, id="heeds after some beats"),
        pytest.param(_NEEDS_A_THREAD, 3, Status.QUEUED, id="needs a thread"),
        pytest.param(_AWAITS, 3, Status.QUEUED, id="awaits"),
        pytest.param(_IS_DEAF, 0.5, Status.RUNNING, id="is deaf"),
    ],
)
def test_what_heeds_goes_back_at_the_end_of_the_process_and_nothing_holds_it_up(
    engine: Engine, azurite: Azurite, works: str, patience: float, status: Status
) -> None:
    asked = [engine.app.manager.run_now(engine.add().id, force=True).job_id for _ in range(5)]
    arguments = [azurite.connection_string, engine.app.settings.prefix, *asked]
    done = subprocess.run(
        [sys.executable, "-c", _PROCESS.format(works=works, patience=patience), *arguments],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        timeout=40,
    )
    assert done.returncode == 0, done.stderr
    manager = make(azurite, engine.app.settings.prefix).app.manager
    jobs = [manager.job(job_id) for job_id in asked]
    attempt = 0 if status is Status.QUEUED else 1
    assert [(job.status, job.attempt) for job in jobs] == [(status, attempt)] * 5, done.stderr
