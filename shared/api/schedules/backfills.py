"""`/api/v1/schedules/{id}/backfill` and `/backfills`: run what was due in a past range."""

from __future__ import annotations

from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Annotated, Self

from fastapi import APIRouter, Response
from pydantic import Field

from shared.api import links, scope
from shared.api.answers import told
from shared.api.deps import Asking, Provided
from shared.api.fields import Input, Instant, Whole
from shared.api.idempotency import Once
from shared.api.lists import PAGE_SIZE, Page, Paged, PageSize, page_of
from shared.api.shown import Shown, at
from shared.engine.commands.agreed import Agreed
from shared.engine.commands.backfills import Preview, Wish
from shared.recurrence import Frequency
from shared.schedules.backfill import MOST_PACE, BackfillOrder, BackfillRule, BackfillState
from shared.tasks.model import Flag

router = APIRouter(prefix="/api/v1/schedules", tags=["schedules"])

_INSTANT = timedelta(microseconds=1)
_MOST_PARTS = 100

From = Annotated[datetime, Field(serialization_alias="from")]
To = Annotated[datetime, Field(serialization_alias="to")]


class NewBackfill(Input):
    """The due times to run, and how."""

    since: Instant = Field(alias="from")
    """Due times at or after this one."""
    until: Instant = Field(alias="to")
    """Due times before this one, which must not be in the future."""
    rule: BackfillRule = BackfillRule.LEDGER
    """`ledger`: the due times that the schedule expected then, so none of when it was off; from
    before it existed, those of its present recurrence. `present`: those of its present recurrence
    throughout."""
    pace: Whole = Field(default=1, ge=1, le=MOST_PACE)
    """How many jobs may wait or run at once. More than 1 only with `overlap: allow_all`."""
    order: BackfillOrder = BackfillOrder.OLDEST
    dry_run: Flag = False
    """True: say how many runs it would be, and start none."""

    def wish(self) -> Wish:
        return Wish(
            first=self.since,
            end=self.until,
            rule=self.rule,
            direction=self.order,
            pace=self.pace,
        )


class CancelBackfill(Input):
    """A request to cancel a backfill."""

    reason: str | None = Field(default=None, min_length=1, max_length=200)
    """Kept with the backfill and its jobs."""


class PartOut(Shown):
    """A part of the range, and the recurrence by which its due times were found."""

    since: From
    until: To
    frequency: Frequency = at("recurrence.frequency")
    cron_expression: str | None = at("recurrence.cron_expression")
    interval_seconds: int | None = at("recurrence.interval_seconds")
    timezone: str = at("recurrence.timezone")


class BackfillPreview(Shown):
    """What a backfill would be."""

    schedule_id: str = at("schedule.id")
    dry_run: bool = True
    rule: BackfillRule = at("wish.rule")
    total: int
    """How many runs it would be."""
    limit: int
    """How many one backfill may run; one of more is refused."""
    first_due_at: datetime | None
    last_due_at: datetime | None
    parts: list[PartOut]
    """Which recurrence counts in which part of the range, oldest first, the first 100 parts. What
    is in no part is not run: the schedule expected nothing then."""

    @classmethod
    def of(cls, seen: Preview, limit: int) -> Self:
        parts = [
            SimpleNamespace(
                since=one.after + _INSTANT, until=one.until + _INSTANT, recurrence=one.recurrence
            )
            for one in seen.parts[:_MOST_PARTS]
        ]
        values = {name: getattr(seen, name) for name in ("schedule", "wish", "total")}
        ends = {"first_due_at": seen.first_due_at, "last_due_at": seen.last_due_at}
        return cls.model_validate(
            SimpleNamespace(**values, **ends, dry_run=True, limit=limit, parts=parts)
        )


