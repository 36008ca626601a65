"""Counters of use: one row for each tenant, counter and day."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import BigInteger, ForeignKey, Identity, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from shared.data.models.base import Base, index
from shared.data.models.tenants import Tenant


class UsageDay(Base):
    """A counter on a day. Who counts adds to the row of the day on which it happened, so a new day
    begins at zero whenever the old one is closed; a closed day is not added to."""

    __tablename__ = "usage_days"
    __table_args__ = (
        UniqueConstraint("tenant_id", "counter", "day"),
        index("usage_days", "tenant_id", "day", "id", only_null="closed_at"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    tenant_id: Mapped[int] = mapped_column(ForeignKey(Tenant.id))
    counter: Mapped[str]
    day: Mapped[date]
    value: Mapped[int] = mapped_column(BigInteger)
    closed_at: Mapped[datetime | None]
    """None: the day is open."""
