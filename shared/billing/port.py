"""What tasks may ask of the billing. Only types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol

from shared.log import instant
from shared.tasks import JobContext

ALERT = "billing"
"""What alerts of the billing are about; there is one billing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Collected:
    """What became of a tenant's fees that were due. In a dry run: what would become of them."""

    invoiced: int = 0
    amounts_minor: dict[str, int] | None = None
    """What was invoiced, by currency."""
    failed: int = 0
    """Refused for good; a person must look at them."""
    waiting: int = 0
    """Still due: Stripe did not answer, does not know the owner, or there is no Stripe."""
    too_old: int = 0
    """Due for longer than NO_SHOW_MAX_AGE_DAYS, and never begun: a person releases them."""
    without_customer: int = 0
    """Of those that wait: their owner has no `stripe_customer_id`."""
    would: tuple[Mapping[str, object], ...] = ()
    """In a dry run: the first thirty that would be invoiced."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Coming:
    """Fees that a run would have recorded before it collects; in a dry run there are none of
    them."""

    amount_minor: int
    """Of each."""
    currency: str
    with_customer: int = 0
    """Those whose owner has a `stripe_customer_id`."""
    without_customer: int = 0


class Pause(StrEnum):
    """What became of a wish to pause billing."""

    PAUSED = "paused"
    """It runs no longer, and this call did the last of it."""
    ALREADY = "already"
    """It was paused before, and all of it was done; also if the call that did it was killed before
    it could say so."""
    RESUMED = "resumed"
    """A person resumed it for this day, so it goes on."""
    PARTLY = "partly"
    """Belfry's own switch is set, but not all of Stripe's: it must be tried again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Paused:
    """What became of a wish to pause billing, with the tenants for whom Stripe failed."""

    outcome: Pause
    tenants_paused: int = 0
    """By this call; in a dry run: how many it would pause."""
    errors: tuple[str, ...] = ()
    """One for each tenant for whom it failed, at most twenty, and how many more there are."""
    paused_for: date | None = None
    """The day for whose spend billing was paused first; the same until it is resumed, so people can
    be told once by it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Settled:
    """What was done so that Stripe does for each tenant what Belfry's own switch says."""

    paused: int = 0
    resumed: int = 0
    left: int = 0
    """Tenants for whom it is not done yet."""
    errors: tuple[str, ...] = ()
    """As those of `Paused`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Resumption:
    """A person's word that billing goes on."""

    by: str
    at: datetime
    day: date
    """Until the end of which it is not paused again."""

    @property
    def text(self) -> str:
        at = instant(self.at, "minutes")
        return f"{self.by} resumed billing at {at}. It is not paused again before {self.day} ends."


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """How Belfry's own switch stands, as people are told of it."""

    paused_for: date | None
    """The day whose spend was too high; None: billing runs."""
    resumption: Resumption | None = None
    """Who resumed it last, if it runs."""

    @property
    def text(self) -> str:
        if self.paused_for is not None:
            return f"Billing is paused because of {self.paused_for}. A person resumes it."
        return "Billing runs." if self.resumption is None else self.resumption.text


class BillingService(Protocol):
    """Fees and subscriptions (`service`). Every method raises `Unavailable` or `Misconfigured` if
    the database fails; those about fees also `Misconfigured` if Stripe refuses STRIPE_API_KEY,
    which those about pausing say in `errors`. A job that is told to stop stops between two calls to
    Stripe (`Cancelled`); what is left is done by the next."""

    def collect(
        self, job: JobContext, tenant_id: int, *, coming: Coming | None = None
    ) -> Collected:
        """Invoice the tenant's no-show fees that are due, each once; also while billing is
        paused. One that was made more than NO_SHOW_MAX_AGE_DAYS ago is left to people, unless its
        invoice was begun. In a dry run nothing is written and Stripe is not asked; `coming`: what
        is counted as if it were due too."""

    def collect_begun(self, job: JobContext) -> Collected:
        """The same for each tenant with a fee whose invoice was begun; Stripe did not answer, or
        the process was killed. `waiting` counts only their fees."""

    def pause(
        self,
        job: JobContext,
        day: date,
        spent_minor: int,
        limit_minor: int,
        currency: str = "USD",
    ) -> Paused:
        """Pause billing because of what was spent on `day`: first Belfry's own switch, durably,
        then each tenant's subscription. In a dry run: what it would do."""

    def settle(self, job: JobContext) -> Settled:
        """Do what is left of pausing or resuming at Stripe. Raises `Skipped` without a
        database."""

    def failed_fees(self) -> tuple[int, str]:
        """(How many fees Stripe refused, the first of them in words.) Raises `Skipped` without a
        database."""

    def standing(self) -> Standing:
        """How Belfry's own switch stands. Raises `Skipped` without a database."""

    def is_paused(self) -> bool:
        """Whether Belfry's own switch is set, as it was at most some seconds ago. What causes
        overage asks this first."""
