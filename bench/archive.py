"""How fast `job_archive` works off a backlog, beside what one would type instead.

`python bench/archive.py [--quick | --tiny]` from the root. The jobs are of two thousand schedules,
ninety days long, and all old but a tenth. By hand: Microsoft's client reads the old rows of each
partition, writes them into one compressed blob, and removes them, a hundred at a time; it neither
sorts them by day, nor reads back what it wrote, nor looks at what has to stay, nor survives a kill.
Each is a process of its own. Storage is Azurite, on the same machine and its two cores; it tries
the filter of each query on every row of the table.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.belfry.alone import SHARDS, Ran, run
from bench.belfry.ended import rows
from bench.belfry.measuring import account, choice
from bench.belfry.world import Jobs, app
from shared.app import App
from shared.jobs.entry import Entry, at_second, epoch
from shared.schedules.job import Status, job_id

_SIZES = {"full": 200_000, "quick": 20_000, "tiny": 40}
_SCHEDULES = {"full": 2_000, "quick": 500, "tiny": 4}
_DAYS = {"full": 90, "quick": 90, "tiny": 1}
"""On so many days the old jobs were due."""
_KEPT = 90
"""Days that stay in the table, as the default of `JOB_RETENTION_DAYS`."""
_YOUNG = 10
"""One in so many jobs stays."""


def backlog(belfry: App, n: int, schedules: int, days: int) -> Iterator[Entry]:
    """`n` old jobs and a tenth more that are young."""
    border = epoch(belfry.clock.now()) - (_KEPT + 1) * 86_400
    for number in range(n + n // _YOUNG):
        ago = number * days * 86_400 // n if number < n else -86_400 * 5
        schedule, due = f"s{number % schedules:06d}", border - ago
        yield Entry(
            id=job_id(schedule, at_second(due), f"k{number}"),
            status=Status.FAILED if number % 50 == 0 else Status.SUCCEEDED,
            task_type="bench",
            project_id=number % 20,
            until=due,
            seconds=1.5,
        )


def measured(size: str) -> Iterator[tuple[str, int, Ran]]:
    """(how, rows that it moved, what it took) of each."""
    n, schedules, days = _SIZES[size], _SCHEDULES[size], _DAYS[size]
    with account() as text:
        for name, prefix in (("by_hand", "byhand"), ("job_archive", "archive")):
            belfry = app(text, prefix, shards=SHARDS, jobs=Jobs())
            belfry.create()
            rows(belfry, backlog(belfry, n, schedules, days))
            first = run(name, text, prefix)
            yield name, _moved(first), first
        yield "job_archive, nothing to do", 0, run(name, text, prefix)


def _moved(ran: Ran) -> int:
    moved = ran.result["removed"]
    assert isinstance(moved, int)
    return moved


def main() -> None:
    """Print the table."""
    size = choice(__doc__, "fewer jobs")
    print(f"A backlog of {_SIZES[size]:,} jobs, of {_DAYS[size]} days")
    print(f"  {'':28}{'moved':>9}{'s':>9}{'rows/s':>9}{'own s':>8}{'requests':>10}{'MB more':>9}")
    speeds: dict[str, float] = {}
    for name, moved, ran in measured(size):
        speeds[name] = moved / ran.seconds
        print(
            f"  {name:28}{moved:9,}{ran.seconds:9.1f}{speeds[name]:9.0f}{ran.processor:8.1f}"
            f"{ran.requests:10,}{ran.more:9.0f}"
        )
        if ran.result.get("complete") is False:
            print("  (it stopped in time, and the next run goes on)")
    print(f"  {speeds['job_archive'] / speeds['by_hand']:.2f} of the speed by hand")


if __name__ == "__main__":
    main()
