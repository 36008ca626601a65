"""What tasks may ask of the billing. Only types."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Protocol

from shared.tasks import JobContext


@dataclass(frozen=True, kw_only=True, slots=True)
class Collected:
    """What became of a tenant's fees that were due."""

    invoiced: int = 0
    amounts_minor: dict[str, int] | None = None
    """What was invoiced, by currency."""
    failed: int = 0
    """Refused for good; a person must look at them."""
    waiting: int = 0
    """Not done yet: Stripe did not answer, billing is paused, or there is no Stripe."""


class Pause(StrEnum):
    """What became of a wish to pause billing."""

    PAUSED = "paused"
    """It runs no longer, by this call."""
    ALREADY = "already"
    """It was paused for this day before, and all of it was done."""
    RESUMED = "resumed"
    """A person resumed it for this day, so it goes on."""
    PARTLY = "partly"
    """Belfry's own switch is set, but not all of Stripe's: it must be tried again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Paused:
    """What became of a wish to pause billing, with the tenants for whom Stripe failed."""

    outcome: Pause
    tenants_paused: int = 0
    errors: tuple[str, ...] = ()


class BillingService(Protocol):
    """Fees and subscriptions (`service`). Every method raises `Unavailable` or `Misconfigured` if
    the database fails."""

    def collect(self, job: JobContext, tenant_id: int) -> Collected:
        """Invoice the tenant's no-show fees that are due, each once."""

    def pause(self, job: JobContext, day: date, spent_minor: int, limit_minor: int) -> Paused:
        """Pause billing because of what was spent on `day`: first Belfry's own switch, durably,
        then each tenant's subscription."""
