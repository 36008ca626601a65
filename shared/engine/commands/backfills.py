"""What people do with backfills: preview, start, read, cancel."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from shared import tracing
from shared.access import LOCAL, Caller
from shared.audit.port import Action
from shared.engine.commands.agreed import Agreed, afresh
from shared.engine.commands.schedules import Manager, hold_steps
from shared.engine.events import tell_ended
from shared.engine.work.outcomes import Outcomes
from shared.errors import Conflict, Invalid, NotFound
from shared.log import Event, event, instant
from shared.redaction import redact
from shared.schedules import audited, backfill
from shared.schedules.backfill import (
    Backfill,
    BackfillOrder,
    BackfillRule,
    BackfillState,
    Order,
    Part,
)
from shared.schedules.fold import fold
from shared.schedules.job import Status, is_backfill_id
from shared.schedules.model import Schedule
from shared.schedules.record import ended_live
from shared.storage.tables.backfills import BackfillTable
from shared.storage.tables.changes import Change
from shared.storage.tables.compare_and_set import compare_and_set

_logger = logging.getLogger("belfry.backfills")

_ALPHABET = "abcdefghijklmnopqstuvwxyz0123456789"
"""Without `r`, which begins the number of a retry."""
_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
"""No job can be due before this: its row's key has no room for it."""
_LONGEST = timedelta(days=3660)
"""To count the due times of a range takes the longer, the longer it is."""
_REASON = "a person cancelled its backfill"


@dataclass(frozen=True, kw_only=True, slots=True)
class Wish:
    """What a caller asks for: the due times of a past range, how, and how many at once."""

    first: datetime
    end: datetime
    rule: BackfillRule = BackfillRule.LEDGER
    direction: BackfillOrder = BackfillOrder.OLDEST
    pace: int = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Preview:
    """What a backfill would be."""

    schedule: Schedule
    wish: Wish
    total: int
    first_due_at: datetime | None
    last_due_at: datetime | None
    parts: Sequence[Part]
    """Which recurrence counts in which part of the range."""


def new_id() -> str:
    """The id of a new backfill (`job` says what it looks like)."""
    return "b" + "".join(secrets.choice(_ALPHABET) for _ in range(5))


