"""A company with fees, on both databases, and a server that answers as Stripe does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from shared.billing.service import Billing
from shared.billing.vendor.account import StripeAccount
from shared.data.database import reading, writing
from shared.data.models import (
    Appointment,
    AppointmentStatus,
    BillingState,
    BillingStep,
    FeeStatus,
    NoShowFee,
    Owner,
    TenantBilling,
)
from shared.settings import BillingSettings, DataSettings, Secret, StripeSettings
from tests.clocks import HastyClock
from tests.context import job_of
from tests.integration.data.conftest import (  # noqa: F401 (fixtures)
    empty,
    postgres_template,
    sqlite_template,
    tenant,
    url,
)
from tests.vendors import stripe as vendor
from tests.vendors.stripe import FakeStripe

NOW = datetime(2026, 11, 29, 6, 30, tzinfo=UTC)
CUSTOMER = "cus_ana"


@pytest.fixture
def stripe() -> Iterator[FakeStripe]:
    with vendor.running() as server:
        server.customers.add(CUSTOMER)
        yield server


@dataclass
class Company:
    """A database with tenant 1, owner 1 and pet 1, and billing on it."""

    url: Secret
    stripe: FakeStripe
    clock: HastyClock

    def __post_init__(self) -> None:
        self.stripe.now = self.clock.now
        self.job = job_of(clock=self.clock)
        self.billing = self.another()

    def another(self, *, retries: int = 0, timeouts: tuple[float, float] = (5, 25)) -> Billing:
        """The billing of another process."""
        account = StripeAccount(self.stripe.settings(), retries=retries, timeouts=timeouts)
        return Billing(self.settings(self.stripe.settings()), self.clock, stripe=account)

    def alone(self) -> Billing:
        """The billing without Stripe."""
        return Billing(self.settings(StripeSettings()), self.clock)

    def settings(self, stripe: StripeSettings) -> BillingSettings:
        data = DataSettings(url=self.url, names=None)
        return BillingSettings(data=data, stripe=stripe, prefix="belfry")

    def knows(self, customer: str | None = CUSTOMER) -> None:
        """Owner 1 is that customer of Stripe."""
        with writing(self.url) as session:
            session.get_one(Owner, 1).stripe_customer_id = customer

    def owe(
        self, *amounts: int, tenant_id: int = 1, currency: str = "EUR", days: int = 0
    ) -> list[int]:
        """Fees that are due, made so many days ago; their ids."""
        made = NOW - timedelta(days=days)
        return [self._owe(amount, tenant_id, currency, made) for amount in amounts]

    def _owe(self, amount: int, tenant_id: int, currency: str, made: datetime) -> int:
        with writing(self.url) as session:
            missed = Appointment(
                tenant_id=tenant_id,
                pet_id=1,
                starts_at=NOW - timedelta(hours=12),
                status=AppointmentStatus.NO_SHOW,
                no_show_at=NOW,
            )
            session.add(missed)
            session.flush()
            fee = NoShowFee(
                tenant_id=tenant_id,
                appointment_id=missed.id,
                owner_id=1,
                amount_minor=amount,
                currency=currency,
                status=FeeStatus.DUE,
                created_at=made,
            )
            session.add(fee)
            session.flush()
            return fee.id

    def subscribe(self, *subscriptions: str | None) -> list[int]:
        """New tenants with these subscriptions; their ids."""
        found = []
        for one in subscriptions:
            with writing(self.url) as session:
                made = tenant(name=str(one))
                session.add(made)
                session.flush()
                row = TenantBilling(
                    tenant_id=made.id, stripe_subscription_id=one, state=BillingState.ACTIVE
                )
                session.add(row)
                found.append(made.id)
            if one is not None:
                self.stripe.subscribe(one)
        return found

    def fee(self, fee_id: int) -> NoShowFee:
        with writing(self.url) as session:
            session.expire_on_commit = False
            return session.get_one(NoShowFee, fee_id)

    def steps(self) -> list[tuple[str, str, str]]:
        """(step, state, key) of each, in order."""
        query = select(BillingStep.step, BillingStep.state, BillingStep.key)
        with reading(self.url) as session:
            rows = session.execute(query.order_by(BillingStep.id))
            return [(step.value, state.value, key) for step, state, key in rows]

    def states(self) -> dict[int, str]:
        query = select(TenantBilling.tenant_id, TenantBilling.state)
        with reading(self.url) as session:
            return {tenant_id: state.value for tenant_id, state in session.execute(query)}

    def paused_at_stripe(self) -> list[str]:
        there = self.stripe.subscriptions.values()
        return [one["id"] for one in there if one["pause_collection"] is not None]


@pytest.fixture
def company(url: Secret, stripe: FakeStripe) -> Company:  # noqa: F811
    made = Company(url, stripe, HastyClock(NOW))
    made.knows()
    return made
