"""Reads from the stores what the metrics say: some ten requests, however many schedules there are.

What grows with what is wrong is read up to a limit: due schedules, notifications that wait.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce
from itertools import islice
from typing import Any

from shared.alerts.book import Book
from shared.alerts.model import AlertState
from shared.clock import Clock
from shared.engine.dispatch.facts import FUTURE
from shared.engine.records.job_index import JobIndex
from shared.jobs.totals import Figures, Totals
from shared.listing.listing import Listing
from shared.listing.wanted import Wanted
from shared.metrics.reading import Engine, Load, Projects, Reading
from shared.notifications.outbox import Outbox
from shared.scaling.policy import GAP, Level
from shared.scaling.state import State
from shared.schedules.job import Status
from shared.storage.queues.queue import Queue
from shared.storage.tables.facts import Meta
from shared.storage.tables.schedules import Due, ScheduleTable
from shared.threads import Pool

MOST_DUE = 5_000
"""The most due schedules of a shard, and the most waiting notifications, that are counted."""
_PAGE = 1_000
_OVERDUE = timedelta(minutes=1)
_AT_ONCE = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class Sources:
    """Where it is read. Every function here raises `Unavailable` or `Refused` if storage fails."""

    table: ScheduleTable
    meta: Meta
    jobs: JobIndex
    listing: Listing
    queues: Mapping[str, Queue]
    """By what they are called among the metrics."""
    book: Callable[[], Book]
    outbox: Callable[[], Outbox]
    scaling: Callable[[], State | None]
    clock: Clock
    shown: int
    """How many schedules have series of their own."""


def gathered(at: Sources, projects: Projects) -> Reading:
    """What is said to whoever sees these projects."""
    totals, feed = at.jobs.totals(at.shown)
    now = at.clock.now()
    due = _due(at, projects, now)
    counts = at.listing.count(Wanted(projects=projects, once=False))
    return Reading(
        schedules=_shown(at, totals, projects),
        rest=_rest(totals, projects),
        tasks=_tasks(totals.tasks, projects),
        backfills=_tasks(totals.backfills, projects),
        enabled=counts.enabled,
        disabled=counts.disabled,
        due=len(due),
        overdue=sum(one.due_at < now - _OVERDUE for one in due),
        engine=_engine(at, totals, feed, now) if projects is None else None,
    )


def _shown(at: Sources, totals: Totals, projects: Projects) -> dict[str, Figures]:
    """The schedules that have series of their own. Of some projects: those that are there now."""
    found = {name: totals.schedules[name] for name in totals.shown}
    if projects is None:
        return found
    known = at.listing.among(found)
    return {
        name: one
        for name, one in found.items()
        if name in known and known[name].project_id in projects
    }


def _rest(totals: Totals, projects: Projects) -> Figures:
    wanted = (one for key, one in totals.rest.items() if projects is None or key in projects)
    return _sum(wanted)


def _tasks(
    figures: Mapping[tuple[int | None, str], Figures], projects: Projects
) -> dict[str, Figures]:
    found: dict[str, list[Figures]] = {}
    for (project_id, task), one in figures.items():
        if projects is None or project_id in projects:
            found.setdefault(task, []).append(one)
    return {task: _sum(some) for task, some in found.items()}


def _sum(some: Iterable[Figures]) -> Figures:
    return reduce(Figures.with_all, some, Figures(None, {}))


def _due(at: Sources, projects: Projects, now: datetime) -> list[Due]:
    """The due schedules of these projects."""

    def of_shard(shard: str) -> list[Due]:
        pages = at.table.due_pages(shard, now, _PAGE)
        return [one for page in islice(pages, MOST_DUE // _PAGE) for one in page]

    with Pool(_AT_ONCE, "metrics") as pool:
        found = [one for some in pool.map(of_shard, at.table.shards) for one in some]
    if projects is None or not found:
        return found
    known = at.listing.among(one.schedule_id for one in found)
    return [
        one
        for one in found
        if one.schedule_id in known and known[one.schedule_id].project_id in projects
    ]


def _engine(at: Sources, totals: Totals, feed: int, now: datetime) -> Engine:
    names = list(at.queues)
    work: list[Callable[[], Any]] = [
        at.meta.clocks,
        lambda: at.book().current(),
        lambda: at.outbox().pending(now, MOST_DUE),
        at.scaling,
        *(at.queues[name].length for name in names),
    ]
    with Pool(_AT_ONCE, "metrics") as pool:
        clocks, alerts, pending, scaling, *lengths = pool.map(lambda one: one(), work)
    return Engine(
        clocks={
            name: max(0.0, (now - last).total_seconds())
            for name, last in clocks.items()
            if last - now <= FUTURE
        },
        late=totals.late,
        dead_letters=totals.of(Status.FAILED),
        taken_over=totals.taken_over,
        queues=dict(zip(names, lengths, strict=True)),
        alerts=Counter(one.kind.value for one in alerts if one.state is AlertState.OPEN),
        notifications={True: pending[0], False: pending[1]},
        feed=feed,
        load=_load(scaling, now),
    )


def _load(state: State | None, now: datetime) -> Load | None:
    """What the scaling policy measured last; None if that was long ago."""
    if state is None or now - state.verdict.held.judged_at > GAP:
        return None
    return Load(
        requests_per_minute=state.measures.requests_per_minute,
        p95_seconds=state.measures.p95_seconds,
        queue_wait_seconds=state.measures.queue_wait_seconds,
        verdict=state.verdict.level.rank - Level.KEEP.rank,
    )
