"""One run of a task's service in a process of its own: `alone.py NAME CONNECTION PREFIX`.

It prints how long the run took, the most memory of the process before and after it, the requests
that it sent to storage, and its result. `run` starts it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bench.backup.one import peak_of
from bench.belfry.counted import Counted
from bench.belfry.world import Jobs, app
from shared.app import App
from shared.health.monitor import Monitor
from tests.context import job_of

SHARDS = 8
_MB = 1_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Ran:
    """What a run took."""

    seconds: float
    processor: float
    """Seconds of this process's own work."""
    peak: float
    """MB, with the interpreter and all libraries."""
    more: float
    """MB: of these, what it took beside what the process had before."""
    requests: int
    """To tables and blobs."""
    result: Mapping[str, object]


def run(name: str, connection: str, prefix: str) -> Ran:
    """One run. Raises `RuntimeError` with what it said if it fails."""
    command = [sys.executable, __file__, name, connection, prefix]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr[-4000:])
    return Ran(**json.loads(done.stdout.splitlines()[-1]))


def _health(belfry: App, _: Any) -> Mapping[str, object]:
    return Monitor(belfry.health, belfry.alerts(), belfry.meta).watch(job_of(clock=belfry.clock))


def _archive(belfry: App, _: Any) -> Mapping[str, object]:
    return belfry.archive().archive(job_of(clock=belfry.clock))


def _by_hand(belfry: App, transport: Any) -> Mapping[str, object]:
    from bench.belfry.by_hand import archived

    return {"removed": archived(belfry, transport)}


_WORK: Mapping[str, Callable[[App, Any], Mapping[str, object]]] = {
    "schedule_health": _health,
    "job_archive": _archive,
    "by_hand": _by_hand,
}


def main(name: str, connection: str, prefix: str) -> None:
    """Run it once, and print what it took."""
    counted = Counted()
    transport = counted.transport()
    belfry = app(connection, prefix, shards=SHARDS, jobs=Jobs(), transport=transport)
    belfry.meta.fact("none")  # what the first request takes is not the task's
    counted.take()
    before, processor, begin = peak_of(os.getpid()), time.process_time(), time.perf_counter()
    result = _WORK[name](belfry, transport)
    seconds, worked = time.perf_counter() - begin, time.process_time() - processor
    peak = peak_of(os.getpid())
    said = {
        "seconds": seconds,
        "processor": worked,
        "peak": peak / _MB,
        "more": (peak - before) / _MB,
        "requests": counted.take().table_requests,
        "result": result,
    }
    print(json.dumps(said))


if __name__ == "__main__":
    main(*sys.argv[1:])
