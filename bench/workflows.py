"""Workflows beside what one would use instead: steps a second, and from a step to the next.

`python bench/workflows.py [--quick | --tiny] [--temporal PROGRAM] [--only NAME...]` from the root.
Each engine runs the same: chains of 10 steps, and fans of 100 steps beside each other between one
and one. A step writes a line and returns a small JSON, which the next is given. Each engine is as
its documentation sets it up, with a store that keeps steps, on this machine alone, warmed up; then
all but its store is killed with -9 in the middle of a chain. Temporal's server comes in a wheel;
`--temporal` names another; `--only dbos celery` measures only these beside Belfry. `--tiny` has no
kills, and leaves out Temporal and Prefect, whose servers take long to start. It fails if Belfry has
no figure or broke a promise, or if a program of a peer ended with an error.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.belfry.counted import Counts
from bench.belfry.measuring import choice
from bench.flows import SIZES, Engine, Killed, Order, Sizes
from bench.flows.belfry import Belfry
from bench.flows.celery import Celery
from bench.flows.dbos import DBOS
from bench.flows.figures import Figures, Wrong, figures
from bench.flows.ledger import read
from bench.flows.prefect import Prefect
from bench.flows.showing import Report, table
from bench.flows.temporal import Temporal
from bench.peers import Absent
from bench.peers.plan import FOLDER

Tell = Callable[[str], None]
_SLOW = ("temporal", "prefect")
"""Their servers take long to start, and more of the machine than all others together."""


def engines(temporal: Path | None) -> dict[str, Engine]:
    """The others, not prepared."""
    return {
        "dbos": DBOS(),
        "temporal": Temporal(temporal),
        "celery": Celery(),
        "prefect": Prefect(),
    }


def main(size: str, temporal: Path | None, only: Sequence[str] = ()) -> int:
    """Measure everyone and print the table; how many of the measurements failed."""
    sizes, begin = SIZES[size], time.monotonic()
    found = engines(temporal)
    wanted = only or [name for name in found if not (sizes.tiny and name in _SLOW)]

    def tell(what: str) -> None:
        print(f"{time.monotonic() - begin:5.0f} s  {what}", file=sys.stderr, flush=True)

    ours, *others = _measured([Belfry(), *(found[name] for name in wanted)], sizes, tell)
    print(table(ours, others, sizes))
    print("in brackets: how many times better Belfry is; below 1 it is behind")
    print("\n".join(_requests(sizes)))
    if left := ", ".join(name for name in found if name not in wanted):
        print(f"left out: {left}")
    print(f"measured with {sizes} in {time.monotonic() - begin:.0f} s")
    failed = list(failures(ours, others))
    for line in failed:
        print(f"FAILED {line}", file=sys.stderr)
    return len(failed)


def _requests(sizes: Sizes) -> Iterator[str]:
    """What a step of Belfry asks of storage."""
    ours = Belfry(reused=True)
    ours.prepare(FOLDER)
    try:
        for order in sizes.orders:
            if not order.together:
                yield _counted(order, ours.counts(order))
    finally:
        ours.close()


def _counted(order: Order, found: Counts) -> str:
    return (
        f"a step of Belfry, {order.shape} of {order.width}: "
        f"{found.entity_writes / order.steps:.2f} entity writes, "
        f"{found.table_requests / order.steps:.2f} requests to tables, "
        f"{found.queue_requests / order.steps:.2f} to queues"
    )


def _measured(all_of_them: Sequence[Engine], sizes: Sizes, tell: Tell) -> list[Report]:
    """One after the other, since each is to have the machine for itself; all at once if tiny."""
    with ThreadPoolExecutor(len(all_of_them) if sizes.tiny else 1) as pool:
        return list(pool.map(lambda one: measured(one, sizes, tell), all_of_them))


def measured(engine: Engine, sizes: Sizes, tell: Tell) -> Report:
    """Prepare, measure and close it."""
    tell(f"{engine.name}: preparing")
    load = os.getloadavg()[0]
    try:
        if absent := engine.prepare(FOLDER):
            return _report(engine, load, absent)
        tell(f"{engine.name}: chains and fans")
        found = _found(engine, sizes)
        if isinstance(found, Absent) or not sizes.kill_after:
            return _report(engine, load, found)
        tell(f"{engine.name}: kill -9")
        return _report(engine, load, found, engine.kill(sizes.chain, sizes.kill_after))
    finally:
        engine.close()


def _found(engine: Engine, sizes: Sizes) -> dict[str, Figures] | Absent:
    done = engine.measure([*sizes.warm, *sizes.orders])
    if isinstance(done, Absent):
        return done
    steps = read(engine.ledger)

    def one(order: Order) -> Figures:
        return figures(order, done, steps)

    try:
        return {order.name: one(order) for order in sizes.orders}
    except Wrong as error:
        return Absent(why=str(error), broken=True)


def _report(
    engine: Engine,
    load: float,
    found: dict[str, Figures] | Absent,
    killed: Killed | Absent | None = None,
) -> Report:
    return Report(
        name=engine.name,
        setting=engine.setting,
        persists=engine.persists,
        found=found,
        killed=killed,
        load=load,
    )


def failures(ours: Report, others: Sequence[Report]) -> Iterator[str]:
    """What has to be mended: what Belfry has no figure of or did wrong, and programs of peers that
    broke."""
    for found in (ours.found, ours.killed):
        if isinstance(found, Absent):
            yield f"{ours.name}: {found.why}"
        if isinstance(found, Killed) and (found.repeated > 1 or found.done < found.steps):
            yield f"{ours.name}, kill -9: {found}"
    for report in others:
        for found in (report.found, report.killed):
            if isinstance(found, Absent) and found.broken:
                yield f"{report.name}: {found.why}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--temporal", type=Path, help="the program of Temporal's server")
    parser.add_argument("--only", nargs="+", choices=list(engines(None)), default=[])
    named, _ = parser.parse_known_args()
    sys.exit(main(choice(__doc__, "fewer runs"), named.temporal, named.only) > 0)
