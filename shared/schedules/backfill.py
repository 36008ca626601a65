"""A backfill: the occurrences of a past range of a schedule, run once more, a few at a time.

Pure functions. What was asked for is an `Order`, which never changes. How far it came is in the
schedule's row (`model.Backfilling`), so handing out the next jobs and moving on is one write, and a
job is counted when the schedule's row counts it (`fold`). Nothing is listed ahead: the next due
time follows from the one before.

A backfill's job is no occurrence. It has an id of its own (`job`), the ledger and the schedule's
counts leave it out, and it neither uses up `max_runs` nor pauses its schedule.

Which due times there were: those that the ledger's versions expected (`ledger`), and, from before
the schedule existed, those of its present recurrence. With `present`, those of the present
recurrence throughout, also where the schedule was off.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from itertools import islice

from shared.recurrence import Recurrence, count_runs, last_runs, occurrences
from shared.schedules.job import backfill_of, job_id, retry_of
from shared.schedules.ledger import Span, parts_of
from shared.schedules.model import Backfilling, LiveJob, Overlap, Progress, Schedule, Version

ROOM = 50
"""A backfill hands out nothing while its schedule has this many unfinished jobs, so that runs of
the schedule's own always find room."""
MOST_PACE = 20


class BackfillRule(StrEnum):
    """Which due times a backfill runs."""

    LEDGER = "ledger"
    """Those that the schedule expected then; from before it existed, those of its present
    recurrence."""
    PRESENT = "present"
    """Those of its present recurrence, also where it was off or had another one."""


class BackfillOrder(StrEnum):
    """In which order a backfill runs them."""

    OLDEST = "oldest_first"
    NEWEST = "newest_first"


class BackfillState(StrEnum):
    """Where a backfill stands."""

    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Part:
    """Due times of `recurrence` later than `after`, up to and including `until`."""

    recurrence: Recurrence
    after: datetime
    until: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """What was asked for."""

    id: str
    schedule_id: str
    first: datetime
    """Due times at or after this,"""
    end: datetime
    """and before this."""
    rule: BackfillRule
    direction: BackfillOrder
    recurrence: Recurrence
    """The schedule's present one when it was asked for."""
    total: int
    """How many due times there were."""
    pace: int
    by: str
    """The caller's name."""
    created_at: datetime
    trace: str | None = None
    """The `traceparent` of the request."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Backfill:
    """A backfill as it stands."""

    order: Order
    counts: Backfilling
    finished_at: datetime | None = None
    """When its last job ended, and none was left; None: it has not ended."""

    @property
    def state(self) -> BackfillState:
        """Cancelled from the moment of the request, though jobs of it may still run."""
        if self.counts.cancel is not None:
            return BackfillState.CANCELLED
        return BackfillState.RUNNING if self.finished_at is None else BackfillState.DONE

    @property
    def unfinished(self) -> int:
        """Its jobs that wait or run."""
        ended = (self.counts.succeeded, self.counts.failed, self.counts.cancelled)
        return self.counts.handed_out - sum(ended) - self.counts.skipped

    @property
    def remaining(self) -> int:
        """Due times that were not handed out yet, and will be."""
        ended = self.counts.cancel is not None or self.finished_at is not None
        return 0 if ended else max(0, self.order.total - self.counts.handed_out)


@dataclass(frozen=True, slots=True)
class Step:
    """A backfill's next step: the schedule after it, the jobs handed out, and whether it ended."""

    after: Schedule
    handed_out: tuple[LiveJob, ...]
    ended: Backfill | None


_INSTANT = datetime.resolution


def parts(order: Order, versions: Iterable[Version]) -> list[Part]:
    """The parts of the range, oldest first, each with the recurrence that counts there."""
    whole = Part(order.recurrence, order.first - _INSTANT, order.end - _INSTANT)
    known = sorted(versions, key=lambda one: (one.revision, one.since))
    if order.rule is BackfillRule.PRESENT or not known:
        return [whole]
    began = min(one.since for one in known)
    before = Part(order.recurrence, whole.after, min(whole.until, began))
    span = Span(max(whole.after, began), whole.until)
    held = [Part(when, part.after, part.until) for when, part in parts_of(known, span)]
    return [one for one in (before, *held) if one.after < one.until]


