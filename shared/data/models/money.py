"""What the company spends and earns, by tenant and day. Belfry reads both."""

from __future__ import annotations

from datetime import date

from sqlalchemy import BigInteger, ForeignKey, Identity, Index
from sqlalchemy.orm import Mapped, mapped_column

from shared.data.models.base import Base
from shared.data.models.tenants import Tenant
from shared.data.models.types import CURRENCY


class Cost(Base):
    """A cost of a day. A day may have several of one category."""

    __tablename__ = "costs"
    __table_args__ = (Index(None, "day", "category"),)

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    tenant_id: Mapped[int] = mapped_column(ForeignKey(Tenant.id))
    day: Mapped[date]
    """In UTC, as the cost report counts days."""
    category: Mapped[str]
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(CURRENCY)


class Revenue(Base):
    """An income of a day. A day may have several of one source."""

    __tablename__ = "revenues"
    __table_args__ = (Index(None, "day", "source"),)

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    tenant_id: Mapped[int] = mapped_column(ForeignKey(Tenant.id))
    day: Mapped[date]
    source: Mapped[str]
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(CURRENCY)
