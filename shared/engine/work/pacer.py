"""Moves backfills on: when one of a backfill's jobs has ended, the next is handed out.

No process waits for a backfill. Whoever ends a job of its schedule takes the next step. If that
process is killed in between, the guard message of the job does so, or the upkeep, within minutes.
A step is one transaction of the schedule's row, under its ETag, so it is taken once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from shared.clock import Clock
from shared.errors import Damaged
from shared.log import Event, event
from shared.schedules import backfill
from shared.schedules.backfill import BackfillRule, Order, Step
from shared.schedules.fold import fold
from shared.schedules.model import Backfilling, Schedule
from shared.storage.queues.jobs import JobQueue, Message
from shared.storage.tables.backfills import BackfillTable
from shared.storage.tables.changes import Change
from shared.storage.tables.compare_and_set import compare_and_set
from shared.storage.tables.facts import Meta
from shared.storage.tables.handed import HandedOut
from shared.storage.tables.schedules import ScheduleTable

_logger = logging.getLogger("belfry.backfills")

_OPEN = "backfilling:"
_STARTING = timedelta(minutes=10)
"""A backfill is begun within this time after it was noted, or never."""


class Pacer:
    """What moves backfills on, bound to its stores."""

    def __init__(
        self,
        table: ScheduleTable,
        rows: BackfillTable,
        queue: JobQueue,
        handed: HandedOut,
        meta: Meta,
        clock: Clock,
    ) -> None:
        self._table = table
        self._rows = rows
        self._queue = queue
        self._handed = handed
        self._meta = meta
        self._clock = clock

    def expect(self, schedule_id: str, backfill_id: str) -> None:
        """Note that a backfill of the schedule is about to begin, so that the upkeep finds it."""
        self._meta.put(_note(schedule_id, backfill_id), self._clock.now().isoformat())

    def step(self, schedule_id: str) -> None:
        """Hand out the next jobs of the schedule's backfill, or end it; harmless if there is
        nothing to do."""
        if ended := compare_and_set(schedule_id, lambda: self._stepped(schedule_id)):
            self._meta.remove(_note(schedule_id, ended))

    def upkeep(self, check: Callable[[], object]) -> int:
        """Take the next step of each backfill that has not ended; how many there are. `check`
        raises if that is to stop."""
        open = self._meta.beginning(_OPEN)
        found = self._table.scattered({_schedule_of(name) for name in open})
        steps = 0
        for name, fact in open.items():
            check()
            schedule = found.get(_schedule_of(name))  # None also if it cannot be read
            if schedule is not None and schedule.progress.backfill is not None:
                self.step(schedule.id)
                steps += 1
            elif fact.at is not None and self._clock.now() - fact.at > _STARTING:
                self._meta.remove(name, fact)
        return steps

    def _stepped(self, schedule_id: str) -> str | None:
        """The id of the backfill if it has ended with this step, else an empty one; None if
        somebody was faster."""
        schedule = self._table.get(schedule_id)
        at = schedule.progress.backfill if schedule is not None else None
        if schedule is None or at is None:
            return ""
        order = self._order(schedule_id, at.id)
        if order is None:
            return at.id if self._table.commit([Change(schedule, _without(schedule))])[0] else None
        made = self._next(schedule, order)
        if made is None:
            return ""
        self._send(made)
        ended = () if made.ended is None else (made.ended,)
        if not self._table.commit([Change(schedule, made.after, backfills=ended)])[0]:
            return None
        _tell(made)
        return at.id if made.ended is not None else ""

    def _next(self, schedule: Schedule, order: Order) -> Step | None:
        live = schedule.progress.live
        done = self._table.ended(one.id for one in live if one.begun)
        folded = replace(schedule, progress=fold(schedule.progress, done))
        held = self._table.versions(schedule.id) if order.rule is BackfillRule.LEDGER else []
        return backfill.step(folded, order, backfill.parts(order, held), self._clock.now())

    def _order(self, schedule_id: str, backfill_id: str) -> Order | None:
        """What was asked for; None if nobody can know any more, which is logged."""
        try:
            found = self._rows.get(schedule_id, backfill_id)
            problem = "its row is gone"
        except Damaged as error:
            found, problem = None, str(error)
        if found is None:
            event(
                _logger,
                Event.BACKFILL_UNREADABLE,
                level=logging.ERROR,
                schedule_id=schedule_id,
                backfill_id=backfill_id,
                error=problem,
            )
            return None
        return found.order

    def _send(self, made: Step) -> None:
        """Messages first, commit second, as everywhere (`dispatch.tick`)."""
        ids = [one.id for one in made.handed_out]
        if not ids:
            return
        now, long = self._clock.now(), made.after.is_long
        self._handed.note([(one, now) for one in ids], now)
        trace = made.handed_out[0].trace
        for some in [[one] for one in ids] if long else [ids]:
            self._queue.send(Message(tuple(some), now, long=long, trace=trace), now)


def _note(schedule_id: str, backfill_id: str) -> str:
    """The name of the note. Each backfill has its own: else the end of one might remove that of the
    next, which begins at the same moment."""
    return f"{_OPEN}{schedule_id}:{backfill_id}"


def _schedule_of(note: str) -> str:
    """The schedule's id. An earlier version's notes name no backfill."""
    return note.removeprefix(_OPEN).partition(":")[0]


def _without(schedule: Schedule) -> Schedule:
    return replace(schedule, progress=replace(schedule.progress, backfill=None))


def _tell(made: Step) -> None:
    for one in made.handed_out:
        event(
            _logger,
            Event.JOB_QUEUED,
            schedule_id=made.after.id,
            job_id=one.id,
            due_at=one.due_at.isoformat(),
        )
    if made.ended is not None:
        counts: Backfilling = made.ended.counts
        event(
            _logger,
            Event.BACKFILL_ENDED,
            schedule_id=made.after.id,
            backfill_id=counts.id,
            state=made.ended.state,
            handed_out=counts.handed_out,
            succeeded=counts.succeeded,
            failed=counts.failed,
            cancelled=counts.cancelled,
        )