class Backfills:
    """The commands, bound to their stores. `limit`: the most occurrences of one backfill."""

    def __init__(
        self, manager: Manager, outcomes: Outcomes, rows: BackfillTable, limit: int
    ) -> None:
        self._manager = manager
        self._outcomes = outcomes
        self._table = outcomes.table
        self._pacer = outcomes.pacer
        self._rows = rows
        self.limit = limit

    def preview(self, schedule_id: str, wish: Wish) -> Preview:
        """How many runs it would be, of which due times. Raises `NotFound` and `Invalid`, but not
        for being too many."""
        hold_steps(schedule_id)
        schedule = self._manager.get(schedule_id)
        self._hold(schedule, wish)
        order = self._order(schedule, wish, "", 0, "")
        held = self._table.versions(schedule_id) if wish.rule is BackfillRule.LEDGER else []
        parts = backfill.parts(order, held)
        first, last = backfill.ends(parts)
        return Preview(
            schedule=schedule,
            wish=wish,
            total=backfill.total(parts),
            first_due_at=first,
            last_due_at=last,
            parts=parts,
        )

    def start(
        self, schedule_id: str, wish: Wish, *, agreed: Agreed = afresh, by: Caller = LOCAL
    ) -> Backfill:
        """Start one. `agreed`: if the command was given before, the one that was started then.

        Raises `NotFound`; `Invalid`, also if it would be no run, or more than the limit; `Conflict`
        while another one of the schedule has not ended.
        """
        (asked,) = agreed(lambda: [new_id()])
        if self._rows.get(schedule_id, asked) is not None:
            return self.get(schedule_id, asked)
        seen = self.preview(schedule_id, wish)
        self._hold_count(seen)
        order = self._order(seen.schedule, wish, asked, seen.total, by.name)
        self._pacer.expect(schedule_id, asked)
        compare_and_set(schedule_id, lambda: self._begun(order, by))
        event(
            _logger,
            Event.BACKFILL_STARTED,
            schedule_id=schedule_id,
            backfill_id=asked,
            total=order.total,
        )
        self._pacer.step(schedule_id)
        return self.get(schedule_id, asked)

    def get(self, schedule_id: str, backfill_id: str) -> Backfill:
        """The backfill as it stands. Raises `NotFound`."""
        schedule = self._manager.get(schedule_id)
        known = is_backfill_id(backfill_id)
        found = self._rows.get(schedule_id, backfill_id) if known else None
        if found is None:
            raise NotFound(f"{schedule_id} has no backfill {backfill_id!r:.60}")
        return _now(found, schedule)

    def of(self, schedule_id: str) -> list[Backfill]:
        """The schedule's backfills, newest first. Raises `NotFound`."""
        schedule = self._manager.get(schedule_id)
        return [_now(one, schedule) for one in self._rows.of(schedule_id)]

    def cancel(
        self, schedule_id: str, backfill_id: str, reason: str | None = None, *, by: Caller = LOCAL
    ) -> Backfill:
        """Cancel it: what waits is cancelled, what runs goes on to its end, and nothing more is
        handed out. Harmless if it was cancelled before. Raises `NotFound`, and `Conflict` if it is
        done."""
        found = self.get(schedule_id, backfill_id)
        if found.state is BackfillState.DONE:
            raise Conflict(f"{backfill_id} is done; there is nothing left to cancel")
        if found.state is BackfillState.RUNNING:
            why = redact(reason or _REASON)
            compare_and_set(schedule_id, lambda: self._stopped(schedule_id, backfill_id, why, by))
            self._pacer.step(schedule_id)
        return self.get(schedule_id, backfill_id)

    def _begun(self, order: Order, by: Caller) -> bool | None:
        schedule = self._find(order.schedule_id)
        if self._rows.get(order.schedule_id, order.id) is not None:
            return True  # by the same command, which was given twice at the same time
        other = schedule.progress.backfill
        if other is not None:
            raise Conflict(
                f"{order.schedule_id} has a backfill that has not ended, {other.id}; wait for its "
                "end, or cancel it"
            )
        made = backfill.begun(order)
        progress = replace(schedule.progress, backfill=made.counts)
        at, what = order.created_at, _audited(order)
        told = audited.of_request(by, Action.BACKFILL, schedule, at, what)
        after = replace(schedule, progress=progress)
        change = Change(schedule, after, backfills=(made,), audits=(told,))
        return self._table.commit([change])[0] or None

    def _stopped(self, schedule_id: str, backfill_id: str, why: str, by: Caller) -> bool | None:
        now = self._manager.now()
        schedule = self._find(schedule_id)
        done = self._outcomes.ended(schedule)
        progress = backfill.stopped(fold(schedule.progress, done), backfill_id, why)
        waiting = [one for one in backfill.own(progress, backfill_id) if not one.begun]
        ended = tuple(ended_live(schedule, one, Status.CANCELLED, now, why) for one in waiting)
        progress = fold(progress, {one.id: one for one in ended})
        what = {"backfill_id": backfill_id, "reason": why}
        told = audited.of_request(by, Action.CANCEL, schedule, now, what)
        after = replace(schedule, progress=progress)
        if not self._table.commit([Change(schedule, after, ended, audits=(told,))])[0]:
            return None
        for one in ended:
            tell_ended(_logger, one)
        return True

    def _find(self, schedule_id: str) -> Schedule:
        found = self._table.get(schedule_id)
        if found is None or found.deleted_at is not None:
            raise NotFound(f"there is no schedule {schedule_id!r}")
        return found

    def _order(
        self, schedule: Schedule, wish: Wish, backfill_id: str, total: int, by: str
    ) -> Order:
        return Order(
            id=backfill_id,
            schedule_id=schedule.id,
            first=wish.first,
            end=wish.end,
            rule=wish.rule,
            direction=wish.direction,
            recurrence=schedule.definition.recurrence,
            total=total,
            pace=wish.pace,
            by=by,
            created_at=self._manager.now(),
            trace=tracing.carried(),
        )

    def _hold(self, schedule: Schedule, wish: Wish) -> None:
        """Raise `Invalid` if that is no past range, or the pace is not possible."""
        now = self._manager.now()
        if wish.end > now:
            said = f"{instant(wish.end)} is in the future; a backfill runs what was due before now"
            raise Invalid("to", f"{said}: give {instant(now, 'seconds')} or earlier")
        if wish.first < _EARLIEST:
            raise Invalid("from", f"give {instant(_EARLIEST)} or later")
        if wish.first >= wish.end:
            raise Invalid("from", f"{instant(wish.first)} is not before `to`, {instant(wish.end)}")
        if wish.end - wish.first > _LONGEST:
            days = (wish.end - wish.first).days
            raise Invalid("from", f"the range is {days} days; give {_LONGEST.days} at most")
        if wish.pace > 1 and not backfill.side_by_side(schedule):
            raise Invalid(
                "pace",
                f"runs of {schedule.id} never go side by side (overlap: "
                f"{schedule.policy.overlap}); give 1, or set its overlap to allow_all",
            )

    def _hold_count(self, seen: Preview) -> None:
        if seen.total == 0:
            said = f"{seen.schedule.id} has no due time in this range"
            other = " by what it expected then; `rule: present` takes its present times"
            raise Invalid("from", said + (other if seen.wish.rule is BackfillRule.LEDGER else ""))
        if seen.total > self.limit:
            raise Invalid(
                "to",
                f"the range has {seen.total} due times, and one backfill runs {self.limit} at most "
                "(BACKFILL_LIMIT); give a shorter range",
            )


def _now(found: Backfill, schedule: Schedule) -> Backfill:
    """The backfill, with how far the schedule's row says it came, unless it has ended since."""
    at = schedule.progress.backfill
    if at is None or at.id != found.order.id or found.finished_at is not None:
        return found
    return replace(found, counts=at)


def _audited(order: Order) -> dict[str, object]:
    return {
        "backfill_id": order.id,
        "from": order.first,
        "to": order.end,
        "rule": order.rule,
        "order": order.direction,
        "total": order.total,
        "pace": order.pace,
    }
