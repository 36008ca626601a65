"""APScheduler, as a program of its own environment: `apscheduler_peer.py TASK PARAMETERS`."""

from __future__ import annotations

import json
import os
import pickle
import statistics
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from apscheduler.events import EVENT_JOB_MISSED  # type: ignore[import-not-found]
from apscheduler.executors.base import BaseExecutor  # type: ignore[import-not-found]
from apscheduler.executors.pool import ThreadPoolExecutor  # type: ignore[import-not-found]
from apscheduler.job import Job  # type: ignore[import-not-found]
from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore  # type: ignore[import-not-found]
from apscheduler.schedulers.base import (  # type: ignore[import-not-found]
    STATE_RUNNING,
    BaseScheduler,
)
from apscheduler.schedulers.blocking import BlockingScheduler  # type: ignore[import-not-found]
from apscheduler.triggers.cron import CronTrigger  # type: ignore[import-not-found]
from apscheduler.triggers.interval import IntervalTrigger  # type: ignore[import-not-found]
from sqlalchemy import text

DAY = timedelta(days=1)


class Counting(BaseExecutor):  # type: ignore[misc]
    """Takes every job and runs none."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def _do_submit_job(self, job: Any, run_times: Any) -> None:  # noqa: ARG002
        self.count += 1


class Ledger:
    """Where the jobs of this process write; see bench/peers/ledger.py."""

    file = -1
    long_file = -1
    seconds = 0.0
    starts = False


def work(schedule: int, due: float, long_seconds: float = 0) -> None:
    """The job. A long one writes its line when it starts, into a file of its own."""
    if long_seconds:
        write(Ledger.long_file, schedule, due)
        time.sleep(long_seconds)
        return
    if Ledger.starts:
        write(Ledger.file, schedule, due)
    if Ledger.seconds:
        time.sleep(Ledger.seconds)
    if not Ledger.starts:
        write(Ledger.file, schedule, due)


def write(file: int, schedule: int, due: float) -> None:
    """One line, in one write."""
    os.write(file, f"{schedule:06d} {due:017.6f} {time.time():017.6f}\n".encode())


def stored(url: str) -> tuple[Any, Any]:
    """A scheduler that does not run yet, and its store."""
    scheduler, store = BlockingScheduler(timezone=UTC), SQLAlchemyJobStore(url=url)
    scheduler.add_jobstore(store)
    return scheduler, store


def load(
    url: str,
    n: int,
    base: float,
    step: float = 0,
    grace: int | None = None,
    long_seconds: float = 0,
    more: bool = False,
) -> None:
    """Store `n` daily schedules, due from `base` on, `step` seconds apart, and none else but with
    `more`. Long jobs are for an executor of their own.

    The rows are the ones that `add_job` writes, but many in one statement.
    """
    scheduler, store = stored(url)
    store.start(scheduler, "default")
    if not more:
        store.remove_all_jobs()
    first = datetime.fromtimestamp(base, UTC)
    job = Job(
        scheduler,
        id="0",
        func="__main__:work",
        args=(0, base),
        kwargs={},
        name="work",
        trigger=IntervalTrigger(days=1, start_date=first, timezone=UTC),
        executor="long" if long_seconds else "default",
        misfire_grace_time=grace,
        coalesce=True,
        max_instances=1,
        next_run_time=first,
    )
    state = job.__getstate__()
    rows = []
    for number in range(n):
        due = base + number * step
        at = datetime.fromtimestamp(due, UTC)
        if step:
            state["trigger"] = IntervalTrigger(days=1, start_date=at, timezone=UTC)
        name = f"long {number}" if long_seconds else str(number)
        state |= {"id": name, "args": (number, due, long_seconds), "next_run_time": at}
        packed = pickle.dumps(state, store.pickle_protocol)
        rows.append({"id": name, "next_run_time": due, "job_state": packed})
    with store.engine.begin() as connection:
        connection.execute(store.jobs_t.insert(), rows)
        connection.execute(text("ANALYZE"))
    store.engine.dispose()


def again(url: str, base: float) -> None:
    """Make every schedule due once more, at `base`."""
    scheduler, store = stored(url)
    store.start(scheduler, "default")
    for job in store.get_all_jobs():
        job._modify(next_run_time=datetime.fromtimestamp(base, UTC), args=(job.args[0], base, 0))
        store.update_job(job)
    store.engine.dispose()


def ready(url: str, executor: Any) -> tuple[Any, Any]:
    """A scheduler whose passes are ours to make, and its store."""
    scheduler, store = stored(url)
    scheduler.add_executor(executor)
    scheduler._event = threading.Event()
    BaseScheduler.start(scheduler, paused=True)
    scheduler.state = STATE_RUNNING
    return scheduler, store


def dispatch(url: str, n: int) -> dict[str, Any]:
    """One pass over `n` due schedules."""
    load(url, n, time.time() - 3600)
    executor = Counting()
    scheduler, store = ready(url, executor)
    begin = time.perf_counter()
    scheduler._process_jobs()
    seconds = time.perf_counter() - begin
    with store.engine.begin() as connection:
        table = store.jobs_t
        due = connection.execute(table.select().where(table.c.next_run_time <= time.time()))
        left = len(due.all())
    return {"seconds": seconds, "done": min(executor.count, n - left)}


def idle(url: str, n: int, passes: int) -> dict[str, Any]:
    """Passes over `n` schedules that are due in a day's time, a second apart."""
    load(url, n, (datetime.now(UTC) + DAY).timestamp(), 0.5)
    scheduler, _ = ready(url, Counting())
    taken = []
    for _ in range(passes + 1):
        begin = time.perf_counter()
        scheduler._process_jobs()
        taken.append(time.perf_counter() - begin)
    return {"seconds": statistics.median(taken[1:])}


