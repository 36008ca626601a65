"""What a batch costs: 100,000 items that call a task, and schedules that are turned off, beside a
loop over the API.

`python bench/batch.py [--quick | --tiny]` from the root; `--quick` is a twentieth of the size.
Storage is Azurite, on the same machine and its cores. The task does nothing, so what is measured is
what a batch adds: who may begin, what is kept of each item, and when it is stored. The loop turns
the schedules off one after another through the API in this process, without a network.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import logging
import threading

from bench.backup.one import peak_of
from bench.belfry.counted import Counted, Counts
from bench.belfry.listed import Caller
from bench.belfry.measuring import account, choice, table
from functions.customers.batch import batch, change_of
from shared.app import App, build
from shared.batch.params import BatchParams
from shared.clock import SystemClock
from shared.log import JobLog
from shared.recurrence import Frequency, Recurrence
from shared.schedules.job import job_id
from shared.schedules.model import Definition, Policy
from shared.settings import from_env
from shared.tasks import JobContext, Params, Registry, Result, task

_SIZES = {"full": 100_000, "quick": 5_000, "tiny": 60}
_PROJECT = 7
_MB = 1_000_000


class Named(Params):
    name: str


@task("again", for_projects=True, repeatable=True)
def again(job: JobContext, params: Named) -> Result:  # noqa: ARG001
    """Does nothing, and may do it again."""
    return {}


@task("only_once", for_projects=True)
def only_once(job: JobContext, params: Named) -> Result:  # noqa: ARG001
    """Does nothing, and must not do it again."""
    return {}


def measured(items: int) -> Mapping[str, float]:
    """Everything, in the order in which it is shown."""
    with account() as text:
        counted = Counted()
        belfry = _app(text, counted)
        found: dict[str, float] = {}
        for name, size, at_once in (
            ("again", items, 8),
            ("only_once", max(items // 20, 20), 8),
            ("only_once", max(items // 100, 10), 1),
        ):
            said = f"{name.replace('_', ' ')}, {at_once} at once"
            seconds, counts = _called(belfry, counted, name, size, at_once)
            found[f"{said}: items"] = size
            found["  items a second" + _tail(said)] = size / seconds
            found["  requests to storage for 1,000" + _tail(said)] = (
                counts.table_requests / size * 1000
            )
        found["memory at the most, MB"] = peak_of("self") / _MB
        return found | _turned_off(belfry, counted, max(items // 100, 10))


def _tail(said: str) -> str:
    return f" ({said})"


def _called(
    belfry: App, counted: Counted, name: str, size: int, at_once: int
) -> tuple[float, Counts]:
    """(seconds, requests) of a batch that calls a task so many times."""
    batches = belfry.batches()
    rows = ({"id": f"customer {number}"} for number in range(size))
    batches._sources.items = lambda *_: rows  # type: ignore[method-assign]
    params = BatchParams.model_validate(
        {
            "task_type": name,
            "task_parameters": {"name": {"item": "id"}},
            "items": ["in place of a file"],
            "concurrency": at_once,
        }
    )
    counted.take()
    begin = time.perf_counter()
    result = batches.run(_job(belfry, f"{name}{at_once}".replace("_", "")), params, change_of)
    seconds = time.perf_counter() - begin
    if result["succeeded"] != size:
        raise RuntimeError(f"{result}")
    return seconds, counted.take()


def _turned_off(belfry: App, counted: Counted, size: int) -> dict[str, float]:
    """Schedules that are turned off by a batch, and turned on again by a loop over the API."""
    ids = [_schedule(belfry, number) for number in range(size)]
    belfry.batches()._sources.items = lambda *_: ({"id": one} for one in ids)  # type: ignore[method-assign]
    params = BatchParams.model_validate(
        {"operation": "disable", "items": ["in place of a filter"], "concurrency": 8}
    )
    counted.take()
    begin = time.perf_counter()
    result = belfry.batches().run(_job(belfry, "off"), params, change_of)
    ours, counts = time.perf_counter() - begin, counted.take()
    if result["succeeded"] != size:
        raise RuntimeError(f"{result}")
    caller = Caller(belfry)
    begin = time.perf_counter()
    for one in ids:
        caller.send("POST", f"/schedules/{one}/enable")
    loop, plain = time.perf_counter() - begin, counted.take()
    return {
        "schedules turned off": size,
        "  by a batch, 8 at once, a second": size / ours,
        "  by a loop over the API, a second": size / loop,
        "  how many times as fast": loop / ours,
        "  requests to storage for each, by a batch": counts.table_requests / size,
        "  requests to storage for each, by the loop": plain.table_requests / size,
    }


def _schedule(belfry: App, number: int) -> str:
    tomorrow = belfry.clock.now() + timedelta(days=1)
    when = Recurrence(frequency=Frequency.INTERVAL, interval_seconds=3600, start_time=tomorrow)
    what = Definition(
        name=f"schedule {number}",
        project_id=_PROJECT,
        task_type="again",
        task_parameters={"name": "x"},
        recurrence=when,
    )
    return belfry.manager.create(what, Policy()).id


def _job(belfry: App, name: str) -> JobContext:
    now = belfry.clock.now()
    return JobContext(
        job_id=job_id("bench", now, name),
        schedule_id="bench",
        project_id=_PROJECT,
        due_at=now,
        attempt=1,
        clock=belfry.clock,
        log=JobLog(logging.getLogger("bench"), {}, str),
        stop=threading.Event(),
    )


def _app(connection: str, counted: Counted) -> App:
    settings = from_env(
        {"AzureWebJobsStorage": connection, "BELFRY_PREFIX": "bench", "SCHEDULE_SHARDS": "8"}
    )
    tasks = Registry([batch, again, only_once])
    belfry = build(settings, SystemClock(), tasks, transport=counted.transport())
    belfry.create()
    return belfry


def main() -> None:
    """Print the table."""
    size = _SIZES[choice(__doc__, "a twentieth of the items")]
    table("Batches", [size], [measured(size)])


if __name__ == "__main__":
    main()