def total(some: Iterable[Part]) -> int:
    """How many due times they have, without listing them."""
    return sum(count_runs(one.recurrence, one.after, one.until) for one in some)


def ends(some: Sequence[Part]) -> tuple[datetime | None, datetime | None]:
    """The first and the last due time."""
    first = next(iter(_following(some, None, 1)), None)
    return first, next(iter(_preceding(some, None, 1)), None)


def following(
    some: Sequence[Part], direction: BackfillOrder, at: datetime | None, most: int
) -> list[datetime]:
    """The next due times after the one at `at` (None: from the start), at most `most`."""
    walk = _following if direction is BackfillOrder.OLDEST else _preceding
    return walk(some, at, most)


def _following(some: Sequence[Part], at: datetime | None, most: int) -> list[datetime]:
    found: list[datetime] = []
    for one in some:
        after = one.after if at is None else max(one.after, at)
        found += islice(occurrences(one.recurrence, after, one.until), most - len(found))
    return found


def _preceding(some: Sequence[Part], at: datetime | None, most: int) -> list[datetime]:
    found: list[datetime] = []
    for one in reversed(some):
        until = one.until if at is None else min(one.until, at - _INSTANT)
        if until > one.after and len(found) < most:
            found += last_runs(one.recurrence, one.after, until, most - len(found))[::-1]
    return found


def begun(order: Order) -> Backfill:
    """The backfill at its beginning."""
    return Backfill(order=order, counts=Backfilling(id=order.id, pace=order.pace, at=None))


def step(schedule: Schedule, order: Order, some: Sequence[Part], now: datetime) -> Step | None:
    """Hand out the next jobs, or end it; None if there is nothing to do.

    `schedule`: with the jobs that ended counted. `some`: the `parts` of the order.
    """
    at = schedule.progress.backfill
    if at is None or at.id != order.id:
        return None
    if schedule.deleted_at is not None and at.cancel is None:
        at = replace(at, cancel="its schedule was deleted")
    live = own(schedule.progress, at.id)
    room = min(at.pace - len(live), ROOM - len(schedule.progress.live))
    new: list[datetime] = []
    if at.cancel is None and not at.exhausted and room > 0:
        new = following(some, order.direction, at.at, room)
        at = replace(
            at,
            at=new[-1] if new else at.at,
            handed_out=at.handed_out + len(new),
            exhausted=len(new) < room,
        )
    jobs = tuple(
        LiveJob(
            id=job_id(schedule.id, due_at, at.id),
            due_at=due_at,
            available_at=now,
            trace=order.trace,
        )
        for due_at in new
    )
    over = not live and not jobs and (at.exhausted or at.cancel is not None)
    progress = replace(
        schedule.progress,
        live=(*schedule.progress.live, *jobs),
        backfill=None if over else at,
    )
    if progress == schedule.progress:
        return None
    ended = Backfill(order=order, counts=at, finished_at=now) if over else None
    return Step(replace(schedule, progress=progress), jobs, ended)


def stopped(progress: Progress, backfill_id: str, why: str) -> Progress:
    """The progress with that backfill told to hand out no more."""
    at = progress.backfill
    if at is None or at.id != backfill_id or at.cancel is not None:
        return progress
    return replace(progress, backfill=replace(at, cancel=why))


def own(progress: Progress, backfill_id: str) -> list[LiveJob]:
    """The backfill's jobs that have not ended; not those that people run again."""
    return [
        one
        for one in progress.live
        if backfill_of(one.id) == backfill_id and retry_of(one.id) is None
    ]


def side_by_side(schedule: Schedule) -> bool:
    """Whether the schedule's runs may go side by side, so that a pace above 1 makes sense."""
    return schedule.policy.overlap is Overlap.ALLOW_ALL
