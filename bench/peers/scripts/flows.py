"""What the programs of workflow engines have in common: orders, the steps' ledger, the clock.

A chain has `width` steps, each given what the one before returned. A fan has one step, `width`
beside each other, and one that is given what all of them returned.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

settings: dict[str, Any] = json.loads(os.environ["BENCH_FLOWS"])
_ledger = os.open(settings["ledger"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)

Wait = Callable[[], Any]
Begin = Callable[[str, str, int], Wait]
"""Given shape, run and width: starts the run, and returns what waits for its result."""


def step(run: str, number: int) -> None:
    """What every step does: one line, in one write (bench/flows/ledger.py)."""
    began = time.time()
    if settings["seconds"]:
        time.sleep(settings["seconds"])
    os.write(_ledger, f"{run} {number} {began:.6f} {time.time():.6f}\n".encode())


def expected(shape: str, width: int) -> dict[str, int]:
    """What a run ends with."""
    return {"number": width} if shape == "chain" else {"sum": width * (width + 1) // 2}


def measured(orders: Sequence[dict[str, Any]], begin: Begin) -> dict[str, Any]:
    """Every order's runs, one after the other or all at once: when each was asked for, and when
    its result was there; and the processor time of each order."""
    runs, spent = [], {}
    for order in orders:
        before = processor()
        runs += list(_ordered(begin, **order))
        spent[order["name"]] = [after - one for after, one in zip(processor(), before, strict=True)]
    return {"runs": runs, "spent": spent}


def processor() -> tuple[float, float]:
    """Seconds of processor time until now: of this program and the workers, of the servers."""
    workers = sum(map(_processor, settings["workers"]))
    return time.process_time() + workers, float(sum(map(_processor, settings["servers"])))


def _processor(pid: int) -> float:
    """Of a program and all that it started (proc(5): utime, stime, and those of ended children)."""
    try:
        with open(f"/proc/{pid}/stat") as stat:  # noqa: PTH123
            fields = stat.read().rpartition(") ")[2].split()
        with open(f"/proc/{pid}/task/{pid}/children") as file:  # noqa: PTH123
            children = [int(child) for child in file.read().split()]
    except (FileNotFoundError, ProcessLookupError):  # it ended: its parent counts it from now on
        return 0.0
    ticks = sum(map(int, fields[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK") + sum(map(_processor, children))


def _ordered(
    begin: Begin, name: str, shape: str, width: int, runs: int, together: bool
) -> Iterator[dict[str, Any]]:
    waiting = []
    for number in range(runs):
        run = f"{name}-{number}"
        waiting.append((run, time.time(), begin(shape, run, width)))
        if not together:
            yield _ended(shape, width, *waiting.pop())
    for one in waiting:
        yield _ended(shape, width, *one)


def _ended(shape: str, width: int, run: str, asked: float, wait: Wait) -> dict[str, Any]:
    result = wait()
    if result != expected(shape, width):
        raise SystemExit(f"{run} ended with {result}, not {expected(shape, width)}")
    return {"run": run, "asked": asked, "ended": time.time()}


def main(begin: Begin, ready: Callable[[], object] = lambda: None) -> None:
    """Do what the command line says: `measure` orders, or `serve` until killed."""
    task, parameters = sys.argv[1], json.loads(sys.argv[2])
    ready()
    if task == "measure":
        print(json.dumps(measured(parameters["orders"], begin)), flush=True)
        os._exit(0)  # an engine's threads may go on for long
    if parameters["start"]:
        begin("chain", parameters["start"], parameters["width"])
    while True:
        time.sleep(60)
