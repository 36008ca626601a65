"""What a scrape of the metrics costs, over so many schedules that each ran several times.

`python bench/metrics.py [--quick | --tiny]` from the root. It is asked for through the API, in this
process; storage is Azurite, on the same machine and its two cores. Nothing is taken from the cache
of five seconds. Beside it, prometheus_client alone writes as many lines from its own memory, which
is what an app of one process would do; it forgets them when that ends.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from bench.belfry.counted import Counted
from bench.belfry.listed import SHARDS, load, schedules
from bench.belfry.measuring import account, choice, go_on, milliseconds, table
from bench.belfry.world import Jobs, app
from shared.app import App
from shared.jobs.entry import Entry, epoch
from shared.listing.upkeep import Upkeep
from shared.metrics.service import Metrics
from shared.schedules.job import Status, job_id

_SIZES = {"full": (1_000, 10_000, 100_000), "quick": (1_000, 5_000), "tiny": (60,)}
_PASSES = 5
_RUNS = 4
_AIM = 1_000
_SERIES = 32
"""Lines that the histogram and the counters of a schedule below have."""


def measured(n: int) -> Mapping[str, float]:
    """Everything, over `n` schedules, in the order in which it is shown."""
    with account() as text:
        belfry = app(text, "metrics", shards=SHARDS, jobs=Jobs())
        belfry.create()
        load(belfry, n)
        Upkeep(belfry.listing).run(go_on)
        belfry.packing.rebuild(go_on)
        packed = [_packed(belfry, n, run) for run in range(_RUNS)]
        _file(belfry, n, _RUNS)
        counted = Counted()
        fresh = app(text, "metrics", shards=SHARDS, jobs=Jobs(), transport=counted.transport())
        first = _scrape(fresh)
        counted.take()
        again = [_scrape(fresh) for _ in range(_PASSES)]
        requests = counted.take()
        content = Metrics(fresh.metrics._at).text(None)
        scrape, alone = statistics.median(again), _alone(content.count(b"\n"))
        return {
            "to pack a run of each, ms": statistics.median(packed),
            "first scrape of a new process, ms": first,
            "scrape, ms": scrape,
            "requests to tables": requests.table_requests / _PASSES,
            "requests to queues": requests.queue_requests / _PASSES,
            "lines": content.count(b"\n"),
            "prometheus_client alone, ms": alone,
            "scrape, times that": scrape / alone,
        }


def _alone(lines: int) -> float:
    """As many lines, of histograms and counters by schedule, from a registry of this process."""
    registry = CollectorRegistry()
    took = Histogram("took_seconds", "How long", ["schedule_id"], registry=registry)
    ran = Counter("runs", "How often", ["schedule_id", "status"], registry=registry)
    for number in range(lines // _SERIES):
        took.labels(f"s{number:06d}").observe(3.5)
        for status in Status:
            ran.labels(f"s{number:06d}", status.value).inc()
    return statistics.median(
        milliseconds(lambda: generate_latest(registry)) for _ in range(_PASSES)
    )


def _scrape(belfry: App) -> float:
    """A scrape that nothing is kept of, in milliseconds."""
    return milliseconds(lambda: Metrics(belfry.metrics._at).text(None))


def _packed(belfry: App, n: int, run: int) -> float:
    _file(belfry, n, run)
    return milliseconds(lambda: belfry.packing.pack(go_on))


def _file(belfry: App, n: int, run: int) -> None:
    belfry.jobs._feed.file(_ended(n, run), belfry.clock.now())


def _ended(n: int, run: int) -> Iterator[Entry]:
    """A run of each schedule."""
    due = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=_RUNS + 1 - run)
    for one in schedules(n):
        what = one.definition
        yield Entry(
            id=job_id(one.id, due),
            status=Status.SUCCEEDED,
            task_type=what.task_type,
            project_id=what.project_id,
            until=epoch(due),
            seconds=3.5,
            began=epoch(due) + 1,
            late=1.0,
        )


def main() -> None:
    """Print the table."""
    sizes = _SIZES[choice(__doc__, "fewer schedules")]
    found = [measured(n) for n in sizes]
    table("A scrape, over so many schedules", sizes, found)
    slowest = max(one["scrape, ms"] for one in found)
    print(f"  a scrape is to be below {_AIM} ms: {'yes' if slowest < _AIM else 'NO'}")


if __name__ == "__main__":
    main()
