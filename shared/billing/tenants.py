"""Making Stripe do for each tenant what Belfry's own switch says, tenant by tenant.

Whoever asks Stripe for a tenant claims the tenant's row first, so of several at once one asks. It
reads the switch again in each write; if a person resumed meanwhile, it turns round by itself.
Without Stripe, or without a subscription, the row alone says it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from shared.billing.patience import Patience
from shared.billing.port import Settled
from shared.billing.switch import now_in
from shared.billing.vendor.account import StripeAccount
from shared.clock import Clock
from shared.data.database import reading, writing
from shared.data.models import BillingState, TenantBilling
from shared.data.pages import pages
from shared.data.rows import update_if
from shared.errors import Misconfigured, NotFound, Refused, Unavailable
from shared.log import Event, event
from shared.settings import Secret

_logger = logging.getLogger("belfry")

CLAIM = timedelta(minutes=3)
"""Longer than a call and its repetition may take."""
_TURNS = 3
"""How often the switch may change while one tenant is settled."""
_TOLD = 20
"""Errors that are told one by one."""
_ON_THE_WAY = {True: BillingState.PAUSING, False: BillingState.RESUMING}
_THERE = {True: BillingState.PAUSED, False: BillingState.ACTIVE}


@dataclass(slots=True)
class _Report:
    paused: int = 0
    resumed: int = 0
    errors: list[str] = field(default_factory=list)
    key_refused: bool = False
    """Stripe would refuse the API key for the next tenant too."""


@dataclass(frozen=True, slots=True)
class _Claim:
    """A tenant's row that is ours until then."""

    tenant_id: int
    subscription_id: str | None
    pause: bool
    until: datetime


class Tenants:
    """The tenants' subscriptions. Every method raises as `writing` does."""

    def __init__(
        self,
        url: Secret,
        clock: Clock,
        stripe: StripeAccount | None,
        patience: Patience,
        is_paused: Callable[[], bool],
    ) -> None:
        """`is_paused`: how the switch stands."""
        self._url = url
        self._clock = clock
        self._stripe = stripe
        self._patience = patience
        self._is_paused = is_paused

    def settle(self, go_on: Callable[[], bool] = lambda: True) -> Settled:
        """Ask for every tenant that is not as the switch says, as long as `go_on`, which is called
        before each, and may raise."""
        report = _Report()
        for tenant_id in self._others(self._is_paused()):
            if report.key_refused or not go_on() or self._patience.is_over():
                break
            self._settle_one(tenant_id, report)
        return Settled(
            paused=report.paused,
            resumed=report.resumed,
            left=self.left(self._is_paused()),
            errors=_shortened(report.errors),
        )

    def left(self, pause: bool) -> int:
        """How many tenants are not as the switch says."""
        query = select(func.count()).where(TenantBilling.state != _THERE[pause])
        with reading(self._url) as session:
            return int(session.execute(query).scalar_one())

    def _others(self, pause: bool) -> Iterator[int]:
        """A state comes before those from which a tenant may get into it, so that each tenant is
        seen once, also if Stripe fails."""
        for state in (_ON_THE_WAY[pause], _ON_THE_WAY[not pause], _THERE[not pause]):
            query = select(TenantBilling.tenant_id).where(TenantBilling.state == state)
            for page in pages(self._url, query, (TenantBilling.tenant_id,)):
                yield from (row.tenant_id for row in page)

    def _settle_one(self, tenant_id: int, report: _Report) -> None:
        for _ in range(_TURNS):
            claim = self._claim(tenant_id)
            if claim is None:
                return
            try:
                self._ask(claim)
            except (Unavailable, Refused, NotFound, Misconfigured) as error:
                report.key_refused = isinstance(error, Misconfigured)
                if isinstance(error, Unavailable):
                    self._patience.failed()
                report.errors.append(f"tenant {tenant_id}: {error}")
                self._failed(claim, str(error))
                return
            if self._done(claim):
                report.paused += claim.pause
                report.resumed += not claim.pause

    def _claim(self, tenant_id: int) -> _Claim | None:
        """None if it is as the switch says, or another is asking."""
        now = self._clock.now()
        until = now + CLAIM
        with writing(self._url) as session:
            row = _held(session, tenant_id)
            pause = now_in(session)
            if row is None or row.state is _THERE[pause]:
                return None
            if row.claimed_until is not None and now < row.claimed_until <= until:
                return None
            row.state, row.claimed_until, row.changed_at = _ON_THE_WAY[pause], until, now
            return _Claim(tenant_id, row.stripe_subscription_id, pause, until)

    def _ask(self, claim: _Claim) -> None:
        if self._stripe is None or claim.subscription_id is None:
            return
        if claim.pause:
            self._stripe.pause(claim.subscription_id)
        else:
            self._stripe.resume(claim.subscription_id)
        self._patience.answered()

    def _done(self, claim: _Claim) -> bool:
        """Whether the claim was ours to the end."""
        to = {
            "state": _THERE[claim.pause],
            "claimed_until": None,
            "changed_at": self._clock.now(),
            "error": None,
        }
        with writing(self._url) as session:
            if update_if(session, TenantBilling, _mine(claim), to):
                return True
            # It was taken over, so nobody knows whose call came last: it is asked once more.
            nobody = {"tenant_id": claim.tenant_id, "claimed_until": None}
            update_if(session, TenantBilling, nobody, {"state": _ON_THE_WAY[claim.pause]})
            return False

    def _failed(self, claim: _Claim, error: str) -> None:
        with writing(self._url) as session:
            to = {"claimed_until": None, "changed_at": self._clock.now(), "error": error}
            update_if(session, TenantBilling, _mine(claim), to)
        event(
            _logger,
            Event.BILLING_STUCK,
            level=logging.ERROR,
            tenant_id=claim.tenant_id,
            wanted=_THERE[claim.pause].value,
            error=error,
        )


def _held(session: Session, tenant_id: int) -> TenantBilling | None:
    """The tenant's row, which nobody else changes until the transaction ends."""
    query = select(TenantBilling).where(TenantBilling.tenant_id == tenant_id).with_for_update()
    return session.execute(query).scalar()


def _mine(claim: _Claim) -> dict[str, object]:
    return {"tenant_id": claim.tenant_id, "claimed_until": claim.until}


def _shortened(errors: list[str]) -> tuple[str, ...]:
    more = len(errors) - _TOLD
    return (*errors[:_TOLD], *([f"and {more} more"] if more > 0 else []))
