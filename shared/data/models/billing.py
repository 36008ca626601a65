"""Whether the company's billing runs: Belfry's own switch, and what was done for each tenant."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import BigInteger, ForeignKey
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
    __table_args__ = (one_of("tenant_billings", "state", BillingState),)

    tenant_id: Mapped[int] = mapped_column(
        ForeignKey(Tenant.id), primary_key=True, autoincrement=False
    )
    stripe_subscription_id: Mapped[str | None]
    state: Mapped[BillingState] = mapped_column(Choice(BillingState))
    changed_at: Mapped[datetime | None]
    error: Mapped[str | None]
    """Why the last change failed."""
