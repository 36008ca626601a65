"""One pass of the dispatcher: a function of (stored state, now), whoever calls it, however often.

Messages are sent first, and the commit follows. A message whose job was never committed is void, so
a crash between the two loses nothing and repeats nothing. What is due within `LOOK_AHEAD` is handed
out with a message that becomes visible in time, so a tick every minute gives runs on time (C13). If
the next tick is farther away than that, the caller says how far to look (`ahead`).

If more than a page is due in a shard, it has a backlog. A message for each such shard passes it on
to instances that are free (`backlog`).
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import groupby

from shared import tracing
from shared.clock import Clock
from shared.engine.dispatch.backlog import Backlog
from shared.engine.events import tell_unrun
from shared.errors import Damaged, NotFound
from shared.log import Event, event
from shared.schedules.fold import fold
from shared.schedules.model import LiveJob, Schedule
from shared.schedules.plan import Plan, crowded, plan
from shared.storage.queues.jobs import AHEAD, JobQueue, Message
from shared.storage.tables import readable
from shared.storage.tables.changes import Change
from shared.storage.tables.facts import Meta
from shared.storage.tables.handed import COMMITTED, HandedOut
from shared.storage.tables.schedules import Due, ScheduleTable
from shared.threads import Pool

LOOK_AHEAD = timedelta(seconds=75)
"""The least that a tick looks ahead: a minute to the next tick, and 15 s in case that is late."""
_PAGE = 1000
_PASSES = 100
"""The most pages that one tick takes from a shard; the rest waits for the next tick."""
JOBS_OF_A_MESSAGE = 50
_TOGETHER = 99
"""Schedules whose messages are sent before any is committed: three transactions of 33, since each
writes three rows. More would save nothing, and keep messages waiting longer for their commit."""
_AT_ONCE = 4

_logger = logging.getLogger("belfry.tick")


@dataclass(slots=True)
class Report:
    """What a tick did."""

    handed_out: int = 0
    recorded: int = 0
    lost: int = 0
    """Commits that failed because another tick, or a change of the schedule, was faster."""
    broken: int = 0

    def shown(self) -> dict[str, int]:
        """The counts, for whoever asked for the tick."""
        return {
            "dispatched": self.handed_out,
            "recorded": self.recorded,
            "lost": self.lost,
            "failed": self.broken,
        }

    def __iadd__(self, other: Report) -> Report:
        self.handed_out += other.handed_out
        self.recorded += other.recorded
        self.lost += other.lost
        self.broken += other.broken
        return self


@dataclass(slots=True)
class _Page:
    """What is due in a shard, at most a page of it."""

    shard: str
    entries: Sequence[Due]
    plans: Sequence[Plan] = ()
    report: Report = field(default_factory=Report)

    @property
    def is_backlog(self) -> bool:
        return len(self.entries) == _PAGE


class Dispatcher:
    """The tick, bound to its stores."""

    def __init__(
        self,
        table: ScheduleTable,
        queue: JobQueue,
        handed: HandedOut,
        meta: Meta,
        backlog: Backlog,
        clock: Clock,
    ) -> None:
        self._table = table
        self._queue = queue
        self._handed = handed
        self._meta = meta
        self._backlog = backlog
        self._clock = clock
        self._shards = Pool(_AT_ONCE, "tick")

    def tick(self, now: datetime, clock: str, ahead: timedelta | None = None) -> Report:
        """Hand out what is due; `clock` names the caller. A shard with nothing due costs one query.

        `ahead`: how far to look, if it is farther than `LOOK_AHEAD`.
        """
        until = now + (ahead or LOOK_AHEAD)
        first = self._shards.map(lambda shard: self._first(shard, now, until), self._table.shards)
        noted = self._note((made for page in first for made in page.plans), now)
        report = Report()
        for done in self._shards.map(
            lambda page: self._shard(page, now, until, noted),
            (page for page in first if page.entries),
        ):
            report += done
        self._meta.beat(clock, now)
        event(
            _logger,
            Event.TICK_DONE,
            clock=clock,
            **report.shown(),
        )
        return report

    def tick_shard(self, shard: str, now: datetime, ahead: timedelta | None = None) -> Report:
        """Work off one shard's backlog, unless another instance does."""
        report = Report()
        with self._backlog.held(shard) as alone:
            if alone:
                self._pages(shard, now, now + (ahead or LOOK_AHEAD), report)
        return report

    def tick_one(self, schedule_id: str, now: datetime, ahead: timedelta | None = None) -> Report:
        """Hand out what is due in one schedule. Raises `NotFound`."""
        report = Report()
        until = now + (ahead or LOOK_AHEAD)
        schedule = self._table.get(schedule_id)
        if schedule is None:
            raise NotFound(f"there is no schedule {schedule_id!r}")
        while self._noted([self._planned(schedule, now, until)], now, report):
            schedule = self._table.get(schedule_id)
            if schedule is None or not schedule.owes(until):
                break
        return report

    def _first(self, shard: str, now: datetime, until: datetime) -> _Page:
        """What is due in a shard; with its plans, unless it is a backlog."""
        page = _Page(shard, self._table.due(shard, until, _PAGE))
        if not page.is_backlog:
            page.plans = self._plans(page.entries, now, until, page.report)
        return page

    def _shard(self, page: _Page, now: datetime, until: datetime, noted: datetime) -> Report:
        """Hand out what is due in a shard; a backlog is announced first, and started on."""
        if page.is_backlog:
            self._backlog.announce(page.shard, now)
            return self.tick_shard(page.shard, now, until - now)
        self._apply(page.plans, now, page.report, noted)
        if any(made.after.owes(until) for made in page.plans):
            self._pages(page.shard, now, until, page.report)
        return page.report

    def _pages(self, shard: str, now: datetime, until: datetime, report: Report) -> None:
        """Hand out page after page of what is due, until there is none."""
        stuck: set[str] = set()
        for _ in range(_PASSES):
            entries = self._table.due(shard, until, _PAGE + len(stuck))
            fresh = [entry for entry in entries if entry.key not in stuck]
            if not fresh:
                return
            lost = report.lost
            plans = self._plans(fresh, now, until, report)
            self._noted(plans, now, report)
            moved = {made.before.id for made in plans if made.changes and report.lost == lost}
            stuck |= {entry.key for entry in fresh if entry.schedule_id not in moved}
            if len(entries) < _PAGE and not any(made.after.owes(until) for made in plans):
                return

    def _plans(
        self, entries: Sequence[Due], now: datetime, until: datetime, report: Report
    ) -> list[Plan]:
        """The plans of schedules that owe something. A row that cannot be read is left out."""
        rows = self._table.rows({entry.schedule_id for entry in entries})
        plans: list[Plan] = []
        for schedule_id in sorted(rows):
            try:
                schedule = readable.to_schedule(rows[schedule_id])
                if schedule.owes(until):
                    plans.append(self._planned(schedule, now, until))
            except Damaged as error:
                report.broken += 1
                readable.tell(schedule_id, error)
        for entry in entries:
            if entry.schedule_id not in rows:  # somebody removed the schedule's row by hand
                report.broken += 1
                readable.tell(entry.schedule_id, Damaged("it is due, and there is no row of it"))
                self._table.forget(entry)
        return plans

    def _planned(self, schedule: Schedule, now: datetime, until: datetime) -> Plan:
        """The plan; of a schedule with many live jobs, those that ended are folded in first."""
        if not crowded(schedule):
            return plan(schedule, now, until)
        ended = self._table.ended(job.id for job in schedule.progress.live if job.begun)
        folded = replace(schedule, progress=fold(schedule.progress, ended))
        return replace(plan(folded, now, until), before=schedule)

    def _later_than(self, now: datetime) -> datetime:
        """The present time. A tick may take long, so it may send later than the `now` by which it
        decided."""
        return max(now, self._clock.now())

    def _noted(self, plans: Sequence[Plan], now: datetime, report: Report) -> int:
        return self._apply(plans, now, report, self._note(plans, now))

    def _note(self, plans: Iterable[Plan], now: datetime) -> datetime:
        """Name all jobs that are about to be handed out or recorded; returns when they were."""
        at = self._later_than(now)
        jobs: list[tuple[str, datetime]] = []
        for made in plans:
            jobs += [(job.id, job.available_at) for job in made.start]
            jobs += [(job.id, at) for job in made.recorded]
        self._handed.note(jobs, at)
        return at

    def _apply(self, plans: Sequence[Plan], now: datetime, report: Report, noted: datetime) -> int:
        """Enqueue first, commit second, some at a time; how many commits were won. If that takes
        so long that the note may not hold any more, what is left is noted again."""
        trace = tracing.carried()
        plans = [made.traced(trace) for made in plans if made.changes]
        total = 0
        for start in range(0, len(plans), _TOGETHER):
            if self._clock.now() - noted > COMMITTED / 2:
                noted = self._note(plans[start:], now)
            some = plans[start : start + _TOGETHER]
            jobs = ((made.after, job) for made in some for job in made.start)
            for at, message in messages(jobs, self._later_than(now), trace):
                self._queue.send(message, at - AHEAD)
            changes = [
                Change(made.before, made.after, made.recorded, made.versions) for made in some
            ]
            won = self._table.commit(changes)
            for made, kept in zip(some, won, strict=True):
                self._tell(made, kept, report)
            total += sum(won)
        return total

    def _tell(self, made: Plan, kept: bool, report: Report) -> None:
        if not kept:
            report.lost += 1
            event(_logger, Event.COMMIT_LOST, schedule_id=made.before.id)
            return
        report.handed_out += len(made.start)
        report.recorded += sum(job.count for job in made.recorded)
        for job in made.start:
            event(
                _logger,
                Event.JOB_QUEUED,
                schedule_id=made.after.id,
                job_id=job.id,
                due_at=job.due_at.isoformat(),
                next_run_at=made.after.progress.next_run_at,
            )
        tell_unrun(_logger, made.recorded)


def messages(
    waiting: Iterable[tuple[Schedule, LiveJob]], now: datetime, trace: str | None = None
) -> Iterator[tuple[datetime, Message]]:
    """(when its jobs start, the message) for jobs that wait, grouped by kind and second. `trace`:
    what causes all of them.

    A long job has a message of its own, since one process begins all jobs of a message.
    """

    def together(found: tuple[bool, LiveJob]) -> tuple[bool, datetime]:
        return found[0], found[1].available_at

    jobs = sorted(
        ((schedule.is_long, job) for schedule, job in waiting),
        key=lambda found: (*together(found), found[1].id),
    )
    for (long, at), some in groupby(jobs, key=together):
        ids = [job.id for _, job in some]
        most = 1 if long else JOBS_OF_A_MESSAGE
        for start in range(0, len(ids), most):
            yield at, Message(tuple(ids[start : start + most]), now, long=long, trace=trace)