def add(url: str, n: int, passes: int) -> dict[str, Any]:
    """`add_job`, over `n` schedules."""
    load(url, n, (datetime.now(UTC) + DAY).timestamp())
    scheduler, _ = ready(url, Counting())
    taken = []
    for number in range(passes + 1):
        begin = time.perf_counter()
        scheduler.add_job(work, CronTrigger(hour=2, minute=30, timezone=UTC), args=(number, 0))
        taken.append(time.perf_counter() - begin)
    return {"seconds": statistics.median(taken[1:])}


def missed(url: str, n: int, threads: int) -> dict[str, Any]:
    """`n` schedules due at one moment, with the default grace: how many are missed."""
    scheduler, _ = ready(url, ThreadPoolExecutor(threads))
    events: list[Any] = []
    scheduler.add_listener(events.append, EVENT_JOB_MISSED)
    Ledger.file = os.open(os.devnull, os.O_WRONLY)
    due = time.time() + 1 + n / 4000
    load(url, n, due, grace=1)
    time.sleep(max(0, due - time.time()))
    scheduler._process_jobs()
    scheduler.shutdown()
    return {"missed": len(events)}


def serve(
    url: str, threads: int, ledger: str, seconds: float, starts: bool, long_threads: int
) -> None:
    """Run what is due until killed."""
    append = os.O_WRONLY | os.O_APPEND | os.O_CREAT
    Ledger.file, Ledger.long_file = os.open(ledger, append), os.open(f"{ledger}.long", append)
    Ledger.seconds, Ledger.starts = seconds, starts
    scheduler, _ = stored(url)
    scheduler.add_executor(ThreadPoolExecutor(threads))
    if long_threads:
        scheduler.add_executor(ThreadPoolExecutor(long_threads), alias="long")
    began = f"{ledger}.began"
    with open(f"{began}.new", "w") as file:  # noqa: PTH123
        file.write(repr(time.time()))
    os.replace(f"{began}.new", began)  # noqa: PTH105
    scheduler.start()


if __name__ == "__main__":
    tasks: dict[str, Callable[..., Any]] = {
        "load": load,
        "again": again,
        "dispatch": dispatch,
        "idle": idle,
        "add": add,
        "missed": missed,
        "serve": serve,
    }
    print(json.dumps(tasks[sys.argv[1]](**json.loads(sys.argv[2]))))
