"""What it costs to create a schedule, to change one, and to ask for a preview, through the API.

`python bench/creating.py [--quick | --tiny]` from the root. A creation looks at the schedules of
its project that do the same, for its warnings: the costs are told without such neighbours, and with
as many as it looks at (twenty, of five of which it is learned how long they take). Storage is
Azurite, on the same machine and its two cores, over HTTP; beside it, APScheduler's `add_job` stores
a job of the same times in a SQLite file, without an API, an audit or warnings.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.belfry.counted import Counted
from bench.belfry.ended import rows
from bench.belfry.listed import SHARDS, Caller, load, schedules
from bench.belfry.measuring import account, choice, milliseconds, table
from bench.belfry.world import Jobs, app
from bench.peers import Absent, environment, plan
from bench.peers.apscheduler import PACKAGES
from bench.peers.environment import Failed
from shared.app import App
from shared.jobs.entry import Entry, epoch
from shared.schedules.job import Status, job_id

_SIZES = {"full": (1_000, 100_000), "quick": (1_000, 10_000), "tiny": (60,)}
_PASSES = {"full": 15, "quick": 9, "tiny": 1}
_RUNS = {"full": 50, "quick": 50, "tiny": 2}
"""Of each neighbour: so many are looked at."""
_PROJECT = 7
_ALONE = 1_000
"""The first of many projects that have no schedule."""
_NEW = {"task_type": "bench", "frequency": "cron", "cron_expression": "30 2 * * *"}


def measured(n: int, passes: int, runs: int) -> Mapping[str, float]:
    """Everything, over `n` schedules, in the order in which it is shown."""
    with account() as text:
        belfry = app(text, "creating", shards=SHARDS, jobs=Jobs())
        belfry.create()
        load(belfry, n)
        rows(belfry, _neighbours(belfry, n, runs))
        counted = Counted()
        transport = counted.transport()
        same = app(text, "creating", shards=SHARDS, jobs=Jobs(), transport=transport)
        return dict(_asked(Caller(same), counted, passes))


def _neighbours(belfry: App, n: int, runs: int) -> Iterator[Entry]:
    """What the newest schedules of the project ran."""
    now = belfry.clock.now().replace(microsecond=0)
    newest = [one for one in schedules(n) if one.definition.project_id == _PROJECT][-20:]
    for one in newest:
        for day in range(1, runs + 1):
            due = now - timedelta(days=day)
            yield Entry(
                id=job_id(one.id, due),
                status=Status.SUCCEEDED,
                task_type="bench",
                project_id=_PROJECT,
                until=epoch(due),
                seconds=3.5 + day % 3,
            )


def _asked(caller: Caller, counted: Counted, passes: int) -> Iterator[tuple[str, float]]:
    numbers = count()

    def new(**more: object) -> dict[str, object]:
        return _NEW | {"name": f"New {next(numbers)}"} | more

    def create(**more: object) -> dict[str, Any]:
        return caller.send("POST", "/schedules", new(**more))

    def change() -> object:
        return caller.send("PATCH", f"/schedules/{made['id']}", {"name": new()["name"]})

    def keyed() -> object:
        headers = {"Idempotency-Key": f"key-{next(numbers)}"}
        return caller.send("POST", "/schedules", new(project_id=_ALONE + next(numbers)), headers)

    caller.get("/schedules?page_size=1")  # loads the index of schedules, which is the lists' cost
    made = create(project_id=_ALONE - 1)
    yield (
        "create, 20 neighbours, the first, ms",
        milliseconds(lambda: create(project_id=_PROJECT)),
    )
    cases: Mapping[str, Callable[[], object]] = {
        "create, no neighbours": lambda: create(project_id=_ALONE + next(numbers)),
        "create, with an Idempotency-Key": keyed,
        "create, 20 neighbours": lambda: create(project_id=_PROJECT),
        "change, no neighbours": change,
        "preview, 20 neighbours": lambda: caller.send(
            "POST", "/schedules/preview", new(project_id=_PROJECT)
        ),
    }
    for what, call in cases.items():
        call()
        counted.take()
        before = time.process_time()
        yield f"{what}, ms", statistics.median(milliseconds(call) for _ in range(passes))
        worked = time.process_time() - before
        found = counted.take()
        yield f"{what}, own work, ms", worked * 1000 / passes
        yield f"{what}, requests", found.table_requests / passes
        yield f"{what}, entities written", found.entity_writes / passes


def peer(sizes: tuple[int, ...], passes: int) -> list[float] | Absent:
    """Milliseconds of APScheduler's `add_job`, over each of these numbers of jobs."""
    python = environment.install(plan.FOLDER / "creating", PACKAGES)
    if isinstance(python, Absent):
        return python
    found = []
    for n in sizes:
        with tempfile.TemporaryDirectory(prefix="belfry-bench-") as folder:
            url = f"sqlite:///{folder}/jobs.sqlite"
            script = "apscheduler_peer.py"
            try:
                told = environment.run(python, script, "add", 120, {}, url=url, n=n, passes=passes)
            except Failed as error:
                return Absent(why=str(error), broken=error.broken)
            found.append(told["seconds"] * 1000)
    return found


def main() -> int:
    """Print the table; 1 if the peer's program broke."""
    size = choice(__doc__, "fewer schedules")
    sizes, passes = _SIZES[size], _PASSES[size]
    found = [measured(n, passes, _RUNS[size]) for n in sizes]
    table("Creating schedules, over so many", sizes, found)
    theirs = peer(sizes, passes)
    if isinstance(theirs, Absent):
        print(f"  {PACKAGES[0]}: no figure, {theirs.why}")
        return int(theirs.broken)
    print(
        f"  {PACKAGES[0] + ', SQLite, add_job, ms':46}" + "".join(f"{one:11.1f}" for one in theirs)
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
