"""Amounts, as the API shows them."""

from __future__ import annotations

from typing import Self

from shared.api.shown import Shown
from shared.schedules.spent import Cost, CostKind, Spent, priced
from shared.settings import Prices


class CostOut(Shown):
    """An amount, in millionths of its currency."""

    kind: CostKind
    currency: str
    micros: float
    estimated_micros: float
    """How much of it is an estimate, rather than what a provider said."""


class JobCostOut(Shown):
    """What the attempts of a job used, and what that costs by the prices in the settings: an
    estimate. Messages that it asked for are not in it: see `/api/v1/costs`."""

    gb_seconds: float
    """Memory times seconds: its share of the instance."""
    table_requests: int
    """Its task's requests to tables and queues."""
    blob_requests: int
    transfer_bytes: int
    """Sent to places that customers chose, and received from them."""
    costs: list[CostOut]

    @classmethod
    def of(cls, spent: Spent, prices: Prices) -> Self:
        return cls(
            gb_seconds=round(spent.gb_seconds, 6),
            table_requests=spent.table_requests,
            blob_requests=spent.blob_requests,
            transfer_bytes=spent.transfer_bytes,
            costs=[shown(cost) for cost in priced(spent, prices)],
        )


def shown(cost: Cost) -> CostOut:
    """The amount, to a thousandth of a millionth: a short run costs less than one millionth."""
    return CostOut(
        kind=cost.kind,
        currency=cost.currency,
        micros=round(float(cost.micros), 3),
        estimated_micros=round(float(cost.estimated_micros), 3),
    )
