"""What a page of jobs costs, over so many of them, and what statistics cost.

`python bench/jobs.py [--quick | --tiny]` from the root. A page has 50 jobs and is asked for through
the API, in this process; storage is Azurite, on the same machine and its two cores. The jobs are in
the index; of their rows, only those are stored that the pages show.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.belfry.counted import Counted
from bench.belfry.ended import rows
from bench.belfry.listed import SHARDS, Caller, load
from bench.belfry.measuring import account, choice, go_on, milliseconds, table
from bench.belfry.world import Jobs, app
from local import azurite
from shared.app import App
from shared.jobs.chunk import encode
from shared.jobs.directory import Directory, Section
from shared.jobs.entry import Entry, Filter, at_second, epoch
from shared.jobs.packing import MOST, cut
from shared.jobs.totals import Totals
from shared.schedules.job import Status, job_id
from shared.schedules.ledger import Span

_SIZES = {"full": (1_000, 100_000, 1_000_000), "quick": (1_000, 50_000), "tiny": (60,)}
_IDLE = {"full": 100_000, "quick": 5_000, "tiny": 100}
_SCHEDULES = 1_000
_PROJECTS = 20
_PASSES = {"full": 9, "quick": 9, "tiny": 1}
_WALKED = 10
_PAGE = 50
_SHOWN = 1_000
_AIM = 100
_DAYS = 60
"""Over so many days the jobs are spread."""


def entries(n: int, now: datetime, days: float = _DAYS) -> list[Entry]:
    """Jobs of a thousand schedules and twenty projects, at even distances; one in fifty failed."""
    last, step = epoch(now) - 600, days * 86_400 / n
    made = []
    for number in range(n):
        schedule = number * 7 % _SCHEDULES
        until = last - int((n - number) * step)
        made.append(
            Entry(
                id=job_id(f"s{schedule:04d}", at_second(until), f"k{number}"),
                status=Status.FAILED if number % 50 == 0 else Status.SUCCEEDED,
                task_type="bench" if number % 3 else "other",
                project_id=schedule % _PROJECTS,
                until=until,
                seconds=1.5,
            )
        )
    return sorted(made, key=lambda one: one.key)


def pack(belfry: App, some: list[Entry]) -> None:
    """Store the index of these, as a packing leaves it."""
    chunks, feed = belfry.jobs._chunks, belfry.jobs._feed
    chunks.create()
    sections = [Section.of(chunks.keep_chunk(encode(part)), part) for part in cut(some, MOST)]
    totals = chunks.keep_totals(Totals().plus(some).choosing(_SHOWN))
    directory = Directory.of(sections, totals=totals)
    assert feed.point(feed.pointer(), chunks.keep_directory(directory.encode()))


def asked(n: int) -> Mapping[str, tuple[str, Filter, int]]:
    """What is asked for: the query, the filter, and how many jobs come before the page."""
    last = -(-n // _PAGE)
    return {
        "first page": ("", Filter(), 0),
        "page in the middle": (f"&page={last // 2 + 1}", Filter(), last // 2 * _PAGE),
        "last page": (f"&page={last}", Filter(), (last - 1) * _PAGE),
        "of a project": ("&project_id=7", Filter(projects=[7]), 0),
        "that failed": ("&status=failed", Filter(status=Status.FAILED), 0),
        "of a schedule": ("&schedule_id=s0007", Filter(schedule_id="s0007"), 0),
        "of a task and a project": (
            "&task_type=other&project_id=3",
            Filter(task_types=["other"], projects=[3]),
            0,
        ),
    }


def measured(n: int, passes: int) -> Mapping[str, float]:
    """Everything, over `n` jobs, in the order in which it is shown."""
    with account() as text:
        belfry = app(text, "jobs", shards=SHARDS, jobs=Jobs())
        belfry.create()
        pack(belfry, entries(n, belfry.clock.now()))
        found = [*_cold(text), *_pages(belfry, n, passes), *_sums(belfry, passes)]
        found += _requests(text)
        return dict(found)


def _cold(connection: str) -> Iterator[tuple[str, float]]:
    """The first of a process that has read nothing of the index."""
    caller = Caller(app(connection, "jobs", shards=SHARDS, jobs=Jobs()))
    caller.get("/tasks")
    yield "first page of a new process, ms", milliseconds(lambda: caller.get("/jobs"))
    path = "/jobs?schedule_id=s0007"
    yield "  of a schedule, ms", milliseconds(lambda: caller.get(path))


def _pages(belfry: App, n: int, passes: int) -> Iterator[tuple[str, float]]:
    caller = Caller(belfry)
    for what, (query, wanted, skip) in asked(n).items():
        jobs, _ = belfry.jobs._indexed()
        rows(belfry, jobs.page(wanted, skip, _PAGE).entries)
        path = f"/jobs?page_size={_PAGE}{query}"
        caller.get(path)
        yield f"{what}, ms", _median(partial(caller.get, path), passes)
    yield "by cursor, ms", _walk(belfry, caller)


def _walk(belfry: App, caller: Caller) -> float:
    """The time of a page, of several that follow one another."""
    jobs, _ = belfry.jobs._indexed()
    rows(belfry, jobs.page(Filter(), 0, _PAGE * (_WALKED + 1)).entries)
    found = caller.get(f"/jobs?page_size={_PAGE}")
    times = []
    for _ in range(_WALKED):
        if (cursor := found["next_cursor"]) is None:
            break
        begin = time.perf_counter()
        found = caller.get(f"/jobs?page_size={_PAGE}&cursor={cursor}")
        times.append((time.perf_counter() - begin) * 1000)
    return statistics.median(times)


def _sums(belfry: App, passes: int) -> Iterator[tuple[str, float]]:
    caller = Caller(belfry)
    for what, path in {
        "statistics of all": "summary",
        "statistics of a project": "summary?project_id=7",
        "series of 60 days": f"daily?from={datetime.now(UTC).date() - timedelta(days=59)}",
    }.items():
        yield f"{what}, ms", _median(partial(caller.get, f"/schedules/statistics/{path}"), passes)
    now = belfry.clock.now()
    belfry.jobs._feed.file(entries(1_000, now + timedelta(seconds=300), days=1 / 288), now)
    yield "to pack 1,000 jobs, ms", milliseconds(lambda: belfry.packing.pack(go_on))


def _requests(connection: str) -> Iterator[tuple[str, float]]:
    """What a page asks of storage, in a process that knows the index."""
    counted = Counted()
    transport = counted.transport()
    caller = Caller(app(connection, "jobs", shards=SHARDS, jobs=Jobs(), transport=transport))
    caller.get("/jobs?page_size=1")
    counted.take()
    caller.get("/jobs?page_size=1")
    yield "requests to storage for a page of one", counted.take().table_requests


def idle(n: int) -> Mapping[str, float]:
    """What the sweep and the reconciler cost over so many schedules that wait."""
    with (
        tempfile.TemporaryDirectory(prefix="belfry-bench-", ignore_cleanup_errors=True) as name,
        azurite.start(Path(name), durable=False) as storage,
    ):
        belfry = app(storage.connection_string, "idle", shards=SHARDS, jobs=Jobs())
        belfry.create()
        load(belfry, n)
        now = belfry.clock.now()
        # the rows were written just now, and a span that begins later finds them idle
        span = Span(now + timedelta(hours=1), now + timedelta(hours=10))
        return {
            "slice of the sweep, ms": milliseconds(lambda: belfry.sweep.sweep_if_needed(None, now)),
            "the reconciler, s": milliseconds(lambda: belfry.ledger.reconcile(go_on, span)) / 1000,
        }


def _median(call: Callable[[], object], passes: int) -> float:
    return statistics.median(milliseconds(call) for _ in range(passes))


def main() -> None:
    """Print the tables."""
    size = choice(__doc__, "fewer jobs")
    sizes = _SIZES[size]
    found = [measured(n, _PASSES[size]) for n in sizes]
    table("Lists of jobs, over so many", sizes, found)
    print(f"  a warm page is to be below {_AIM} ms, over any number of jobs")
    schedules = _IDLE[size]
    table("Schedules that wait for their next run", [schedules], [idle(schedules)])


if __name__ == "__main__":
    main()
