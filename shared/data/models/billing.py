"""Whether the company's billing runs: Belfry's own switch, what was done for each tenant, and each
step that Stripe was asked for."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import BigInteger, ForeignKey, Identity, Index
from sqlalchemy.orm import Mapped, mapped_column

from shared.data.models.base import Base, check, one_of
from shared.data.models.tenants import Tenant
from shared.data.models.types import CURRENCY, Choice


class BillingSwitch(Base):
    """Belfry's own switch, one row; none as long as nothing was ever paused. What accrues looks
    here first, so one write ends overage before Stripe is asked anything."""

    __tablename__ = "billing_switch"
    __table_args__ = (check("billing_switch", "id", "= 1"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    paused_at: Mapped[datetime | None]
    """None: it runs."""
    paused_for: Mapped[date | None]
    """The day whose spend was too high, last."""
    spent_minor: Mapped[int | None] = mapped_column(BigInteger)
    limit_minor: Mapped[int | None] = mapped_column(BigInteger)
    currency: Mapped[str | None] = mapped_column(CURRENCY)
    resumed_at: Mapped[datetime | None]
    resumed_by: Mapped[str | None]
    resumed_for: Mapped[date | None]
    """The day for which a person's word holds: it is not paused again on that day."""


class BillingState(StrEnum):
    """What Stripe was told of a tenant's subscription. `PAUSING` and `RESUMING`: it was asked, and
    has not answered."""

    ACTIVE = "active"
    PAUSING = "pausing"
    PAUSED = "paused"
    RESUMING = "resuming"


class TenantBilling(Base):
    """A tenant's subscription. No row: it has none."""

    __tablename__ = "tenant_billings"
    __table_args__ = (
        one_of("tenant_billings", "state", BillingState),
        Index(None, "state", "tenant_id"),
    )

    tenant_id: Mapped[int] = mapped_column(
        ForeignKey(Tenant.id), primary_key=True, autoincrement=False
    )
    stripe_subscription_id: Mapped[str | None]
    state: Mapped[BillingState] = mapped_column(Choice(BillingState))
    changed_at: Mapped[datetime | None]
    error: Mapped[str | None]
    """Why the last change failed."""
    claimed_until: Mapped[datetime | None]
    """Until then one caller is asking Stripe, and no other may; None: nobody is."""


class StepName(StrEnum):
    """The calls by which a fee is invoiced, in their order."""

    INVOICE = "invoice"
    """An empty draft for the owner."""
    ITEM = "item"
    """The fee, on that draft."""
    FINALISE = "finalise"
    """From here on Stripe collects it."""


class StepState(StrEnum):
    """Where a step stands. `OPEN`: Stripe may have been asked, and its answer is not known."""

    OPEN = "open"
    DONE = "done"
    FAILED = "failed"


class BillingStep(Base):
    """A call to Stripe that changes something, written before it is made and never deleted. A step
    that failed is followed by another row with a key of its own if a person wants it again."""

    __tablename__ = "billing_steps"
    __table_args__ = (
        one_of("billing_steps", "step", StepName),
        one_of("billing_steps", "state", StepState),
        Index(None, "tenant_id", "occasion", "id"),
        Index(None, "state", "tenant_id"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    tenant_id: Mapped[int] = mapped_column(ForeignKey(Tenant.id))
    occasion: Mapped[str]
    """What it is for, such as `no_show:17`: the appointment."""
    step: Mapped[StepName] = mapped_column(Choice(StepName))
    key: Mapped[str] = mapped_column(unique=True)
    """The idempotency key."""
    parameters: Mapped[str]
    """What is sent, as JSON. It stays as it is, for a key goes with its parameters."""
    state: Mapped[StepState] = mapped_column(Choice(StepState))
    stripe_id: Mapped[str | None]
    """Of what the call made."""
    error: Mapped[str | None]
    """Why it failed last."""
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]
