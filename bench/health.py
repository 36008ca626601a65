"""What the health monitor costs every five minutes, and what a project's conflicts cost.

`python bench/health.py [--quick | --tiny]` from the root. The task runs in a process of its own;
conflicts are asked for through the API, in this one. Storage is Azurite, on the same machine and
its two cores; it tries the filter of each query on every row of the table, so what reads the same
takes longer the more rows there are.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.belfry.alone import run
from bench.belfry.ended import rows
from bench.belfry.listed import SHARDS, Caller, load, schedules, used
from bench.belfry.measuring import account, choice, milliseconds, table
from bench.belfry.world import Jobs, app
from shared.app import App
from shared.jobs.entry import Entry, epoch
from shared.schedules.job import Status, job_id

_SIZES = {"full": (1_000, 10_000, 100_000), "quick": (1_000, 20_000), "tiny": (60,)}
_ENDED = {"full": 2_000, "quick": 500, "tiny": 40}
"""Schedules of which a run ended since the monitor last looked."""
_RUNS = {"full": 30, "quick": 30, "tiny": 3}
"""Earlier runs of each of these."""
_PROJECT = 7
_EVERY = 300


def measured(n: int, ended: int, runs: int) -> Mapping[str, float]:
    """Everything, over `n` schedules, in the order in which it is shown."""
    with account() as text:
        belfry = app(text, "health", shards=SHARDS, jobs=Jobs())
        belfry.create()
        load(belfry, n)
        found = [*_watched(text, belfry, min(n, ended), runs), *_conflicts(text)]
        return dict(found)


def _watched(connection: str, belfry: App, ended: int, runs: int) -> Iterator[tuple[str, float]]:
    quiet = run("schedule_health", connection, "health")
    yield "schedule_health, nothing ended, s", quiet.seconds
    yield "  requests to storage", quiet.requests
    yield "  memory that this takes at most, MB", quiet.more
    some = list(_ended(belfry, ended, runs))
    rows(belfry, some)
    belfry.health.findings.note(one.schedule_id for one in some)
    busy = run("schedule_health", connection, "health")
    assert busy.result["examined"] == ended, busy.result
    yield "schedule_health, many examined, s", busy.seconds
    yield "  of which its own work, s", busy.processor
    yield "  schedules examined", ended
    yield "  memory that it takes at most, MB", busy.more


def _ended(belfry: App, n: int, runs: int) -> Iterator[Entry]:
    """Daily runs of the first `n` schedules."""
    now = belfry.clock.now().replace(microsecond=0)
    for one in schedules(n):
        for day in range(runs):
            due = now - timedelta(days=day, minutes=10)
            yield Entry(
                id=job_id(one.id, due),
                status=Status.SUCCEEDED,
                task_type="bench",
                project_id=one.definition.project_id,
                until=epoch(due),
                seconds=3.5 + day % 3,
            )


def _conflicts(connection: str) -> Iterator[tuple[str, float]]:
    """Of one of twenty projects: at most 5,000 schedules, all of one task, each night."""
    caller = Caller(app(connection, "health", shards=SHARDS, jobs=Jobs()))
    caller.get("/schedules?page_size=1")  # loads the index of schedules, which is the lists' cost
    before, path = used(), f"/schedules/conflicts?project_id={_PROJECT}"
    yield "conflicts of a project, first, ms", milliseconds(lambda: caller.get(path))
    yield "  again, ms", milliseconds(lambda: caller.get(path))
    found = caller.get(path)
    yield "  schedules looked at", found["looked_at"]
    yield "  conflicts told", len(found["conflicts"])
    yield "  memory that they take at most, MB", used() - before


def main() -> None:
    """Print the table."""
    size = choice(__doc__, "fewer schedules")
    sizes = _SIZES[size]
    found = [measured(n, _ENDED[size], _RUNS[size]) for n in sizes]
    table("Health and conflicts, over so many schedules", sizes, found)
    print(f"  the task is to take much less than the {_EVERY} s after which it runs again")


if __name__ == "__main__":
    main()
