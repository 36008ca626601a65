"""Procrastinate, as a program of its own environment: `procrastinate_peer.py TASK PARAMETERS`."""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Coroutine, Sequence
from datetime import UTC, datetime
from typing import Any

from procrastinate import App, JobContext, PsycopgConnector  # type: ignore[import-not-found]
from procrastinate.periodic import PeriodicDeferrer  # type: ignore[import-not-found]


class Ledger:
    """Where the jobs of this process write; see bench/peers/ledger.py."""

    file = -1
    long_file = -1
    seconds = 0.0
    starts = False


def write(file: int, number: int, due: float) -> None:
    """One line, in one write."""
    os.write(file, f"{number:06d} {due:017.6f} {time.time():017.6f}\n".encode())


def made(url: str) -> Any:
    """The app, with its one task."""
    app = App(connector=PsycopgConnector(conninfo=url))

    @app.task(name="work")  # type: ignore[untyped-decorator]
    async def work(timestamp: int, number: int, long_seconds: float = 0) -> None:
        """The job. A long one writes its line when it starts, into a file of its own."""
        if long_seconds:
            write(Ledger.long_file, number, timestamp)
            await asyncio.sleep(long_seconds)
            return
        if Ledger.starts:
            write(Ledger.file, number, timestamp)
        if Ledger.seconds:
            await asyncio.sleep(Ledger.seconds)
        if not Ledger.starts:
            write(Ledger.file, number, timestamp)

    return app


def load(app: Any, n: int, base: float, step: float = 0, long_seconds: float = 0) -> None:
    """`n` periodic tasks, each day; the k-th is due at `base + k * step`, on a whole second. Long
    jobs are for a queue of their own.

    Procrastinate has its periodic tasks in code, and each process knows them.
    """
    for number in range(n):
        at = datetime.fromtimestamp(int(base + number * step), UTC)
        cron = f"{at.minute} {at.hour} * * *" + (f" {at.second}" if at.second else "")
        app.periodic(
            cron=cron,
            periodic_id=f"long {number}" if long_seconds else str(number),
            queue="long" if long_seconds else "default",
            task_kwargs={"number": number, "long_seconds": long_seconds},
        )(app.tasks["work"])


def look_for_stalled(app: Any, after: float) -> None:
    """The task of its guide "Retry stalled jobs", but for seconds instead of ten minutes."""

    @app.periodic(cron=f"* * * * * */{after:.0f}")  # type: ignore[untyped-decorator]
    @app.task(queueing_lock="retry_stalled_jobs", pass_context=True)  # type: ignore[untyped-decorator]
    async def retry_stalled_jobs(context: JobContext, timestamp: int) -> None:  # noqa: ARG001
        stalled = await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=after)
        for job in stalled:
            await app.job_manager.retry_job(job)


async def schema(url: str) -> dict[str, Any]:
    """Make its tables."""
    async with made(url).open_async() as app:
        await app.schema_manager.apply_schema_async()
    return {}


async def dispatch(url: str, n: int) -> dict[str, Any]:
    """One pass of the deferrer over `n` due periodic tasks: each is deferred."""
    async with made(url).open_async() as app:
        load(app, n, _due())
        deferrer = PeriodicDeferrer(app.periodic_registry)
        begin = time.perf_counter()
        await deferrer.defer_jobs(deferrer.get_previous_tasks(at=time.time()))
        return {"seconds": time.perf_counter() - begin}


async def idle(url: str, n: int, passes: int) -> dict[str, Any]:
    """Passes of the deferrer over `n` periodic tasks that are due in half a day's time."""
    async with made(url).open_async() as app:
        load(app, n, time.time() + 43_200)
        deferrer = PeriodicDeferrer(app.periodic_registry)
        taken = []
        for _ in range(passes + 1):
            begin = time.perf_counter()
            now = time.time()
            await deferrer.defer_jobs(deferrer.get_previous_tasks(at=now))
            deferrer.get_next_tick(at=now)
            taken.append(time.perf_counter() - begin)
        return {"seconds": statistics.median(taken[1:])}


async def serve(
    url: str,
    ledger: str,
    began: str,
    loads: Sequence[dict[str, Any]],
    queues: list[str] | None,
    concurrency: int,
    seconds: float,
    starts: bool,
    stalled_after: float,
) -> None:
    """Defer what is due, and run it, until killed."""
    append = os.O_WRONLY | os.O_APPEND | os.O_CREAT
    Ledger.file, Ledger.long_file = os.open(ledger, append), os.open(f"{ledger}.long", append)
    Ledger.seconds, Ledger.starts = seconds, starts
    options: dict[str, Any] = {}
    async with made(url).open_async() as app:
        for one in loads:
            load(app, **one)
        if stalled_after:
            look_for_stalled(app, stalled_after)
            options["update_heartbeat_interval"] = stalled_after / 3
            options["stalled_worker_timeout"] = stalled_after
        with open(f"{began}.new", "w") as file:  # noqa: PTH123
            file.write(repr(time.time()))
        os.replace(f"{began}.new", began)  # noqa: PTH105
        await app.run_worker_async(queues=queues, concurrency=concurrency, **options)


def _due() -> float:
    """The last whole minute but one: the deferrer looks back ten minutes."""
    return time.time() // 60 * 60 - 60


if __name__ == "__main__":
    tasks: dict[str, Callable[..., Coroutine[Any, Any, Any]]] = {
        "schema": schema,
        "dispatch": dispatch,
        "idle": idle,
        "serve": serve,
    }
    print(json.dumps(asyncio.run(tasks[sys.argv[1]](**json.loads(sys.argv[2])))))
