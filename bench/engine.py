"""The engine beside what one would use instead, and beside the bare storage: one table, one run.

`python bench/engine.py [--quick | --full]` from the root. The sizes are bench/peers/plan.py's.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.belfry import cost
from bench.belfry.counted import Counts
from bench.belfry.peer import SHARDS, Belfry
from bench.peers import Absent, Throughput, everyone, plan
from bench.peers.__main__ import SIZES

_TOGETHER = 500


def main(choice: str) -> None:
    """Measure everyone and print the table."""
    sizes = SIZES[choice]
    begin = time.monotonic()

    def tell(what: str) -> None:
        print(f"{time.monotonic() - begin:5.0f} s  {what}", file=sys.stderr, flush=True)

    belfry = Belfry()
    reports = [plan.measure(belfry, sizes, tell=tell)]
    tell("bare storage")
    belfry.prepare(plan.FOLDER)
    try:
        bare = [belfry.bare(n) for n in sizes.dispatch]
        alone, together = belfry.counts(1), belfry.counts(_TOGETHER)
    finally:
        belfry.close()
    reports += [plan.measure(peer, sizes, tell=tell) for peer in everyone()]
    print(plan.table(reports))
    _ratios(reports, bare)
    _writes("alone", 1, *alone)
    _writes(f"of {_TOGETHER} at once", _TOGETHER, *together)
    per_run = (
        cost.PerRun.of(*alone[:2], 1, 1),
        cost.PerRun.of(*together[:2], _TOGETHER, together[2]),
    )
    print("\n".join(cost.table(*per_run, SHARDS)))
    print(f"measured with {sizes} in {time.monotonic() - begin:.0f} s")


def _ratios(reports: list[plan.Report], bare: list[Throughput]) -> None:
    ours, *others = reports
    for at, n in enumerate(ours.sizes.dispatch):
        mine = ours.dispatch[at]
        if isinstance(mine, Absent):
            continue
        best = max((_speed(one.dispatch[at]) for one in others), default=0.0)
        print(
            f"dispatch of {n:,}: {mine.per_second / bare[at].per_second:.2f} of the bare limit "
            f"({bare[at].per_second:,.0f}/s)"
            + (f", {mine.per_second / best:.1f} times the best peer" if best else "")
        )
    postgres = next((one for one in others if "PostgreSQL" in one.name), None)
    theirs = _speed(postgres.done[0]) if postgres is not None else 0.0
    for count, found in zip(ours.sizes.processes, ours.done, strict=True):
        if theirs and not isinstance(found, Absent):
            ratio = found.per_second / theirs
            print(f"due to done, {count} host(s): {ratio:.1f} times APScheduler on PostgreSQL")


def _speed(found: Throughput | Absent) -> float:
    return 0.0 if isinstance(found, Absent) else found.per_second


def _writes(which: str, runs: int, ticked: Counts, worked: Counts, messages: int) -> None:
    writes = (ticked.entity_writes + worked.entity_writes) / runs
    print(
        f"a run, {which}: {writes:.2f} entity writes, "
        f"{(ticked.table_requests + worked.table_requests) / runs:.2f} requests to tables, "
        f"{(ticked.queue_requests + worked.queue_requests + 2 * messages) / runs:.2f} to queues"
    )


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "")
