"""The billing service: fees, Belfry's own switch, and the tenants' subscriptions (L5, P12)."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date, timedelta

from shared.billing import overview, reconcile
from shared.billing.fees import Fees
from shared.billing.overview import Overview
from shared.billing.patience import Patience
from shared.billing.port import Collected, Coming, Pause, Paused, Settled, Standing
from shared.billing.reconcile import Difference
from shared.billing.steps import Steps
from shared.billing.switch import Spend, Switch, SwitchRow, paused, standing
from shared.billing.tenants import Tenants
from shared.billing.vendor.account import StripeAccount
from shared.clock import Clock
from shared.errors import Misconfigured, Skipped
from shared.log import Event, event
from shared.settings import BillingSettings
from shared.tasks import JobContext

_logger = logging.getLogger("belfry")


class Billing:
    """See `BillingService` for what tasks ask; the rest is for people."""

    def __init__(
        self, settings: BillingSettings, clock: Clock, *, stripe: StripeAccount | None = None
    ) -> None:
        """`stripe` is for tests."""
        self._url = url = settings.data.url
        self._clock = clock
        if stripe is None and settings.stripe.api_key:
            stripe = StripeAccount(settings.stripe)
        self._stripe = stripe
        patience = Patience(clock)
        self._switch = SwitchRow(url, clock)
        self._tenants = Tenants(url, clock, stripe, patience, lambda: self._switch.read().is_paused)
        self._steps = Steps(url, clock, settings.prefix)
        self._max_age = settings.fee_max_age
        self._fees = Fees(
            *(url, self._steps, stripe, patience, settings.prefix, settings.fee_max_age, clock)
        )
        self._prefix = settings.prefix

    def collect(
        self, job: JobContext, tenant_id: int, *, coming: Coming | None = None
    ) -> Collected:
        """See `BillingService`."""
        return self._fees.collect(job, tenant_id, coming)

    def collect_begun(self, job: JobContext) -> Collected:
        """See `BillingService`."""
        did = [self.collect(job, tenant_id) for tenant_id in self._steps.begun()]
        amounts: Counter[str] = Counter()
        for one in did:
            amounts.update(one.amounts_minor or {})
        return Collected(
            invoiced=sum(one.invoiced for one in did),
            amounts_minor=dict(amounts),
            failed=sum(one.failed for one in did),
            waiting=sum(one.waiting for one in did),
            too_old=sum(one.too_old for one in did),
            without_customer=sum(one.without_customer for one in did),
        )

    def is_paused(self) -> bool:
        """See `BillingService`."""
        return self._switch.is_paused()

    def pause(
        self,
        job: JobContext,
        day: date,
        spent_minor: int,
        limit_minor: int,
        currency: str = "USD",
    ) -> Paused:
        """See `BillingService`."""
        why = Spend(day=day, spent_minor=spent_minor, limit_minor=limit_minor, currency=currency)
        if job.dry_run:
            return self._rehearsed(why)
        _, mine = self._switch.pause(why)
        if mine:
            event(
                _logger,
                Event.BILLING_PAUSED,
                level=logging.WARNING,
                day=day,
                spent_minor=spent_minor,
                limit_minor=limit_minor,
            )
        did = self._tenants.settle(_until_stopped(job))
        return _answer(self._switch.read(), mine=mine, did=did)  # a person may just have resumed it

    def _rehearsed(self, why: Spend) -> Paused:
        before = self._switch.read()
        after = paused(before, why, self._clock.now())
        left = self._tenants.left(True) if after.is_paused else 0
        would = Settled(paused=left)
        return _answer(after, mine=after != before, did=would)

    def failed_fees(self) -> tuple[int, str]:
        """See `BillingService`."""
        self._needs_data()
        return overview.failed(self._url)

    def standing(self) -> Standing:
        """See `BillingService`."""
        self._needs_data()
        return standing(self._switch.read())

    def settle(self, job: JobContext) -> Settled:
        """See `BillingService`."""
        self._needs_data()
        if job.dry_run:
            return Settled(left=self._tenants.left(self._switch.read().is_paused))
        return self._tenants.settle(_until_stopped(job))

    def _needs_data(self) -> None:
        if not self._url:
            raise Skipped("DATABASE_URL is not set, so there is no billing")

    def resume(
        self, by: str, day: date | None = None, longest: timedelta | None = None
    ) -> tuple[Switch, Settled, bool]:
        """(The switch afterwards, what was done at Stripe, whether this resumed it.) Let it run
        again, as a person says, who is named. It holds for `day` (today in UTC, if none is given)
        and the day for which it was paused: it is not paused again on them. Then Stripe is asked,
        until `longest` is over; what that leaves, `settle` does. Raises `Conflict` if it is not
        paused, and `Invalid` for a day that is over or more than a week ahead."""
        switch, mine = self._switch.resume(by, day)
        if mine:
            event(_logger, Event.BILLING_RESUMED, by=by, day=switch.resumed_for)
        return switch, self._tenants.settle(self._for(longest)), mine

    def _for(self, longest: timedelta | None) -> Callable[[], bool]:
        if longest is None:
            return lambda: True
        until = self._clock.monotonic() + longest.total_seconds()
        return lambda: self._clock.monotonic() < until

    def overview(self) -> Overview:
        """How it stands."""
        oldest = self._clock.now() - self._max_age
        found = self._switch.read()
        return overview.read(self._url, found, oldest, stripe=self._stripe is not None)

    def retry(self, fee_id: int) -> None:
        """Have a fee invoiced by the next `collect`, as a person says: one that failed, by other
        idempotency keys, or one that is due, however old it is. Raises `NotFound`, and `Conflict`
        if it is neither, or if Stripe does not know the owner of one that is due."""
        if not overview.make_due(self._url, fee_id):
            self._fees.release(fee_id)

    def reconcile(self, days: int, *, repair: bool) -> Iterator[Difference]:
        """Where the ledger and Stripe differ, for the fees of so many days; see `reconcile`. Raises
        `Misconfigured` without Stripe."""
        if self._stripe is None:
            raise Misconfigured("STRIPE_API_KEY is not set; there is nothing to compare with")
        found = reconcile.Reconciler(self._url, self._stripe, self._clock, self._prefix)
        yield from found.differences(days, repair=repair)
        if repair:
            self._tenants.settle()


def _until_stopped(job: JobContext) -> Callable[[], bool]:
    def go_on() -> bool:
        job.check()
        return True

    return go_on


def _answer(switch: Switch, *, mine: bool, did: Settled) -> Paused:
    if not switch.is_paused:
        outcome = Pause.RESUMED
    elif did.left:
        outcome = Pause.PARTLY
    else:
        outcome = Pause.PAUSED if mine or did.paused else Pause.ALREADY
    return Paused(
        outcome=outcome,
        tenants_paused=did.paused,
        errors=did.errors,
        paused_for=switch.paused_for if switch.is_paused else None,
    )
