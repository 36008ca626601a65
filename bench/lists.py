"""What a page of schedules costs, over so many of them: warm, and in a process that knows nothing.

`python bench/lists.py [--quick | --tiny]` from the root. A page has 50 schedules and is asked for
through the API, in this process; storage is Azurite, on the same machine and its two cores.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.belfry.counted import Counted
from bench.belfry.listed import SHARDS, Caller, load
from bench.belfry.measuring import account, choice, go_on, milliseconds, table
from bench.belfry.world import Jobs, app
from shared.app import App
from shared.listing.checking import Checking
from shared.listing.upkeep import Upkeep

_SIZES = {"full": (1_000, 10_000, 100_000), "quick": (1_000, 20_000), "tiny": (60,)}
_PASSES = {"full": 9, "quick": 9, "tiny": 1}
_WALKED = 10
_AIM = 100
_CHILD = Path(__file__).with_name("belfry") / "listed.py"


def measured(n: int, passes: int) -> Mapping[str, float]:
    """Everything, over `n` schedules, in the order in which it is shown."""
    with account() as text:
        belfry = app(text, "lists", shards=SHARDS, jobs=Jobs())
        belfry.create()
        load(belfry, n)
        before = _cold(text)["page"]
        found = dict(_pages(belfry, n, passes)) | dict(_kept(belfry))
        found |= dict(_changed(belfry, passes))
        cold = _cold(text)
        return {
            **found,
            "requests to storage for a page": _requests(text),
            "first page of a new process, ms": cold["page"],
            "  of which loading the index, ms": cold["load"],
            "    and of this the process's own work, ms": cold["processor"],
            "  memory that this takes at most, MB": cold["memory"],
            "  the same without snapshots, ms": before,
        }


def _pages(belfry: App, n: int, passes: int) -> Iterator[tuple[str, float]]:
    """Pages of a process that knows the index, and that nobody else asks."""
    caller, last = Caller(belfry), -(-n // 50)
    asked = {
        "first page": "",
        "last page": f"&page={last}",
        "of a project": "&project_id=7",
        "of a project, a tag, a state": "&project_id=7&tags.team=web&state=healthy",
        "with a text in the name": "&q=customer+77",
        "last page by name": f"&sort=name&page={last}",
    }
    for what, more in asked.items():
        ask = partial(caller.get, f"/schedules?page_size=50{more}")
        ask()
        yield f"{what}, ms", _median(lambda: None, ask, passes)
    yield "by cursor, ms", _walk(caller)
    before = time.process_time()
    for _ in range(passes):
        caller.get("/schedules?page_size=50")
    yield "processor time of a page, ms", (time.process_time() - before) * 1000 / passes


def _requests(connection: str) -> float:
    """What a page asks of storage, in a process that knows the index."""
    counted = Counted()
    jobs, transport = Jobs(), counted.transport()
    caller = Caller(app(connection, "lists", shards=SHARDS, jobs=jobs, transport=transport))
    caller.get("/schedules?page_size=50")
    counted.take()
    caller.get("/schedules?page_size=50")
    return counted.take().table_requests


def _kept(belfry: App) -> Iterator[tuple[str, float]]:
    upkeep, checking = Upkeep(belfry.listing), Checking(belfry.listing, belfry.meta)
    yield "upkeep that writes every snapshot, ms", milliseconds(lambda: upkeep.run(go_on))
    yield "upkeep when nothing changed, ms", milliseconds(lambda: upkeep.run(go_on))
    yield "check of 1,000 rows, ms", milliseconds(lambda: checking.slice(go_on, 1_000))


def _changed(belfry: App, passes: int) -> Iterator[tuple[str, float]]:
    """What a change costs, and the first page after it."""
    caller = Caller(belfry)
    (one, *_) = belfry.table.slice(belfry.table.shards[0], "", 1)[0]
    names = iter(range(1_000_000))

    def rename() -> None:
        name = f"Renamed {next(names)}"
        belfry.manager.change(
            one.id, lambda it: replace(it, definition=replace(it.definition, name=name))
        )

    def create() -> None:
        belfry.manager.create(replace(one.definition, name=f"New {next(names)}"), one.policy)

    yield (
        "first page after a change, ms",
        _median(rename, lambda: caller.get("/schedules?page_size=50"), passes),
    )
    yield "to create one, ms", _median(lambda: None, create, passes)


def _walk(caller: Caller) -> float:
    """The time of a page, of several that follow one another."""
    found = caller.get("/schedules?page_size=50")
    times = []
    for _ in range(_WALKED):
        if (cursor := found["next_cursor"]) is None:
            break
        begin = time.perf_counter()
        found = caller.get(f"/schedules?page_size=50&cursor={cursor}")
        times.append((time.perf_counter() - begin) * 1000)
    return statistics.median(times)


def _cold(connection: str) -> Mapping[str, float]:
    done = subprocess.run(
        [sys.executable, str(_CHILD), connection, "lists"],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-4000:])
    found: Mapping[str, float] = json.loads(done.stdout)
    return found


def _median(before: Callable[[], object], call: Callable[[], object], passes: int) -> float:
    """The time of the call, after `before`, which is not counted."""
    times = []
    for _ in range(passes):
        before()
        times.append(milliseconds(call))
    return statistics.median(times)


def main() -> None:
    """Print the table."""
    size = choice(__doc__, "fewer schedules")
    sizes = _SIZES[size]
    found = [measured(n, _PASSES[size]) for n in sizes]
    table("Lists of schedules, over so many", sizes, found)
    print(f"  a warm page is to be below {_AIM} ms, over any number of schedules")


if __name__ == "__main__":
    main()
