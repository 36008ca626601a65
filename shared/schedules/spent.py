"""What a run used, and what that costs (P11): a pure function of (what was used, the prices).

Compute is an estimate. The Flex Consumption plan bills the whole memory of an instance for the time
in which it executes functions, however many. So a run counts for its share of that time: while n
runs are under way in a process, each uses 1/n of each second.

https://learn.microsoft.com/azure/azure-functions/functions-consumption-costs
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from shared.settings import Prices

_REQUESTS = 10_000
"""The prices of requests are for so many."""
_GB = 10**9


@dataclass(frozen=True, kw_only=True, slots=True)
class Spent:
    """What the attempts of a job used. An attempt whose worker was killed is not in it."""

    gb_seconds: float = 0.0
    """Its share of the instance's memory, times seconds."""
    table_requests: int = 0
    """Requests of the task to tables and queues; a transaction is one. The engine's own, by which
    the job is started and ended, are not in it."""
    blob_requests: int = 0
    transfer_bytes: int = 0
    """Sent to places that customers chose, and received from them."""

    def __add__(self, more: Spent) -> Spent:
        return Spent(
            gb_seconds=self.gb_seconds + more.gb_seconds,
            table_requests=self.table_requests + more.table_requests,
            blob_requests=self.blob_requests + more.blob_requests,
            transfer_bytes=self.transfer_bytes + more.transfer_bytes,
        )


NOTHING = Spent()


class CostKind(StrEnum):
    """What is paid for."""

    COMPUTE = "compute"
    STORAGE = "storage"
    TRANSFER = "transfer"
    MESSAGES = "messages"


@dataclass(frozen=True, kw_only=True, slots=True)
class Cost:
    """An amount for one kind of thing, in one currency."""

    kind: CostKind
    currency: str
    micros: Decimal
    """In millionths of the currency."""
    estimated_micros: Decimal
    """How much of it is Belfry's estimate, rather than what a provider said."""


def priced(spent: Spent, prices: Prices) -> Iterator[Cost]:
    """What that costs; all amounts are estimates."""
    compute = Decimal(repr(spent.gb_seconds)) * prices.gb_second
    tables = spent.table_requests * prices.table_requests / _REQUESTS
    blobs = spent.blob_requests * prices.blob_requests / _REQUESTS
    amounts = {CostKind.COMPUTE: compute, CostKind.STORAGE: tables + blobs}
    if spent.transfer_bytes:
        amounts[CostKind.TRANSFER] = spent.transfer_bytes * prices.transfer_gb / _GB
    for kind, micros in amounts.items():
        yield Cost(kind=kind, currency=prices.currency, micros=micros, estimated_micros=micros)


def total(spent: Spent, prices: Prices) -> Decimal:
    """What that costs in all, in millionths of the prices' currency."""
    return sum((cost.micros for cost in priced(spent, prices)), Decimal())
