"""Costs summed up (P11): a pure function of (what jobs used, what messages cost, the prices)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum

from shared.schedules.spent import NOTHING, Cost, CostKind, Spent, priced
from shared.settings import Prices


class By(StrEnum):
    """What costs are summed by."""

    TASK = "task"
    TENANT = "tenant"
    DAY = "day"
    CHANNEL = "channel"


@dataclass(frozen=True, kw_only=True, slots=True)
class Used:
    """What a job used."""

    task: str
    due_at: datetime
    spent: Spent


@dataclass(frozen=True, kw_only=True, slots=True)
class Paid:
    """A message that a provider takes money for."""

    task: str
    """Whose job asked for it; empty if none did."""
    tenant_id: int | None
    channel: str
    at: datetime
    """When it was asked for."""
    segments: int
    currency: str
    micros: int | None
    """None: nobody knows yet."""
    estimated: bool


@dataclass(kw_only=True, slots=True)
class Bill:
    """What some jobs and messages cost together."""

    key: str | None = None
    """What they have in common; None: nothing, as the compute of a job that is for all tenants."""
    jobs: int = 0
    spent: Spent = NOTHING
    messages: int = 0
    segments: int = 0
    unpriced: int = 0
    """Messages whose cost nobody knows yet."""
    paid: dict[str, tuple[int, int]] = field(default_factory=dict)
    """By currency: (what the messages cost, how much of that is an estimate), in millionths."""

    def count_job(self, spent: Spent) -> None:
        """Add what a job used."""
        self.jobs += 1
        self.spent += spent

    def count_message(self, message: Paid) -> None:
        """Add a message."""
        self.messages += 1
        self.segments += message.segments
        if message.micros is None:
            self.unpriced += 1
            return
        micros, estimated = self.paid.get(message.currency, (0, 0))
        guessed = message.micros if message.estimated else 0
        self.paid[message.currency] = micros + message.micros, estimated + guessed

    def costs(self, prices: Prices) -> list[Cost]:
        """By kind and currency."""
        used = [] if not self.jobs else list(priced(self.spent, prices))
        return used + [
            Cost(
                kind=CostKind.MESSAGES,
                currency=currency,
                micros=Decimal(micros),
                estimated_micros=Decimal(estimated),
            )
            for currency, (micros, estimated) in sorted(self.paid.items())
        ]


class Costs:
    """The costs of a span, by something, and in all."""

    def __init__(self, by: By) -> None:
        self.by = by
        self.whole = Bill()
        self._bills: dict[str | None, Bill] = {}

    @property
    def bills(self) -> list[Bill]:
        """In the order of their keys; that without one comes last."""
        return sorted(self._bills.values(), key=lambda one: (one.key is None, one.key or ""))

    def count_job(self, used: Used) -> None:
        """Add what a job used. It works for all tenants, and on no channel."""
        key = {By.TASK: used.task or None, By.DAY: _day(used.due_at)}.get(self.by)
        for bill in (self.whole, self._bill(key)):
            bill.count_job(used.spent)

    def count_message(self, paid: Paid) -> None:
        """Add a message."""
        tenant = None if paid.tenant_id is None else str(paid.tenant_id)
        keys = {By.TASK: paid.task or None, By.TENANT: tenant, By.CHANNEL: paid.channel}
        for bill in (self.whole, self._bill(keys.get(self.by, _day(paid.at)))):
            bill.count_message(paid)

    def _bill(self, key: str | None) -> Bill:
        return self._bills.setdefault(key, Bill(key=key))


def _day(at: datetime) -> str:
    return at.astimezone(UTC).date().isoformat()
