"""`/api/v1/costs`: what runs and messages cost (P11)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Self

from fastapi import APIRouter

from shared.api.costs.shapes import CostOut, shown
from shared.api.deps import Provided
from shared.api.lists import Since, Until, span
from shared.api.roles import needs
from shared.api.shown import Shown
from shared.api.spans import spanned
from shared.engine.records.history import Room
from shared.schedules.costs import Bill, By
from shared.settings import Prices

router = APIRouter(prefix="/api/v1/costs", tags=["costs"])

_MONTH = timedelta(days=30)


class BillOut(Shown):
    """What some jobs and messages cost together."""

    key: str | None
    """The task, the tenant's id, the day (UTC) or the channel; null for what belongs to none, such
    as the compute of jobs, which work for all tenants."""
    jobs: int
    """Jobs of which it is known what they used."""
    gb_seconds: float
    """Memory times seconds: the jobs' shares of the instances."""
    table_requests: int
    """The tasks' requests to tables and queues."""
    blob_requests: int
    transfer_bytes: int
    """Sent to places that customers chose, and received from them."""
    messages: int
    segments: int
    """Parts of text messages."""
    unpriced: int
    """Messages whose cost nobody knows yet."""
    costs: list[CostOut]
    """By kind and currency."""

    @classmethod
    def of(cls, bill: Bill, prices: Prices) -> Self:
        return cls(
            key=bill.key,
            jobs=bill.jobs,
            gb_seconds=round(bill.spent.gb_seconds, 6),
            table_requests=bill.spent.table_requests,
            blob_requests=bill.spent.blob_requests,
            transfer_bytes=bill.spent.transfer_bytes,
            messages=bill.messages,
            segments=bill.segments,
            unpriced=bill.unpriced,
            costs=[shown(cost) for cost in bill.costs(prices)],
        )


class CostsOut(Shown):
    """What a span of time cost."""

    since: datetime
    until: datetime
    by: By
    items: list[BillOut]
    total: BillOut


@router.get("")
@needs(everything=True)
def read_costs(
    app: Provided,
    since: Since = None,
    until: Until = None,
    by: By = By.TASK,
) -> CostsOut:
    """What the jobs cost that were due at or after `from`, and before `to`, and the messages that
    were asked for in that time.

    Instants are ISO 8601 with an offset. Default: the last 30 days; at most 366, and 100,000 jobs
    and as many messages. Compute, storage and transfer are estimates by the prices in the settings
    (`PRICE_COMPUTE_GB_SECOND`, ...); of messages, `estimated_micros` is the part for which the
    provider has not said the price yet.
    """
    belfry = app()
    first, end = spanned(*span(since, until), belfry.clock.now(), _MONTH)
    made = belfry.history.costs(first, end, by)
    room = Room("messages")
    for message in belfry.paid.between(first, end):
        room.take()
        made.count_message(message)
    prices = belfry.settings.prices
    return CostsOut(
        since=first,
        until=end,
        by=by,
        items=[BillOut.of(bill, prices) for bill in made.bills],
        total=BillOut.of(made.whole, prices),
    )
