"""The engine beside what one would use instead, and beside the bare storage: one table, one run.

`python bench/engine.py [--quick | --full | --tiny]` from the root. The sizes are
bench/peers/sizes.py's. It fails if Belfry has no figure or left something undone, or if a program
of a peer ended with an error; a peer that cannot be had here is told of.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.belfry import idling
from bench.belfry.counted import Counts
from bench.belfry.peer import Belfry
from bench.peers import (
    Absent,
    Crash,
    Figure,
    FullHost,
    Idle,
    Lateness,
    Throughput,
    everyone,
    plan,
    table,
)
from bench.peers.plan import Report
from bench.peers.sizes import CHOICES, TINY, Sizes

Tell = Callable[[str], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Beside:
    """What is measured of Belfry alone."""

    bare: list[Throughput]
    alone: tuple[Counts, Counts, int]
    together: tuple[Counts, Counts, int]
    stub: list[Idle]


def main(choice: str) -> int:
    """Measure everyone and print the table; how many of the measurements failed."""
    if choice not in CHOICES:
        sys.exit("usage: python bench/engine.py [--quick | --full | --tiny]")
    sizes = CHOICES[choice]
    begin = time.monotonic()

    def tell(what: str) -> None:
        print(f"{time.monotonic() - begin:5.0f} s  {what}", file=sys.stderr, flush=True)

    ours, others, beside = _measured(sizes, tell)
    reports = [ours, *others]
    print(table.table(reports))
    print("\n".join(_ratios(ours, others, beside.bare)))
    azurite = [one for one in ours.idle if isinstance(one, Idle)]
    print("\n".join(idling.lines(azurite, beside.stub)))
    print(_writes("alone", 1, *beside.alone))
    print(_writes(f"of {sizes.together} at once", sizes.together, *beside.together))
    print(f"measured with {sizes} in {time.monotonic() - begin:.0f} s")
    failed = list(failures(ours, others))
    for line in failed:
        print(f"FAILED {line}", file=sys.stderr)
    return len(failed)


def failures(ours: Report, others: Sequence[Report]) -> Iterator[str]:
    """What has to be mended: whatever Belfry has no figure of or left undone, and programs of
    peers that broke."""
    for name, found in ours.figures():
        if wrong := _wrong(found, ours.sizes):
            yield f"{ours.name}, {name}: {wrong}"
    for report in others:
        for name, found in report.figures():
            if isinstance(found, Absent) and found.broken:
                yield f"{report.name}, {name}: {found.why}"


def _wrong(found: Figure, sizes: Sizes) -> str:
    """What is wrong with a figure of ours; empty if nothing is."""
    match found:
        case Absent():
            return found.why
        case Throughput() if found.done < found.due:
            return f"{found.due - found.done} of {found.due} were not done"
        case Lateness() if found.ran < found.due:
            return f"{found.due - found.ran} of {found.due} did not run"
        case Crash() if found.lost or found.doubled:
            return f"{found.lost} lost, {found.doubled} done twice"
        case FullHost() if found.left and sizes.killing.brisk:  # else it may come after the limit
            return f"{found.left} of {found.due} did not start, and nothing says why"
    return ""


def _measured(sizes: Sizes, tell: Tell) -> tuple[Report, list[Report], Beside]:
    """One after the other, since each is to have the machine for itself; all at once if tiny."""
    brisk = sizes is TINY
    belfry, peers = Belfry(brisk=brisk), everyone(brisk=brisk)

    def ours() -> tuple[Report, Beside]:
        return plan.measure(belfry, sizes, tell=tell), _beside(belfry, sizes, tell)

    with ThreadPoolExecutor(1 + len(peers) if brisk else 1) as pool:
        first = pool.submit(ours)
        others = list(pool.map(lambda peer: plan.measure(peer, sizes, tell=tell), peers))
        return first.result()[0], others, first.result()[1]


def _beside(belfry: Belfry, sizes: Sizes, tell: Tell) -> Beside:
    tell("Belfry: bare storage")
    belfry.prepare(plan.FOLDER)
    try:
        return Beside(
            bare=[belfry.bare(n) for n in sizes.dispatch],
            alone=belfry.counts(1),
            together=belfry.counts(sizes.together),
            stub=[idling.on_stub(n) for n in sizes.idle],
        )
    finally:
        belfry.close()


def _ratios(ours: Report, others: Sequence[Report], bare: Sequence[Throughput]) -> Iterator[str]:
    for at, n in enumerate(ours.sizes.dispatch):
        mine = ours.dispatch[at]
        if isinstance(mine, Absent):
            continue
        best = max((_speed(one.dispatch[at]) for one in others), default=0.0)
        yield (
            f"dispatch of {n:,}: {mine.per_second / bare[at].per_second:.2f} of the bare limit "
            f"({bare[at].per_second:,.0f}/s)"
            + (f", {mine.per_second / best:.1f} times the best peer" if best else "")
        )
    for at, count in enumerate(ours.sizes.processes):
        mine = ours.done[at]
        best, name = max((_speed(one.done[at]), one.name) for one in others)
        if best and not isinstance(mine, Absent):
            yield (
                f"due to done, {count} process(es): {mine.per_second / best:.1f} times the best "
                f"peer ({name})"
            )


def _speed(found: Throughput | Absent) -> float:
    return 0.0 if isinstance(found, Absent) else found.per_second


def _writes(which: str, runs: int, ticked: Counts, worked: Counts, messages: int) -> str:
    writes = (ticked.entity_writes + worked.entity_writes) / runs
    return (
        f"a run, {which}: {writes:.2f} entity writes, "
        f"{(ticked.table_requests + worked.table_requests) / runs:.2f} requests to tables, "
        f"{(ticked.queue_requests + worked.queue_requests + 2 * messages) / runs:.2f} to queues"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "") > 0)