class BackfillOut(Shown):
    """A backfill as it stands. Its jobs have ids that end in its own, such as
    `nightly-20261120T030000Z-b3f9k2`."""

    id: str = at("order.id")
    schedule_id: str = at("order.schedule_id")
    state: BackfillState
    """`running`, `done`, or `cancelled`: then jobs of it that were running may still run."""
    since: From = at("order.first")
    until: To = at("order.end")
    rule: BackfillRule = at("order.rule")
    order: BackfillOrder = at("order.direction")
    pace: int = at("order.pace")
    total: int = at("order.total")
    """How many due times it runs."""
    handed_out: int = at("counts.handed_out")
    """Of these, how many have become a job."""
    unfinished: int
    """Its jobs that wait or run."""
    succeeded: int = at("counts.succeeded")
    failed: int = at("counts.failed")
    cancelled: int = at("counts.cancelled")
    skipped: int = at("counts.skipped")
    """Jobs whose task had nothing to do."""
    remaining: int
    """Due times that have still to become a job."""
    last_due_at: datetime | None = at("counts.at")
    """The due time of the job that was handed out last."""
    reason: str | None = at("counts.cancel")
    """Why it was cancelled, if it was."""
    created_by: str = at("order.by")
    created_at: datetime = at("order.created_at")
    finished_at: datetime | None


class BackfillList(Paged):
    backfills: list[BackfillOut]


@router.post(
    "/{schedule_id}/backfill",
    status_code=202,
    response_model=BackfillOut,
    responses=links.both(
        links.BACKFILL,
        {200: {"model": BackfillPreview, "description": "With `dry_run`: what it would be."}},
    ),
)
def backfill_schedule(
    app: Provided, by: Asking, schedule_id: str, once: Once, new: NewBackfill
) -> Response:
    """Run what was due in a past range, a few at a time, with the schedule's present parameters.

    It runs whether the schedule is on or off. Its runs are no occurrences: they count neither in
    the schedule nor in `max_runs`, and the schedule's own runs go first. A schedule has one
    backfill at a time.
    """
    belfry = app()
    scope.own_schedule(belfry, by, schedule_id)
    wish = new.wish()

    def make(agreed: Agreed) -> Response:
        if new.dry_run:
            seen = belfry.backfills.preview(schedule_id, wish)
            return told(BackfillPreview.of(seen, belfry.backfills.limit))
        made = belfry.backfills.start(schedule_id, wish, agreed=agreed, by=by)
        return told(BackfillOut.model_validate(made), 202)

    return once.answered(belfry, make)


@router.get("/{schedule_id}/backfills")
def list_backfills(
    app: Provided,
    asking: Asking,
    schedule_id: str,
    page: Page = 1,
    page_size: PageSize = PAGE_SIZE,
) -> BackfillList:
    """The schedule's backfills, newest first."""
    belfry = app()
    scope.schedule(belfry, asking, schedule_id)
    items, said = page_of(belfry.backfills.of(schedule_id), page, page_size)
    return BackfillList(backfills=[BackfillOut.model_validate(one) for one in items], **said)


@router.get("/{schedule_id}/backfills/{backfill_id}")
def read_backfill(app: Provided, asking: Asking, schedule_id: str, backfill_id: str) -> BackfillOut:
    """One backfill, as it stands."""
    belfry = app()
    scope.schedule(belfry, asking, schedule_id)
    return BackfillOut.model_validate(belfry.backfills.get(schedule_id, backfill_id))


@router.post("/{schedule_id}/backfills/{backfill_id}/cancel", status_code=202)
def cancel_backfill(
    app: Provided,
    by: Asking,
    schedule_id: str,
    backfill_id: str,
    request: CancelBackfill | None = None,
) -> BackfillOut:
    """Cancel it: what waits is cancelled, what runs goes on to its end, and nothing more begins."""
    belfry = app()
    scope.own_schedule(belfry, by, schedule_id)
    reason = request.reason if request is not None else None
    after = belfry.backfills.cancel(schedule_id, backfill_id, reason, by=by)
    return BackfillOut.model_validate(after)
